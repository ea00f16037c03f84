"""Rules give points for what contacts do, once, also when they were unknown then."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest

from tests.integration.contacts.conftest import PlaceMaker
from tests.integration.contacts.own_place import Place
from tests.processes import eventually

_visitors = itertools.count(4_500_000_000_001)


@pytest.fixture(scope="module")
def place(make_place: PlaceMaker) -> Place:
    return make_place()


def rule(place: Place, kind: str, delta: int = 5, **body: Any) -> int:
    said = {"name": f"Rule {uuid.uuid4().hex[:6]}", "type": kind, "delta": delta, **body}
    answer = place.api.post("/api/points/new", json=said)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["point"]["id"])


def points(place: Place, contact_id: int) -> int:
    return int(place.api.get(f"/api/contacts/{contact_id}").json()["contact"]["points"])


def settle(place: Place) -> None:
    """All that was stored before gave its points: a rule's that is made now does."""
    url, one = f"https://x.org/{uuid.uuid4().hex}", place.contact(email=f"{uuid.uuid4().hex}@x.org")
    number = rule(place, "url.hit", properties={"page_url": url})
    place.store(one, url=url)
    eventually(lambda: points(place, one) == 5, "points of the last rule", 60)
    place.api.delete(f"/api/points/{number}/delete")


def test_rules_are_made_shown_and_told_what_they_can(place: Place) -> None:
    number = rule(place, "form.submit", 3, properties={"forms": [7]}, repeatable=True)
    shown = place.api.get(f"/api/points/{number}").json()["point"]
    assert (shown["delta"], shown["repeatable"], shown["properties"]) == (3, True, {"forms": ["7"]})
    types = place.api.get("/api/points/actions/types").json()["pointActionTypes"]
    assert sorted(types) == ["asset.download", "email.open", "form.submit", "url.hit"]
    assert place.api.post("/api/points/new", json={"name": "x", "type": "x"}).status_code == 400
    assert place.api.delete(f"/api/points/{number}/delete").json()["point"]["id"] is None


def test_a_visit_gives_points_once_and_a_repeatable_rule_each_time(place: Place) -> None:
    mark, one = uuid.uuid4().hex, place.contact(email=f"{uuid.uuid4().hex}@x.org", points=1)
    place.store(one, url=f"https://x.org/{mark}/before")
    once = rule(place, "url.hit", 10, properties={"page_url": f"https://x.org/{mark}/*"})
    often = rule(place, "url.hit", 100, properties={"page_url": f"*{mark}/b"}, repeatable=True)
    place.store(one, url=f"https://x.org/{mark}/a", times=2)
    place.store(one, url=f"https://x.org/{mark}/b")
    place.store(one, url=f"https://x.org/{mark}/b")
    eventually(lambda: points(place, one) == 211, "the points", 60)
    place.store(one, url=f"https://x.org/{mark}/b")
    eventually(lambda: points(place, one) == 311, "another one", 60)
    settle(place)
    assert points(place, one) == 311
    query = {"filters[includeEvents][0]": "point.gained"}
    events = place.api.get(f"/api/contacts/{one}/activity", params=query).json()["events"]
    assert sum(event["details"]["log"]["delta"] for event in events) == 311
    logs = [event["details"]["log"] for event in events]
    assert {log["actionName"] for log in logs} == {"url.hit", "admin"}
    assert {(log.get("id"), log["type"]) for log in logs} == {(once, "url.hit"), (often, "url.hit"), (None, "API")}


def test_forms_downloads_and_opened_mails_give_points(place: Place) -> None:
    one = place.contact(email=f"{uuid.uuid4().hex}@x.org")
    rule(place, "form.submit", 1, properties={"forms": [71]})
    rule(place, "asset.download", 10)
    rule(place, "email.open", -100, properties={"emails": [9]})
    place.store(one, type="form.submitted", query='{"form":{"id":"71"}}')
    place.store(one, type="form.submitted", query='{"form":{"id":"72"}}')
    place.store(one, type="asset.download", query='{"asset":{"id":"3"}}')
    place.store(one, type="email.read", query='{"stat":{"emailId":9}}')
    eventually(lambda: points(place, one) == -89, "the points", 60)


def test_a_visitor_gets_them_when_it_becomes_known(place: Place) -> None:
    visitor, url = next(_visitors), f"https://x.org/{uuid.uuid4().hex}"
    rule(place, "url.hit", properties={"page_url": url})
    place.store(visitor, url=url)
    settle(place)
    assert points(place, visitor) == 0
    assert place.redis.get(f"c:{{c{visitor % 1024}}}:{visitor}") is None
    place.api.patch(f"/api/contacts/{visitor}/edit", json={"email": f"{uuid.uuid4().hex}@x.org"})
    eventually(lambda: points(place, visitor) == 5, "its points", 60)


def test_a_process_that_dies_gives_nothing_twice(place: Place) -> None:
    url = f"https://x.org/{uuid.uuid4().hex}"
    ids = [place.contact(email=f"{uuid.uuid4().hex}@x.org") for _ in range(5)]
    rule(place, "url.hit", properties={"page_url": url}, repeatable=True)
    place.stop()
    for one in ids:
        place.store(one, url=url)
    place.start_until_it_dies(SPOOR_FAULT_POINT="after_write", SPOOR_FAULT_PASSING="3")
    place.forget_leases()
    place.restart()
    eventually(lambda: [points(place, one) for one in ids] == [5] * 5, "points for all", 60)
    settle(place)
    assert [points(place, one) for one in ids] == [5] * 5
