"""Webhooks: whom to tell of what happens, what waits to be told, and the deliveries."""
