"""Two contacts become one over the API, and are parted again."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Hit
from tests.integration.contacts.answers import told
from tests.integration.contacts.test_rights import client_of, closed_clients, made_user, role

_ = closed_clients


def new(api: httpx.Client, **said: Any) -> int:
    said = {"email": f"m-{uuid.uuid4().hex[:8]}@x.org", **said}
    return int(told(api.post("/api/contacts/new", json=said), 201)["contact"]["id"])


def merges(api: httpx.Client, contact: int) -> list[dict[str, Any]]:
    found = told(api.get(f"/api/contacts/{contact}/merges"))
    assert found["total"] == len(found["merges"])
    listed: list[dict[str, Any]] = found["merges"]
    return listed


def test_a_merge_is_looked_at_made_told_and_undone(api: httpx.Client) -> None:
    winner, loser = new(api, firstname="Ada", tags="a"), new(api, firstname="", lastname="Byron", tags="b", points=3)
    look = told(api.get(f"/api/contacts/{winner}/merge/{loser}"))["contact"]
    assert [tag["tag"] for tag in look["tags"]] == ["a", "b"]
    assert told(api.get(f"/api/contacts/{loser}"))["contact"]["id"] == loser, "nothing was written"
    merged = told(api.post(f"/api/contacts/{winner}/merge", json={"contact": loser}))
    assert merged["merged"]
    assert merged["contact"]["fields"] == look["fields"]
    assert told(api.get(f"/api/contacts/{loser}"))["contact"]["id"] == winner
    assert told(api.get("/api/contacts", params={"search": f"ids:{loser}"}))["total"] in ("0", "1")
    assert not told(api.post(f"/api/contacts/{winner}/merge", json={"contact": loser}))["merged"], "once is enough"
    [one] = merges(api, winner)
    assert (one["id"], one["into"], one["name"], one["mergedBy"]) == (loser, winner, "Byron", "admin")
    undone = told(api.post(f"/api/contacts/{winner}/unmerge/{loser}"))
    assert undone["unmerged"] and undone["contact"]["id"] == loser and undone["taken"] == []
    assert undone["contact"]["points"] == 3
    assert told(api.get(f"/api/contacts/{winner}"))["contact"]["points"] == 0
    assert merges(api, winner) == []
    actions = [one["action"] for one in told(api.get(f"/api/contacts/{winner}/auditlog"))["auditlog"]]
    assert actions[:2] == ["unmerge", "merge"]


def test_a_visitor_merges_with_its_visits(api: httpx.Client, store_hit: Hit) -> None:
    winner, visitor = new(api), uuid.uuid4().int >> 80
    store_hit(visitor, time.time(), url="https://shop.example/satchel", title="Satchel")
    assert told(api.post(f"/api/contacts/{winner}/merge", json={"contact": visitor}))["merged"]
    labels = str(told(api.get(f"/api/contacts/{winner}/activity"))["events"])
    assert "Satchel" in labels


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"contact": "x"}, 404), ({"contact": 999_999_999}, 404), ({"contact": "self"}, 400)],
)
def test_what_cannot_be_merged_is_refused(api: httpx.Client, body: dict[str, Any], status: int) -> None:
    winner = new(api)
    said = {"contact": winner} if body.get("contact") == "self" else body
    answer = api.post(f"/api/contacts/{winner}/merge", json=said)
    assert answer.status_code == status, answer.text
    if status == 400:
        assert "contact" in answer.json()["errors"][0]["details"]
    assert api.get(f"/api/contacts/{winner}/merge/{winner}").status_code == 400


def test_only_who_merged_into_a_contact_is_taken_out_of_it(api: httpx.Client) -> None:
    one, other = new(api), new(api)
    for gone in (one, other):
        answer = api.post(f"/api/contacts/{one}/unmerge/{gone}")
        assert answer.status_code == 400 and "contact" in answer.json()["errors"][0]["details"]


def test_both_contacts_must_be_ones_own_to_edit(api: httpx.Client) -> None:
    with client_of(api, made_user(api, role(api, lead__leads=["viewown", "editown", "create"]))) as ada:
        mine, hers, others = new(ada), new(ada), new(api)
        for first, second in ((mine, others), (others, mine)):
            assert ada.get(f"/api/contacts/{first}/merge/{second}").status_code == 403
            assert ada.post(f"/api/contacts/{first}/merge", json={"contact": second}).status_code == 403
        assert told(ada.post(f"/api/contacts/{mine}/merge", json={"contact": hers}))["merged"]
        assert ada.post(f"/api/contacts/{mine}/unmerge/{hers}").status_code == 200
        assert ada.get(f"/api/contacts/{others}/merges").status_code == 403
