"""The pages of the fields of contacts and of companies."""
