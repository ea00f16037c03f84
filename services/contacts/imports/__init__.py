"""Contacts from files: uploaded, looked at, mapped, and read row by row in a process of its own."""
