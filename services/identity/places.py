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
    """Looks addresses up in these files, in their order; without one nobody is anywhere."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self._readers = [maxminddb.open_database(path) for path in paths]
        self.find = lru_cache(CACHED_PLACES)(self._find)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()

    def _find(self, ip: str) -> Place:
        for reader in self._readers:
            try:
                record = reader.get(ip)
            except ValueError:  # no address, or a v6 one in a v4 database
                continue
            if isinstance(record, Mapping):
                return read_place(record)
        return NOWHERE


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
