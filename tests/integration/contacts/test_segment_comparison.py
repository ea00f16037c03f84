"""Who came into a segment or left it is told once, whoever dies meanwhile; what was done by hand is not told again."""

from __future__ import annotations

import itertools
import time
import uuid
from typing import Any

import pytest

from tests.integration.contacts.conftest import PlaceMaker
from tests.integration.contacts.own_place import Place
from tests.integration.contacts.receiver import Receiver
from tests.processes import eventually

_visitors = itertools.count(4_400_000_000_001)
ENVIRON = {"SPOOR_SEGMENT_SECONDS": "0.2", "SPOOR_WEBHOOK_PRIVATE_ADDRESSES": "true"}


@pytest.fixture(scope="module")
def place(make_place: PlaceMaker) -> Place:
    return make_place(**ENVIRON)


def segment(place: Place, *filters: dict[str, Any]) -> int:
    body = {"name": f"S {uuid.uuid4().hex[:8]}", "filters": list(filters)}
    answer = place.api.post("/api/segments/new", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["list"]["id"])


def by(field: str, operator: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"glue": "and", "field": field, "operator": operator, "properties": {"filter": value}, **more}


def built(place: Place, segment_id: int) -> str:
    return str(place.api.get(f"/api/segments/{segment_id}").json()["list"]["lastBuiltDate"])


def wait_for_builds(place: Place, segment_id: int) -> None:
    """Two: one may have begun before what the test did."""
    for _ in range(2):
        before = built(place, segment_id)
        eventually(lambda before=before: built(place, segment_id) not in (before, "None"), "a comparison", 30)
        time.sleep(1)  # lastBuiltDate has seconds


def memberships(place: Place, contact_id: int) -> list[tuple[int, str]]:
    """Of its history, the oldest first."""
    query = {"filters[includeEvents][0]": "segment_membership", "order[0]": "timestamp", "order[1]": "ASC"}
    answer = place.api.get(f"/api/contacts/{contact_id}/activity", params=query)
    assert answer.status_code in (200, 404), answer.text
    events = answer.json().get("events", [])
    return [(event["details"]["segmentId"], event["details"]["action"]) for event in events]


def test_who_comes_and_goes_is_told_in_its_history(place: Place) -> None:
    city = uuid.uuid4().hex
    number = segment(place, by("city", "=", city))
    one = place.contact(email=f"{city}@x.org", city=city)
    other = place.contact(email=f"{city}@y.org")
    eventually(lambda: memberships(place, one) == [(number, "added")], "it came")
    place.api.patch(f"/api/contacts/{one}/edit", json={"city": "elsewhere"})
    eventually(lambda: memberships(place, one) == [(number, "added"), (number, "removed")], "it went")
    place.api.patch(f"/api/contacts/{one}/edit", json={"city": city})
    eventually(lambda: len(memberships(place, one)) == 3, "it came again")
    wait_for_builds(place, number)
    assert memberships(place, one)[2] == (number, "added") and memberships(place, other) == []
    assert place.api.get("/api/segments").json()["lists"][0]["lastBuiltTime"] is not None


def test_what_was_done_by_hand_is_told_once(place: Place) -> None:
    city = uuid.uuid4().hex
    number = segment(place, by("city", "=", city))
    fits, other = place.contact(email=f"{city}@x.org", city=city), place.contact(email=f"{city}@y.org")
    eventually(lambda: memberships(place, fits) == [(number, "added")], "it came")
    place.api.post(f"/api/segments/{number}/contact/{fits}/remove")
    place.api.post(f"/api/segments/{number}/contact/{other}/add")
    wait_for_builds(place, number)
    assert memberships(place, fits) == [(number, "added"), (number, "removed")]
    assert memberships(place, other) == [(number, "added")]


def test_visitors_come_by_what_they_do_and_who_is_gone_is_not_told(place: Place) -> None:
    url, visitor = f"https://x.org/{uuid.uuid4().hex}", next(_visitors)
    number = segment(place, by("hit_url", "=", url, object="behaviors"))
    known = place.contact(email=f"{uuid.uuid4().hex}@x.org")
    place.store(visitor, url=url)
    place.store(known, url=url)
    eventually(lambda: memberships(place, known) and memberships(place, visitor), "both came")
    place.api.delete(f"/api/contacts/{known}/delete")
    wait_for_builds(place, number)
    assert place.rows(f"SELECT count() FROM events WHERE contact_id = {known} AND type = 'segment_membership'") == [
        (1,)
    ]
    assert place.rows(f"SELECT count() FROM segment_members FINAL WHERE segment = {number} AND is_in") == [(1,)]


def test_a_deleted_segment_leaves_nothing_behind(place: Place) -> None:
    city = uuid.uuid4().hex
    number = segment(place, by("city", "=", city))
    one = place.contact(email=f"{city}@x.org", city=city)
    eventually(lambda: memberships(place, one), "it came")
    place.api.delete(f"/api/segments/{number}/delete")
    for table in ("segment_members", "segment_builds"):
        sql = f"SELECT count() FROM {table} WHERE segment = {number}"
        eventually(lambda sql=sql: place.rows(sql) == [(0,)], f"nothing in {table}")
    assert memberships(place, one) == [(number, "added")]


def test_a_webhook_is_told_of_a_change_that_nobody_made(place: Place) -> None:
    city = uuid.uuid4().hex
    number = segment(place, by("city", "=", city))
    with Receiver() as receiver:
        body = {"name": "H", "webhookUrl": receiver.url, "triggers": ["mautic.lead_list_change"]}
        hook = place.api.post("/api/hooks/new", json=body).json()["hook"]
        one = place.contact(email=f"{city}@x.org", city=city)
        told = receiver.told("mautic.lead_list_change")
        place.api.delete(f"/api/hooks/{hook['id']}/delete")
    ours = [item for item in told if item["segment"]["id"] == number]
    assert [(item["contact"]["id"], item["action"]) for item in ours] == [(one, "added")]


@pytest.mark.parametrize("point", ["after_members", "after_membership_events"])
def test_a_crash_in_the_middle_neither_loses_nor_doubles(place: Place, point: str) -> None:
    city = uuid.uuid4().hex
    place.restart(SPOOR_SEGMENT_SECONDS="1000")  # nothing is compared but at the start
    number = segment(place, by("city", "=", city))
    ids = [place.contact(email=f"{n}@{city}.org", city=city) for n in range(5)]
    place.stop()
    place.start_until_it_dies(SPOOR_FAULT_POINT=point)
    place.forget_leases()
    place.restart()
    for contact_id in ids:
        eventually(lambda contact_id=contact_id: memberships(place, contact_id), "it is told")
    wait_for_builds(place, number)
    assert [memberships(place, contact_id) for contact_id in ids] == [[(number, "added")]] * 5
