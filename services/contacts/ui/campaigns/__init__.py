"""Campaigns: their names, and who is in them."""
