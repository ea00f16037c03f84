"""What is done to many contacts by one call, by their ids or as a job, against real servers."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.processes import eventually

_numbers = itertools.count()
PREFIX = uuid.uuid4().hex[:8]
Hit = Callable[..., str]


def name(what: str = "thing") -> str:
    return f"{what}{next(_numbers)}-{PREFIX}"


def make(api: httpx.Client, plural: str, singular: str, **body: Any) -> int:
    return int(told(api.post(f"/api/{plural}/new", json=body), 201)[singular]["id"])


def people(api: httpx.Client, count: int, **body: Any) -> list[int]:
    items = [{"email": f"{name('action')}@x.org", **body} for _ in range(count)]
    return [contact["id"] for contact in told(api.post("/api/contacts/batch/new", json=items), 201)["contacts"]]


def act(api: httpx.Client, action: str, ids: list[Any], status: int = 200, **body: Any) -> dict[str, Any]:
    return told(api.post(f"/api/contacts/batch/{action}", json={"ids": ids, **body}), status)


def shown(api: httpx.Client, contact_id: int) -> dict[str, Any]:
    contact: dict[str, Any] = told(api.get(f"/api/contacts/{contact_id}"))["contact"]
    return contact


def details(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["details"])


def ended(api: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    def read() -> dict[str, Any]:
        found: dict[str, Any] = told(api.get(f"/api/jobs/{job['id']}"))["job"]
        return found

    eventually(lambda: read()["status"] != "running", f"job {job['id']} ends", seconds=60)
    return read()


def test_each_contact_is_told_under_its_id(api: httpx.Client) -> None:
    one, other = people(api, 2)
    campaign = make(api, "campaigns", "campaign", name=name("campaign"))
    body = act(api, "campaigns", [one, str(other), 5, "x", one], add=[campaign])
    missing = {"success": False, "error": "Item was not found.", "code": 404}
    assert body == {
        "success": 1, "affected": 2,
        "details": {str(one): {"success": True}, str(other): {"success": True}, "5": missing, "x": missing},
    }  # fmt: skip
    for contact_id in (one, other):
        assert set(told(api.get(f"/api/contacts/{contact_id}/campaigns"))["campaigns"]) == {str(campaign)}


def test_campaigns_and_segments_are_joined_and_left_in_one_call(api: httpx.Client) -> None:
    [one] = people(api, 1)
    for plural, singular, word, kind in (
        ("campaigns", "campaign", "campaigns", "campaign_membership"),
        ("segments", "list", "lists", "segment_membership"),
    ):
        names = [name(plural), name(plural)]
        first, second = (make(api, plural, singular, name=one) for one in names)
        act(api, plural, [one], add=[first])
        act(api, plural, [one], add=f"{second}", remove={"id": first})
        assert set(told(api.get(f"/api/contacts/{one}/{plural}"))[word]) == {str(second)}
        query = {"filters[includeEvents][]": kind, "order[0]": "timestamp", "order[1]": "ASC"}
        events = told(api.get(f"/api/contacts/{one}/activity", params=query))["events"]
        assert {event["eventLabel"].split(", ")[1] for event in events} == set(names)


def test_categories_stages_tags_and_owner(api: httpx.Client) -> None:
    ids = people(api, 3)
    category = make(api, "categories", "category", title=name("category"))
    stage = make(api, "stages", "stage", name=name("stage"))
    act(api, "categories", ids, add=[category])
    act(api, "stages", ids, add=stage)
    act(api, "tags", ids, add=["a", "b"])
    act(api, "tags", ids, remove="a")
    act(api, "owner", ids, owner=1)
    for contact_id in ids:
        contact = shown(api, contact_id)
        assert (contact["stage"]["id"], [tag["tag"] for tag in contact["tags"]]) == (stage, ["b"])
        assert contact["owner"]["id"] == 1
        assert set(told(api.get(f"/api/contacts/{contact_id}/categories"))["categories"]) == {str(category)}
    act(api, "categories", ids, remove=[category])
    act(api, "stages", ids, remove=[stage])
    act(api, "owner", ids, owner=None)
    for contact_id in ids:
        contact = shown(api, contact_id)
        assert (contact["stage"], contact["owner"]) == (None, None)
        assert told(api.get(f"/api/contacts/{contact_id}/categories")) == {"total": 0, "categories": {}}


def test_do_not_contact_keeps_the_reason_that_was_given(api: httpx.Client) -> None:
    ids = people(api, 2)
    act(api, "dnc", ids, reason="asked at the fair")
    for contact_id in ids:
        [entry] = shown(api, contact_id)["doNotContact"]
        assert (entry["channel"], entry["reason"], entry["comments"]) == ("email", 3, "asked at the fair")


def test_how_often_a_channel_may_be_used_is_said_of_many_at_once(api: httpx.Client) -> None:
    one, other = people(api, 2)
    act(api, "channels", [one, other], frequencyRules={"email": {"frequency_number": 2, "frequency_time": "WEEK"}})
    for contact_id in (one, other):
        [rule] = api.get(f"/api/contacts/{contact_id}").json()["contact"]["frequencyRules"]
        assert (rule["channel"], rule["frequencyNumber"], rule["frequencyTime"]) == ("email", 2, "WEEK")
    wrong = {"email": {"frequency_number": 2}}
    refused = api.post("/api/contacts/batch/channels", json={"ids": [one], "frequencyRules": wrong})
    assert refused.status_code == 400
    assert list(refused.json()["errors"][0]["details"]) == ["frequencyRules"]


def test_channels_and_whoever_unsubscribed_stays_so(api: httpx.Client) -> None:
    one, other = people(api, 2)
    told(api.post(f"/api/contacts/{other}/dnc/email/add", json={"reason": 1}))
    act(api, "channels", [one, other], unsubscribe=["email", "sms"], reason="r")
    body = act(api, "channels", [one, other], subscribe=["email"])
    assert body["details"] == {str(one): {"success": True}, str(other): {"success": True, "unsubscribed": ["email"]}}
    assert [entry["channel"] for entry in shown(api, one)["doNotContact"]] == ["sms"]
    assert {(entry["channel"], entry["reason"]) for entry in shown(api, other)["doNotContact"]} == {
        ("email", 1), ("sms", 3),
    }  # fmt: skip


def test_a_hundred_are_deleted_at_once_and_no_more(api: httpx.Client) -> None:
    ids = people(api, 101)
    note = make(api, "notes", "note", lead=ids[0], text="x")
    assert "100" in details(act(api, "delete", ids, 400))
    assert act(api, "delete", [*ids[:99], 5])["affected"] == 99
    assert [api.get(f"/api/contacts/{one}").status_code for one in (ids[0], ids[98], ids[99])] == [404, 404, 200]
    assert api.get(f"/api/notes/{note}").status_code == 404
    assert act(api, "delete", [ids[0]])["details"][str(ids[0])]["code"] == 404


def test_an_anonymous_visitor_too(api: httpx.Client, store_hit: Hit) -> None:
    visitor, other = (int(time.time() * 1_000) * 1_000 + next(_numbers) for _ in range(2))
    for contact_id in (visitor, other):
        store_hit(contact_id, time.time())
    assert act(api, "tags", [visitor], add="seen")["affected"] == 1
    assert [tag["tag"] for tag in shown(api, visitor)["tags"]] == ["seen"]
    assert act(api, "delete", [visitor, other])["affected"] == 2
    assert [api.get(f"/api/contacts/{one}").status_code for one in (visitor, other)] == [404, 404]


@pytest.mark.parametrize(
    ("action", "body", "what"),
    [
        ("campaigns", {}, "There is nothing to do"),
        ("campaigns", {"add": [999_999]}, "There is no campaign 999999."),
        ("campaigns", {"add": ["x"]}, "These must be ids."),
        ("segments", {"remove": [999_999]}, "There is no segment 999999."),
        ("categories", {"add": [999_999]}, "There is no category 999999."),
        ("stages", {"add": [999_998, 999_999]}, "At most 1."),
        ("tags", {"add": ["-a"]}, "not valid"),
        ("tags", {"add": ["a"], "remove": ["a"]}, "to be added and to be removed"),
        ("owner", {}, "The id of a user is needed"),
        ("channels", {"subscribe": "!"}, "A channel is a word"),
        ("dnc", {"reason": "x" * 5_000}, "At most 4096"),
        ("dnc", {"reason": ["x"]}, "not valid"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(
    api: httpx.Client, action: str, body: dict[str, Any], what: str
) -> None:
    [one] = people(api, 1)
    before = shown(api, one)
    assert what in details(act(api, action, [one], 400, **body))
    assert shown(api, one) == before


def test_who_is_meant_must_be_said_once(api: httpx.Client) -> None:
    for body in ({}, {"ids": []}, {"ids": [1], "search": "x"}, {"search": ""}, {"search": ["x"]},
                 {"search": "ids:"}, {"search": 'tag:""'}, {"search": "segment:"}, {"search": "() !"},
                 {"search": "! is:known"}, {"search": "!ids:abc"}):  # fmt: skip
        assert api.post("/api/contacts/batch/delete", json=body).status_code == 400
    [error] = told(api.post("/api/contacts/batch/export", json={"ids": [1]}), 404)["errors"]
    assert "tags" in error["message"] and "export service" in error["message"]
    wrong = told(api.post("/api/contacts/batch/delete", json={"search": "(a"}), 400)
    assert "character" in wrong["errors"][0]["details"]
    assert api.post("/api/contacts/batch/delete", json={"segment": 999_999}).status_code == 404
    assert api.post("/api/segments/999999/contacts/delete").status_code == 404


def test_a_category_of_something_else_is_none_of_contacts(api: httpx.Client) -> None:
    [one] = people(api, 1)
    category = make(api, "categories", "category", title=name("category"), bundle="email")
    assert "There is no category" in details(act(api, "categories", [one], 400, add=[category]))


def test_a_whole_segment_is_deleted_in_the_background(api: httpx.Client, store_hit: Hit) -> None:
    city = name("city")
    inside, outside = people(api, 130, city=city), people(api, 2)
    filters = [{"field": "city", "operator": "=", "filter": city, "glue": "and", "object": "lead"}]
    segment = make(api, "segments", "list", name=name("segment"), filters=filters)
    answer = api.post(f"/api/segments/{segment}/contacts/delete")
    job = told(answer, 201)["job"]
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    assert (job["status"], job["total"], job["done"], job["segment"]) == ("running", 130, 0, segment)
    after = ended(api, job)
    assert (after["status"], after["total"], after["done"], after["failed"]) == ("done", 130, 130, 0)
    assert after["dateEnded"]
    assert told(api.get("/api/contacts", params={"search": f"city:{city}"}))["total"] == "0"
    assert {api.get(f"/api/contacts/{one}").status_code for one in inside[::20]} == {404}
    assert {api.get(f"/api/contacts/{one}").status_code for one in outside} == {200}
    listed = told(api.get("/api/jobs", params={"orderBy": "id", "orderByDir": "DESC"}))["jobs"]
    assert job["id"] in [one["id"] for one in listed]


def test_a_search_is_changed_in_the_background(api: httpx.Client, store_hit: Hit) -> None:
    """Also one that no longer finds whom it has changed."""
    tag, address = name("t"), f"192.0.2.{next(_numbers) % 200 + 20}"
    ids = people(api, 25, city=name("place"), ipAddress=address)
    visitor = int(time.time() * 1_000) * 1_000 + 999
    store_hit(visitor, time.time() - 5, ip=address)
    job = told(api.post("/api/contacts/batch/tags", json={"search": f"ip:+{address} !tag:{tag}", "add": [tag]}), 201)[
        "job"
    ]
    assert job["total"] == 26
    after = ended(api, job)
    assert (after["status"], after["done"], after["action"]) == ("done", 26, "tags")
    for contact_id in (ids[0], ids[-1], visitor):
        assert [one["tag"] for one in shown(api, contact_id)["tags"]] == [tag]


def test_a_job_about_nobody_is_done(api: httpx.Client) -> None:
    segment = make(api, "segments", "list", name=name("segment"))
    job = told(api.post(f"/api/segments/{segment}/contacts/delete"), 201)["job"]
    after = ended(api, job)
    assert (after["status"], after["total"]) == ("done", 0)
    assert told(api.post(f"/api/jobs/{job['id']}/cancel"))["job"]["status"] == "done", "it had ended"
    assert api.get("/api/jobs/999999").status_code == api.post("/api/jobs/999999/cancel").status_code == 404
