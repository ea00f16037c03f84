"""The fields of contacts and companies: those from the start and those that people make."""
