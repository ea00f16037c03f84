"""The list of contacts, and what is done with many of them at once."""
