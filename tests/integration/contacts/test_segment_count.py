"""Filters are counted before a segment is made of them: against real servers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from services.contacts.metrics import ContactsMetrics
from services.contacts.segments import api as segments_api
from services.contacts.stores import Stores
from tests.integration.contacts.answers import told
from tests.integration.contacts.test_rights import closed_clients, someone
from tests.integration.contacts.test_segments import by, contact, new

__all__ = ["closed_clients", "someone"]  # fixtures


@pytest.fixture
def city(api: httpx.Client) -> str:
    """Where seven contacts are."""
    name = f"City {uuid.uuid4().hex[:10]}"
    for number in range(7):
        contact(api, city=name, firstname=f"Ada {number}")
    return name


def count(api: httpx.Client, *filters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(told(api.post("/api/segments/count", json={"filters": list(filters), **more})))


def test_filters_are_counted_and_their_first_five_are_shown(api: httpx.Client, city: str) -> None:
    found = count(api, by("city", "=", city))
    assert found["count"] == 7
    names = [one["fields"]["all"]["firstname"] for one in found["contacts"]]
    assert names == [f"Ada {number}" for number in range(5)]
    assert set(found["contacts"][0]) == {"id", "points", "color", "fields"}


def test_nothing_is_saved_by_counting(api: httpx.Client, city: str) -> None:
    total = api.get("/api/segments", params={"limit": 1}).json()["total"]
    count(api, by("city", "=", city))
    assert api.get("/api/segments", params={"limit": 1}).json()["total"] == total


def test_what_is_wrong_with_filters_is_told_by_their_place(api: httpx.Client) -> None:
    said = [by("city", "=", "x"), by("points", "gt", "many")]
    refused = api.post("/api/segments/count", json={"filters": said})
    assert refused.status_code == 400
    assert list(refused.json()["errors"][0]["details"]) == ["filters[1]"]
    for filters in ("x", [1], {"a": []}):
        assert api.post("/api/segments/count", json={"filters": filters}).status_code == 400
    assert count(api)["count"] == 0


def test_a_segment_that_is_changed_counts_who_was_put_in_or_out_by_hand(api: httpx.Client, city: str) -> None:
    segment, other = new(api, f"In {city}", by("city", "=", city)), contact(api, firstname="By hand")
    told(api.post(f"/api/segments/{segment['id']}/contact/{other}/add"))
    gone = count(api, by("city", "=", city))["contacts"][0]["id"]
    told(api.post(f"/api/segments/{segment['id']}/contact/{gone}/remove"))
    assert count(api, by("city", "=", city))["count"] == 7
    found = count(api, by("city", "=", city), by("firstname", "!=", "Ada 1"), id=segment["id"])
    assert found["count"] == 6 and gone not in [one["id"] for one in found["contacts"]]
    assert count(api, id=segment["id"])["count"] == 1
    itself = by("leadlist", "in", [segment["id"]])
    refused = api.post("/api/segments/count", json={"filters": [itself], "id": segment["id"]})
    assert refused.status_code == 400 and "made of itself" in refused.text
    assert api.post("/api/segments/count", json={"filters": [], "id": 999_999_999}).status_code == 404


def test_an_unpublished_segment_that_others_are_made_of_can_be_counted(api: httpx.Client, city: str) -> None:
    segment = new(api, f"Off {city}", by("city", "=", city), isPublished=False)
    new(api, f"Of {city}", by("leadlist", "in", [segment["id"]]))
    assert count(api, by("city", "=", city), id=segment["id"])["count"] == 7


def test_only_contacts_that_one_may_see_are_counted(
    api: httpx.Client, someone: Callable[..., httpx.Client], city: str
) -> None:
    own = someone(lead__leads=["viewown", "create"], lead__lists=["viewown"])
    contact(own, city=city, firstname="Mine")
    found = count(own, by("city", "=", city))
    assert (found["count"], [one["fields"]["all"]["firstname"] for one in found["contacts"]]) == (1, ["Mine"])
    hidden = new(api, f"Hidden {city}", by("city", "=", city), isGlobal=False)
    refused = own.post("/api/segments/count", json={"filters": [by("leadlist", "in", [hidden["id"]])]})
    assert refused.status_code == 400 and "There is no segment" in refused.text
    assert own.post("/api/segments/count", json={"filters": [], "id": hidden["id"]}).status_code == 403
    blind = someone(lead__leads=["viewown"])
    assert blind.post("/api/segments/count", json={"filters": []}).status_code == 403


async def test_a_count_that_takes_too_long_is_given_up_and_says_so(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments_api, "LONGEST_SECONDS", 0)
    app = Starlette(routes=segments_api.SegmentsApi(stores, "admin", ContactsMetrics()).routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        answer = await client.post("/api/segments/count", json={"filters": [by("city", "=", "x")]})
    assert answer.json() == {"count": None, "contacts": []}
