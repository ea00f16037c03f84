"""A contact's profiles in social networks, as links that can be followed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from services.common.contact_fields import Field
from services.common.profile import Value

_ADDRESSES = {
    "facebook": "https://www.facebook.com/",
    "foursquare": "https://foursquare.com/",
    "instagram": "https://www.instagram.com/",
    "linkedin": "https://www.linkedin.com/in/",
    "twitter": "https://twitter.com/",
}
_URL = re.compile(r"https?://[^\s/?#\"<>\\]+[^\s\"<>\\]*", re.IGNORECASE)
_BARE_URL = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}/[^\s\"<>\\]+", re.IGNORECASE)
_NAME = re.compile(r"@?([\w.-]{1,100})")


def social_profiles(fields: Mapping[str, Field], values: Mapping[str, Value]) -> dict[str, dict[str, Any]]:
    """By alias of those social fields that say something: the value, and its link, or None where it makes none."""
    said = {alias: str(values.get(alias) or "").strip() for alias, field in fields.items() if field.group == "social"}
    return {
        alias: {"label": fields[alias].label, "value": text, "url": _url(alias, text)}
        for alias, text in said.items()
        if text
    }


def _url(network: str, text: str) -> str | None:
    if _URL.fullmatch(text):
        return text
    if network != "skype" and _BARE_URL.fullmatch(text):
        return f"https://{text}"
    name = _NAME.fullmatch(text)
    if name and network == "skype":
        return f"skype:{quote(name[1])}?chat"
    return _ADDRESSES[network] + quote(name[1]) if name and network in _ADDRESSES else None
