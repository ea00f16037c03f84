"""The export service: contacts as CSV files, made in the background and fetched when ready."""
