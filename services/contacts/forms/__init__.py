"""What was put into forms."""
