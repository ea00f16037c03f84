"""Webhooks, and how their calls went."""
