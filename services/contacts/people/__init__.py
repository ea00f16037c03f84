"""Contacts one by one and in batches: read, made, changed, listed."""
