"""Places of addresses, from MaxMind's own test database and from a record of DB-IP's flat kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.identity.places import NOWHERE, Place, Places, read_place

DATABASE = Path(__file__).parents[2] / "data" / "maxmind" / "GeoIP2-City-Test.mmdb"


@pytest.fixture
def places() -> Iterator[Places]:
    places = Places((str(DATABASE),))
    yield places
    places.close()


def test_an_address_of_either_kind_is_found(places: Places) -> None:
    assert places.find("81.2.69.160") == Place("United Kingdom", "England", "London", 51.5142, -0.0931, "Europe/London")
    assert places.find("2001:218::1").country == "Japan"


@pytest.mark.parametrize("ip", ["", "10.0.0.1", "not an address", "1" * 500, "::ffff:127.0.0.1"])
def test_what_is_not_in_it_is_nowhere(places: Places, ip: str) -> None:
    assert places.find(ip) == NOWHERE


def test_without_a_database_everybody_is_nowhere() -> None:
    assert Places(()).find("81.2.69.160") == NOWHERE


def test_flat_records_are_read_too() -> None:
    record = {"country_code": "NL", "state1": "North Holland", "city": "Amsterdam", "latitude": 52.37, "longitude": 4.9}
    assert read_place(record) == Place("NL", "North Holland", "Amsterdam", 52.37, 4.9, "")
    assert read_place({"country_code": None, "city": None}) == NOWHERE
