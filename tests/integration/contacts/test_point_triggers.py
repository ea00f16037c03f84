"""Triggers: kept like all records, and the color of every contact that has their points."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from services.contacts.points.colors import SECONDS
from tests.integration.contacts.conftest import PlaceMaker
from tests.integration.contacts.own_place import Place
from tests.processes import eventually

URL = "/api/points/triggers"
_visitors = itertools.count(4_500_000_000_001)


@pytest.fixture(scope="module")
def own_place(make_place: PlaceMaker) -> Place:
    return make_place()


@pytest.fixture
def place(own_place: Place) -> Iterator[Place]:
    """Without triggers afterwards."""
    yield own_place
    numbers = [one["id"] for one in own_place.api.get(URL).json()["triggers"]]
    if numbers:
        own_place.api.request("DELETE", f"{URL}/batch/delete", params={"ids": ",".join(map(str, numbers))})


def trigger(place: Place, points: int = 0, **body: Any) -> dict[str, Any]:
    answer = place.api.post(f"{URL}/new", json={"name": f"From {points}", "points": points, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["trigger"]
    return made


def contact(place: Place, points: int = 0) -> int:
    return place.contact(email=f"{uuid.uuid4().hex}@x.org", points=points)


def color(place: Place, contact_id: int) -> str | None:
    shown: str | None = place.api.get(f"/api/contacts/{contact_id}").json()["contact"]["color"]
    return shown


def test_triggers_are_made_changed_replaced_listed_and_deleted(place: Place) -> None:
    made = trigger(place, 10, color="#FF0000", description="Nearly there")
    url = f"{URL}/{made['id']}"
    assert place.api.get(url).json()["trigger"] == made
    assert (made["points"], made["color"], made["isPublished"], made["events"]) == (10, "FF0000", True, [])
    changed = place.api.patch(f"{url}/edit", json={"points": 20}).json()["trigger"]
    assert (changed["points"], changed["color"], changed["description"]) == (20, "FF0000", "Nearly there")
    replaced = place.api.put(f"{url}/edit", json={"name": "Cold", "isPublished": False}).json()["trigger"]
    assert (replaced["points"], replaced["color"], replaced["description"]) == (0, "a0acb8", None)
    more = place.api.post(f"{URL}/batch/new", json=[{"name": "A", "points": 7}, {"name": "B", "points": 5}]).json()
    assert more["statusCodes"] == {"0": 201, "1": 201}
    query = {"orderBy": "points", "orderByDir": "DESC", "published": "1"}
    listed = place.api.get(URL, params=query).json()
    assert (listed["total"], [one["name"] for one in listed["triggers"]]) == (2, ["A", "B"])
    assert place.api.delete(f"{url}/delete").json()["trigger"]["id"] is None
    assert place.api.get(url).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"), [("color", "red"), ("points", "many"), ("name", ""), ("events", [{"type": "email.send"}])]
)
def test_what_a_trigger_cannot_have_is_named(place: Place, field: str, value: Any) -> None:
    answer = place.api.post(f"{URL}/new", json={"name": "Hot", field: value})
    assert (answer.status_code, list(answer.json()["errors"][0]["details"])) == (400, [field])


def test_triggers_have_no_events_and_say_so(place: Place) -> None:
    assert place.api.get(f"{URL}/events/types").json() == {"eventTypes": {}}
    assert trigger(place, events=[])["events"] == []


def test_a_contact_has_the_color_of_its_points_wherever_it_is_shown(place: Place) -> None:
    one = contact(place, 50)
    trigger(place, 10, color="00ff00")
    trigger(place, 60, color="ff0000")
    assert color(place, one) == "00ff00"
    listed = place.api.get("/api/contacts", params={"search": f"ids:{one}"}).json()["contacts"]
    assert listed[str(one)]["color"] == "00ff00"
    query = {"search": f"ids:{one}", "minimal": "1"}
    assert place.api.get("/api/contacts", params=query).json()["contacts"][str(one)]["color"] == "00ff00"
    edited = place.api.patch(f"/api/contacts/{one}/edit", json={"points": 60}).json()["contact"]
    assert (edited["points"], edited["color"]) == (60, "ff0000")
    batch = place.api.patch("/api/contacts/batch/edit", json=[{"id": one, "points": 9}]).json()["contacts"]
    assert batch[0]["color"] is None


def test_an_answered_write_of_a_trigger_counts_at_once(place: Place) -> None:
    one = contact(place, 5)
    assert color(place, one) is None
    number = trigger(place, 5)["id"]
    assert color(place, one) == "a0acb8"
    place.api.patch(f"{URL}/{number}/edit", json={"color": "123"})
    assert color(place, one) == "123"
    place.api.patch(f"{URL}/{number}/edit", json={"isPublished": False})
    assert color(place, one) is None
    place.api.put(f"{URL}/{number}/edit", json={"name": "Again", "points": 4})
    assert color(place, one) == "a0acb8"
    place.api.delete(f"{URL}/{number}/delete")
    assert color(place, one) is None


def test_another_process_shows_it_a_second_later(place: Place) -> None:
    one, other = contact(place, 5), place.start()
    try:
        assert other.http.get(f"/api/contacts/{one}").json()["contact"]["color"] is None
        trigger(place, 5)
        written_at = time.monotonic()
        eventually(lambda: other.http.get(f"/api/contacts/{one}").json()["contact"]["color"] == "a0acb8", "it", 10)
        assert time.monotonic() - written_at < SECONDS + 5  # with room for a busy machine
    finally:
        other.process.stop()
        other.http.close()


def test_a_visitor_has_no_points_and_their_color(place: Place) -> None:
    visitor = next(_visitors)
    place.store(visitor, url="https://x.org/")
    trigger(place, 1, color="ff0000")
    assert color(place, visitor) is None
    trigger(place, 0, color="00ff00")
    assert color(place, visitor) == "00ff00"
    query = {"search": "is:anonymous", "limit": "1"}
    assert next(iter(place.api.get("/api/contacts", params=query).json()["contacts"].values()))["color"] == "00ff00"
