"""The channels that pages name, by their keys. Pure."""

from __future__ import annotations

CHANNELS = {"email": "Email", "sms": "Text messages", "notification": "Notifications"}
