"""Where an address is: a city database in MaxMind's format, either its own schema or the flat one of DB-IP."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import maxminddb

CACHED_PLACES = 100_000


class Place(NamedTuple):
    """Unknown is empty; coordinates are degrees, 0 and 0 where unknown."""

    country: str = ""
    region: str = ""
    city: str = ""
    latitude: float = 0.0
    longitude: float = 0.0
    timezone: str = ""


NOWHERE = Place()


class Places:
    """Looks addresses up; without a database nobody is anywhere."""

    def __init__(self, path: str) -> None:
        self._reader = maxminddb.open_database(path) if path else None
        self.find = lru_cache(CACHED_PLACES)(self._find)

    def close(self) -> None:
        if self._reader:
            self._reader.close()

    def _find(self, ip: str) -> Place:
        if self._reader is None:
            return NOWHERE
        try:
            record = self._reader.get(ip)
        except ValueError:  # no address, or a v6 one in a v4 database
            return NOWHERE
        return read_place(record) if isinstance(record, Mapping) else NOWHERE


def read_place(record: Mapping[str, Any]) -> Place:
    """One place from a record of either schema."""
    if "country_code" in record:
        return Place(
            str(record.get("country_code") or ""),
            str(record.get("state1") or ""),
            str(record.get("city") or ""),
            float(record.get("latitude") or 0),
            float(record.get("longitude") or 0),
            str(record.get("timezone") or ""),
        )
    location = record.get("location", {})
    regions = record.get("subdivisions") or [{}]
    return Place(
        _name(record.get("country", {})),
        _name(regions[-1]),
        _name(record.get("city", {})),
        float(location.get("latitude", 0)),
        float(location.get("longitude", 0)),
        location.get("time_zone", ""),
    )


def _name(part: Mapping[str, Any]) -> str:
    return str(part.get("names", {}).get("en", ""))
