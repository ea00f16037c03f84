"""Where a contact was, as far as its addresses tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Place(NamedTuple):
    name: str
    latitude: float
    longitude: float
    addresses: tuple[str, ...]


def places_of(contact: Mapping[str, Any]) -> list[Place]:
    """One for each point, the newest first; none of those whose coordinates are not known."""
    found: dict[tuple[float, float], Place] = {}
    for address in contact.get("ipAddresses") or []:
        details = address.get("ipDetails") or {}
        try:
            point = float(details["latitude"]), float(details["longitude"])
        except (KeyError, TypeError, ValueError):
            continue
        name = ", ".join(str(details[one]) for one in ("city", "region", "country") if details.get(one)) or "N/A"
        known = found.get(point, Place(name, *point, ()))
        found[point] = known._replace(addresses=(*known.addresses, str(address.get("ipAddress") or "")))
    return list(found.values())
