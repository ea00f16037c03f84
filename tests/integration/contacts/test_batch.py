"""Batches of contacts, do-not-contact and points against real servers."""

from __future__ import annotations

import concurrent.futures
import itertools
import uuid
from typing import Any

import httpx
import pytest

from tests.integration.contacts.answers import told

_numbers = itertools.count()
PREFIX = uuid.uuid4().hex[:8]


def address() -> str:
    return f"batch{next(_numbers)}.{PREFIX}@x.org"


def new(api: httpx.Client, **body: Any) -> int:
    return int(told(api.post("/api/contacts/new", json={"email": address(), **body}), 201)["contact"]["id"])


def shown(api: httpx.Client, contact_id: int) -> dict[str, Any]:
    contact: dict[str, Any] = told(api.get(f"/api/contacts/{contact_id}"))["contact"]
    return contact


def test_each_item_is_told_under_its_key_and_the_good_ones_are_kept(api: httpx.Client) -> None:
    known, one = address(), address()
    contact_id = new(api, email=known)
    items = [{"email": one, "firstname": "Ada"}, {"email": known, "city": "Rome"}, {"email": "no address"}, 7, {}]
    body = told(api.post("/api/contacts/batch/new", json=items), 201)
    assert body["statusCodes"] == {"0": 201, "1": 200, "2": 400, "3": 400, "4": 201}
    assert set(body["contacts"]) == {"0", "1", "4"} and body["contacts"]["1"]["id"] == contact_id
    assert body["errors"]["2"]["details"]["email"] and body["errors"]["3"]["type"] == "api"
    assert shown(api, contact_id)["fields"]["all"]["city"] == "Rome"
    assert shown(api, body["contacts"]["0"]["id"])["fields"]["all"]["firstname"] == "Ada"
    keyed = told(api.post("/api/contacts/batch/new", json={"a": {"email": address()}, "b": {"email": address()}}), 201)
    assert (set(keyed["contacts"]), keyed["statusCodes"]) == ({"a", "b"}, {"a": 201, "b": 201})
    assert "errors" not in keyed
    form = {"0[email]": address(), "1[email]": address()}
    assert len(told(api.post("/api/contacts/batch/new", data=form), 201)["contacts"]) == 2


def test_items_that_mean_one_contact_are_one_contact_in_their_order(api: httpx.Client) -> None:
    one = address()
    items = [
        {"email": one.upper(), "firstname": "Ada", "city": "Rome"},
        {"email": address()},
        {"email": one, "city": "Paris"},
    ]
    body = told(api.post("/api/contacts/batch/new", json=items), 201)
    ids = [contact["id"] for contact in body["contacts"]]
    assert ids[0] == ids[2] != ids[1] and body["statusCodes"] == {"0": 201, "1": 201, "2": 200}
    fields = shown(api, ids[0])["fields"]["all"]
    assert (fields["firstname"], fields["city"]) == ("Ada", "Paris")


def test_edits_by_id(api: httpx.Client) -> None:
    one, other = new(api, firstname="Ada", city="Rome"), new(api, firstname="Bob", city="Rome")
    items = [{"id": one, "city": "Paris"}, {"id": str(other), "firstname": ""}, {"city": "x"}, {"id": 3}, {"id": "x"}]
    body = told(api.patch("/api/contacts/batch/edit", json=items))
    assert body["statusCodes"] == {"0": 200, "1": 200, "2": 404, "3": 404, "4": 404}
    assert {key: error["code"] for key, error in body["errors"].items()} == {"2": 400, "3": 404, "4": 404}
    assert [one["id"] for one in body["contacts"]] == [one, other]
    assert (
        shown(api, one)["fields"]["all"]["city"] == "Paris" and shown(api, other)["fields"]["all"]["firstname"] == "Bob"
    )
    body = told(api.put("/api/contacts/batch/edit", json=[{"id": one, "firstname": "A"}, {"firstname": "new"}]))
    assert body["statusCodes"] == {"0": 200, "1": 201}
    assert shown(api, one)["fields"]["all"]["city"] is None


def test_a_batch_that_is_too_long_changes_nothing(api: httpx.Client) -> None:
    marker = f"m{uuid.uuid4().hex[:8]}"
    body = told(api.post("/api/contacts/batch/new", json=[{"firstname": marker}] * 201), 500)
    assert body["errors"][0]["message"] == "A max of 200 entities are supported at a time."
    assert told(api.get("/api/contacts", params={"search": marker}))["total"] == "0"
    assert told(api.post("/api/contacts/batch/new", json="x"), 400)["errors"]
    assert told(api.delete("/api/contacts/batch/delete", params={"ids": ",".join(["1"] * 201)}), 500)["errors"]
    assert told(api.post("/api/contacts/batch/new", json=[]), 201) == {"contacts": [], "statusCodes": {}}


def test_deleted_ones_are_told_with_their_ids_and_the_missing_left_out(api: httpx.Client) -> None:
    one, other, third = (new(api) for _ in range(3))
    body = told(api.delete("/api/contacts/batch/delete", params={"ids": f"{one},5,{other}"}))
    assert {key: contact["id"] for key, contact in body["contacts"].items()} == {"0": one, "2": other}
    assert "errors" not in body
    body = told(api.delete("/api/contacts/batch/delete", params={"ids[]": str(third)}))
    assert [contact["id"] for contact in body["contacts"]] == [third]
    assert [api.get(f"/api/contacts/{gone}").status_code for gone in (one, other, third)] == [404] * 3
    refused = told(api.delete("/api/contacts/batch/delete", params={"ids": "x"}))
    assert (refused["contacts"], refused["errors"]["0"]["code"]) == ([], 400)


