"""The page of one contact, and its dialogs."""
