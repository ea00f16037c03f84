"""Groups of points: kept like all records, and the scores of contacts in them."""

from __future__ import annotations

import concurrent.futures
import itertools
import uuid
from typing import Any

import httpx
import pytest

from services.common.profile import MAX_POINTS
from tests.integration.contacts.answers import told
from tests.integration.contacts.conftest import PlaceMaker
from tests.integration.contacts.own_place import Place
from tests.integration.contacts.test_rights import client_of, closed_clients, made_user, role
from tests.processes import eventually

_ = closed_clients
URL = "/api/points/groups"
_visitors = itertools.count(4_500_000_700_001)


@pytest.fixture(scope="module")
def place(make_place: PlaceMaker) -> Place:
    return make_place()


def group(api: httpx.Client, name: str = "Loyalty", **body: Any) -> int:
    return int(told(api.post(f"{URL}/new", json={"name": name, **body}), 201)["pointGroup"]["id"])


def contact(api: httpx.Client, **body: Any) -> int:
    said = {"email": f"{uuid.uuid4().hex}@x.org", **body}
    return int(told(api.post("/api/contacts/new", json=said), 201)["contact"]["id"])


def scores(api: httpx.Client, one: int) -> dict[int, int]:
    body = told(api.get(f"/api/contacts/{one}/points/groups"))
    assert body["total"] == len(body["groupScores"])
    return {score["group"]["id"]: score["score"] for score in body["groupScores"]}


def calculate(api: httpx.Client, one: int, number: int, what: str, **body: Any) -> int:
    answer = told(api.post(f"/api/contacts/{one}/points/groups/{number}/{what}", json=body))
    return int(answer["groupScore"]["score"])


def gained(api: httpx.Client, one: int) -> list[dict[str, Any]]:
    query = {"filters[includeEvents][]": "point.gained", "order[0]": "timestamp", "order[1]": "ASC"}
    found: list[dict[str, Any]] = told(api.get(f"/api/contacts/{one}/activity", params=query))["events"]
    return found


def test_groups_are_made_changed_replaced_listed_and_deleted(api: httpx.Client) -> None:
    mark = uuid.uuid4().hex
    number = group(api, mark, description="Comes back")
    assert told(api.get(f"{URL}/{number}"))["pointGroup"]["description"] == "Comes back"
    changed = told(api.patch(f"{URL}/{number}/edit", json={"name": f"{mark} 2"}))["pointGroup"]
    assert (changed["name"], changed["description"]) == (f"{mark} 2", "Comes back")
    assert told(api.put(f"{URL}/{number}/edit", json={"name": mark}))["pointGroup"]["description"] is None
    batch = told(api.post(f"{URL}/batch/new", json=[{"name": f"{mark} 3"}, {"name": ""}]), 201)
    assert batch["statusCodes"] == {"0": 201, "1": 400}
    listed = told(api.get(URL, params={"search": mark, "orderBy": "name"}))
    assert [one["name"] for one in listed["pointGroups"]] == [mark, f"{mark} 3"]
    assert told(api.delete(f"{URL}/{number}/delete"))["pointGroup"]["id"] is None
    assert api.get(f"{URL}/{number}").status_code == 404


def test_a_score_is_changed_set_and_shown_apart_from_the_points(api: httpx.Client) -> None:
    one, number, other = contact(api, points=7), group(api, description="Comes back"), group(api, "Other")
    assert scores(api, one) == {}
    what = ["plus/10", "minus/25", "times/3", "divide/2", "set/-4", "plus/0", "set/9999999999", "plus/1"]
    assert [calculate(api, one, number, each) for each in what] == [
        *(10, -15, -45, -22, -4, -4),
        *(MAX_POINTS, MAX_POINTS),
    ]
    calculate(api, one, other, "set/5")
    assert scores(api, one) == {number: MAX_POINTS, other: 5}
    found = told(api.get(f"/api/contacts/{one}/points/groups/{number}"))["groupScore"]
    assert found == {"score": MAX_POINTS, "group": {"id": number, "name": "Loyalty", "description": "Comes back"}}
    assert told(api.get(f"/api/contacts/{one}"))["contact"]["points"] == 7


def test_what_changes_no_score_leaves_no_trace(api: httpx.Client) -> None:
    one, number = contact(api), group(api)
    before = told(api.get(f"/api/contacts/{one}"))["contact"]["dateModified"]
    assert calculate(api, one, number, "plus/0") == calculate(api, one, number, "times/5") == 0
    assert (scores(api, one), gained(api, one)) == ({}, [])
    assert told(api.get(f"/api/contacts/{one}"))["contact"]["dateModified"] == before
    assert told(api.get(f"/api/contacts/{one}/points/groups/{number}"))["groupScore"]["score"] == 0


@pytest.mark.parametrize(
    ("what", "field"),
    [("power/2", "operator"), ("plus/x", "value"), ("plus/-1", "value"), ("set/1.5", "value"), ("divide/0", "value")],
)
def test_what_cannot_be_calculated_is_named(api: httpx.Client, what: str, field: str) -> None:
    one, number = contact(api), group(api)
    [error] = told(api.post(f"/api/contacts/{one}/points/groups/{number}/{what}"), 400)["errors"]
    assert list(error["details"]) == [field]
    assert scores(api, one) == {}


def test_points_themselves_are_not_set_by_such_a_call(api: httpx.Client) -> None:
    assert api.post(f"/api/contacts/{contact(api)}/points/set/5").status_code == 400