@pytest.mark.parametrize(
    ("add", "remove"), [("dnc/email/add", "dnc/email/remove"), ("dnc/add/email", "dnc/remove/email")]
)
def test_do_not_contact(api: httpx.Client, add: str, remove: str) -> None:
    one = new(api)
    said = {"reason": "3", "channelId": "12", "comments": "asked by phone"}
    contact = told(api.post(f"/api/contacts/{one}/{add}", data=said))["contact"]
    [entry] = contact["doNotContact"]
    assert (entry["channel"], entry["reason"], entry["comments"], entry["channelId"]) == (
        "email",
        3,
        "asked by phone",
        12,
    )
    assert told(api.post(f"/api/contacts/{one}/{add}", json={"reason": 1}))["contact"]["doNotContact"][0]["reason"] == 1
    again = told(api.post(f"/api/contacts/{one}/{add}", json={"reason": 2}))["contact"]["doNotContact"]
    assert [entry["reason"] for entry in again] == [1], "who unsubscribed stays so"
    for wrong in ({"reason": 0}, {"reason": "x"}, {"reason": 4}, {"reason": True}):
        assert told(api.post(f"/api/contacts/{one}/{add}", json=wrong), 400)["errors"][0]["details"]["reason"]
    body = told(api.post(f"/api/contacts/{one}/{remove}"))
    assert (body["recordFound"], body["contact"]["doNotContact"]) == (True, [])
    assert told(api.post(f"/api/contacts/{one}/{remove}"))["recordFound"] is False
    assert api.post(f"/api/contacts/5/{add}").status_code == api.post(f"/api/contacts/5/{remove}").status_code == 404


def test_do_not_contact_in_a_body(api: httpx.Client) -> None:
    one = new(api, doNotContact=[{"channel": "email", "reason": 1, "comments": "c"}, {"channel": "sms"}])
    assert {(entry["channel"], entry["reason"]) for entry in shown(api, one)["doNotContact"]} == {
        ("email", 1),
        ("sms", 3),
    }
    told(api.patch(f"/api/contacts/{one}/edit", json={"doNotContact": [{"channel": "email", "reason": 0}]}))
    assert [entry["channel"] for entry in shown(api, one)["doNotContact"]] == ["sms"]
    assert told(api.patch(f"/api/contacts/{one}/edit", json={"doNotContact": "x"}), 400)["errors"][0]["details"]


def test_points_by_operators(api: httpx.Client) -> None:
    one = new(api, points=10)
    for path, points in (
        ("plus/5", 15),
        ("minus/20", -5),
        ("times/4", -20),
        ("divide/3", -6),
        ("divide/100", 0),
        ("minus/6", -6),
    ):
        assert told(api.post(f"/api/contacts/{one}/points/{path}", data={"eventName": "x"})) == {"success": 1}
        assert shown(api, one)["points"] == points
    told(api.post(f"/api/contacts/{one}/points/plus/9999999999"))
    assert shown(api, one)["points"] == 2**31 - 1
    assert told(api.post(f"/api/contacts/{one}/points/power/2"), 400)["errors"]
    assert told(api.post(f"/api/contacts/{one}/points/divide/0"), 400)["errors"][0]["details"]["delta"]
    assert told(api.post(f"/api/contacts/{one}/points/plus/x"), 400)["errors"]
    assert api.post("/api/contacts/5/points/plus/1").status_code == 404


def test_batches_that_run_at_once_are_all_done_and_nobody_is_turned_away(api: httpx.Client) -> None:
    one = new(api, firstname="Ada")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        batches = [[{"email": address()} for _ in range(200)] for _ in range(4)]
        told_batches = [pool.submit(api.post, "/api/contacts/batch/new", json=batch, timeout=60) for batch in batches]
        neighbour = [pool.submit(api.get, f"/api/contacts/{one}", timeout=60) for _ in range(40)]
        assert {answer.result().status_code for answer in neighbour} == {200}
        for answer in told_batches:
            assert set(told(answer.result(), 201)["statusCodes"].values()) == {201}


def test_batches_at_once_that_name_the_same_people_make_each_of_them_once(api: httpx.Client) -> None:
    people = [address() for _ in range(10)]

    def make(number: int) -> list[int]:
        turned = people if number % 2 else people[::-1]
        items = [{"email": one, "tags": [f"batch{number}"]} for one in turned]
        made = [one["id"] for one in told(api.post("/api/contacts/batch/new", json=items, timeout=60), 201)["contacts"]]
        return made if number % 2 else made[::-1]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(make, range(4)))
    assert batches[0] == batches[1] == batches[2] == batches[3] and len(set(batches[0])) == len(people)
    for one in batches[0]:
        assert [tag["tag"] for tag in shown(api, one)["tags"]] == [f"batch{number}" for number in range(4)]


def test_many_changes_of_one_contact_are_made_in_their_order(api: httpx.Client) -> None:
    one = new(api)
    items = [{"id": one, "lastname": f"n{number}", "tags": [f"t{number}"]} for number in range(200)]
    body = told(api.patch("/api/contacts/batch/edit", json=items))
    assert set(body["statusCodes"].values()) == {200}
    contact = shown(api, one)
    assert (contact["fields"]["all"]["lastname"], len(contact["tags"])) == ("n199", 200)
    assert told(api.get("/api/contacts", params={"search": f"ids:{one} lastname:+n199"}))["total"] == "1"
