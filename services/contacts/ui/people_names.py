"""What a contact of the API is called, and what of it every page shows. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from hashlib import md5
from typing import Any

SOCIAL = ("twitter", "facebook", "linkedin", "instagram", "skype", "foursquare")


def values_of(contact: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its fields by alias."""
    return (contact.get("fields") or {}).get("all") or {}


def name_of(contact: Mapping[str, Any]) -> str:
    """By what is known of it: name, company, address, a social name, where it came from."""
    fields = values_of(contact)
    full = " ".join(str(fields[one]) for one in ("firstname", "lastname") if fields.get(one))
    known = [full, fields.get("company"), fields.get("email"), *(fields.get(one) for one in SOCIAL)]
    return next((str(one) for one in known if one), "") or first_address(contact) or f"Visitor {contact.get('id')}"


def first_address(contact: Mapping[str, Any]) -> str:
    addresses = contact.get("ipAddresses") or []
    return str(addresses[0].get("ipAddress") or "") if addresses else ""


def is_anonymous(contact: Mapping[str, Any]) -> bool:
    return not contact.get("dateIdentified")


def place_of(contact: Mapping[str, Any]) -> str:
    """What it says of itself, else where its newest address is."""
    fields = values_of(contact)
    said = [fields.get("city"), fields.get("country")]
    if not any(said) and (addresses := contact.get("ipAddresses")):
        details = addresses[0].get("ipDetails") or {}
        said = [details.get("city"), details.get("country")]
    return ", ".join(str(part) for part in said if part)


def picture_of(contact: Mapping[str, Any], *, has_gravatar: bool) -> str:
    """An address; '' where there are only initials. It changes with the contact, so that browsers may keep it."""
    preferred, email = contact.get("preferredProfileImage"), values_of(contact).get("email")
    if preferred == "custom":
        version = zlib.crc32(str(contact.get("dateModified")).encode())
        return f"/ui/contacts/{contact['id']}/image?{version:x}"
    if preferred == "gravatar" and has_gravatar and email:
        name = md5(str(email).strip().lower().encode(), usedforsecurity=False).hexdigest()
        return f"https://www.gravatar.com/avatar/{name}?s=250&d=mp"
    return ""