def test_nobody_and_no_group_are_a_404(api: httpx.Client) -> None:
    one, number = contact(api), group(api)
    for contact_id, group_id in ((one, 999_999), (one, "x"), (999_999, number)):
        base = f"/api/contacts/{contact_id}/points/groups/{group_id}"
        assert [api.get(base).status_code, api.post(f"{base}/plus/1").status_code] == [404, 404]
    assert api.get("/api/contacts/999999/points/groups").status_code == 404


def test_a_visitor_has_no_scores_until_one_is_given(place: Place) -> None:
    visitor, number = next(_visitors), group(place.api)
    place.store(visitor, url="https://x.org/")
    assert scores(place.api, visitor) == {}
    assert calculate(place.api, visitor, number, "plus/3") == 3
    assert scores(place.api, visitor) == {number: 3}


def test_scores_of_a_deleted_group_are_not_shown(api: httpx.Client) -> None:
    one, number = contact(api), group(api)
    calculate(api, one, number, "plus/3")
    told(api.delete(f"{URL}/{number}/delete"))
    assert scores(api, one) == {}
    assert api.get(f"/api/contacts/{one}/points/groups/{number}").status_code == 404


def test_many_changes_at_once_all_count(api: httpx.Client) -> None:
    one, number = contact(api), group(api)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: calculate(api, one, number, "plus/1"), range(24)))
    assert scores(api, one) == {number: 24}


def test_who_merges_brings_the_scores_along(api: httpx.Client) -> None:
    one, other, first, second = contact(api), contact(api), group(api), group(api)
    for contact_id, number, what in ((one, first, "plus/3"), (other, first, "plus/4"), (other, second, "set/-5")):
        calculate(api, contact_id, number, what)
    email = told(api.get(f"/api/contacts/{other}"))["contact"]["fields"]["all"]["email"]
    told(api.patch(f"/api/contacts/{one}/edit", json={"email": email}))
    assert scores(api, other) == scores(api, one) == {first: 7, second: -5}
    assert calculate(api, one, first, "set/1") == 1
    assert scores(api, one) == {first: 1, second: -5}


def test_the_history_and_the_audit_log_tell_of_a_score_and_the_chart_of_points_does_not(api: httpx.Client) -> None:
    one, number = contact(api, points=2), group(api)
    calculate(api, one, number, "plus/30", eventName="Fair", actionName="spring")
    _, event = gained(api, one)
    assert event["eventLabel"] == "Fair / +30 (Loyalty)"
    assert event["details"]["log"] == {
        "eventName": "Fair", "actionName": "spring", "delta": 30, "type": "API",
        "group": {"id": number, "name": "Loyalty"},
    }  # fmt: skip
    datasets = told(api.get(f"/api/contacts/{one}/engagement"))["datasets"]
    assert [sum(line["data"]) for line in datasets if line["label"] == "Points"] == [2]

    entry = told(api.get(f"/api/contacts/{one}/auditlog"))["auditlog"][0]
    assert entry["details"] == {f"scores.{number}": [None, 30]}


def test_a_rule_of_a_group_gives_its_points_there(place: Place) -> None:
    one, number, gone, url = contact(place.api), group(place.api), group(place.api), f"https://x.org/{uuid.uuid4().hex}"

    def rule(**body: Any) -> dict[str, Any]:
        said = {"name": "Visit", "type": "url.hit", "delta": 5, "properties": {"page_url": url}, **body}
        made: dict[str, Any] = told(place.api.post("/api/points/new", json=said), 201)["point"]
        return made

    assert rule(group=number, repeatable=True)["group"] == {"id": number}
    rule(group=gone, delta=1_000)
    rule(delta=100)
    told(place.api.delete(f"{URL}/{gone}/delete"))
    place.store(one, url=url)
    place.store(one, url=url)
    eventually(lambda: scores(place.api, one) == {number: 10}, "the score", 20)
    eventually(lambda: told(place.api.get(f"/api/contacts/{one}"))["contact"]["points"] == 100, "the points", 20)

    def in_history() -> dict[str, int]:
        """By the group; two visits may be two gains, or one of both."""
        sums: dict[str, int] = {}
        for log in (event["details"]["log"] for event in gained(place.api, one)):
            where = str(log.get("group"))
            sums[where] = sums.get(where, 0) + int(log["delta"])
        return sums

    told_there = {str({"id": number, "name": "Loyalty"}): 10, "None": 100}
    eventually(lambda: in_history() == told_there, "both in the history", 60)


def test_a_rule_names_only_a_group_that_there_is(api: httpx.Client) -> None:
    said = {"name": "Visit", "type": "url.hit", "delta": 5, "properties": {"page_url": "/"}}
    for wrong in (999_999, "x"):
        [error] = told(api.post("/api/points/new", json={**said, "group": wrong}), 400)["errors"]
        assert list(error["details"]) == ["group"]
    number = group(api)
    made = told(api.post("/api/points/new", json={**said, "group": {"id": number}}), 201)["point"]
    assert told(api.patch(f"/api/points/{made['id']}/edit", json={"delta": 6}))["point"]["group"] == {"id": number}
    assert told(api.put(f"/api/points/{made['id']}/edit", json=said))["point"]["group"] is None
    told(api.delete(f"/api/points/{made['id']}/delete"))


def test_whoever_sees_only_their_own_contacts_changes_only_their_scores(api: httpx.Client) -> None:
    others, number = contact(api), group(api)
    own = client_of(api, made_user(api, role(api, lead__leads=["viewown", "editown", "create"])))
    assert calculate(own, contact(own), number, "plus/2") == 2
    base = f"/api/contacts/{others}/points/groups"
    answers = [own.get(base), own.get(f"{base}/{number}"), own.post(f"{base}/{number}/plus/1"), own.get(URL)]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert scores(api, others) == {}
