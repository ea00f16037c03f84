"""The page of a contact: its history, tabs, fields and what can be done with it."""
