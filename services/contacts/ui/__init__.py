"""The pages to look at contacts with."""
