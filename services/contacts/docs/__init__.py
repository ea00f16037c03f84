"""The description of the API for people, and what it does not serve."""
