"""What was changed over the API, by whom: told field by field, and read back."""
