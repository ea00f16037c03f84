"""Batches of companies and of all that people make, against real servers: the envelope that contacts have."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import httpx
import pytest

from tests.integration.contacts.answers import told

_numbers = itertools.count()
PREFIX = uuid.uuid4().hex[:8]


def name() -> str:
    return f"thing{next(_numbers)} {PREFIX}"


@pytest.fixture(scope="module")
def contact_id(api: httpx.Client) -> int:
    return int(told(api.post("/api/contacts/new", json={"email": f"{PREFIX}@x.org"}), 201)["contact"]["id"])


KINDS = [
    ("companies", "companies", "companyname", {}, "companycity"),
    ("segments", "lists", "name", {}, "description"),
    ("lists", "lists", "name", {}, "description"),
    ("stages", "stages", "name", {}, "description"),
    ("categories", "categories", "title", {}, "description"),
    ("campaigns", "campaigns", "name", {}, "description"),
    ("notes", "notes", "text", {"lead": 0}, ""),
    ("forms", "forms", "name", {"fields": []}, "description"),
    ("assets", "assets", "title", {"file": "https://x.org/a.pdf"}, "description"),
    ("links", "links", "name", {"url": "https://x.org/"}, ""),
    ("tags", "tags", "tag", {}, "description"),
    ("fields/contact", "fields", "label", {"type": "text"}, "defaultValue"),
    ("fields/company", "fields", "label", {"type": "text"}, "defaultValue"),
]


def value(shown: dict[str, Any], key: str) -> Any:
    return shown["fields"]["all"][key] if key.startswith("company") else shown[key]


@pytest.mark.parametrize(("path", "plural", "label", "more", "text"), KINDS)
def test_items_are_made_changed_and_deleted_each_for_itself(
    api: httpx.Client, contact_id: int, path: str, plural: str, label: str, more: dict[str, Any], text: str
) -> None:
    base, more = f"/api/{path}", {**more, **({"lead": contact_id} if "lead" in more else {})}
    names = [name(), name()]
    items = {"a": {label: names[0], **more}, "b": {label: ""}, "c": 7, "d": {label: names[1], **more}}
    body = told(api.post(f"{base}/batch/new", json=items), 201)
    assert body["statusCodes"] == {"a": 201, "b": 400, "c": 400, "d": 201}
    assert [value(body[plural][key], label) for key in ("a", "d")] == names and set(body[plural]) == {"a", "d"}
    assert body["errors"]["b"]["details"] and body["errors"]["c"] == {
        "code": 400, "message": "The item must be an object.", "type": "api",
    }  # fmt: skip
    one, other = (body[plural][key]["id"] for key in ("a", "d"))
    for record_id in (one, other):
        assert api.get(f"{base}/{record_id}").status_code == 200
    if text:
        changed = told(
            api.patch(f"{base}/batch/edit", json=[{"id": one, text: "said"}, {text: "x"}, {"id": 9_999_999, text: "x"}])
        )
        assert changed["statusCodes"] == {"0": 200, "1": 404, "2": 404} and len(changed[plural]) == 1
        assert value(told(api.get(f"{base}/{one}")).popitem()[1], text) == "said"
        assert value(changed[plural][0], label) == names[0], "PATCH keeps what it does not name"
    gone = told(api.delete(f"{base}/batch/delete", params={"ids": f"{one},9999999,{other}"}))
    assert {key: shown["id"] for key, shown in gone[plural].items()} == {"0": one, "2": other} and "errors" not in gone
    assert [api.get(f"{base}/{record_id}").status_code for record_id in (one, other)] == [404, 404]
    refused = told(api.delete(f"{base}/batch/delete", params={"ids": "x"}))
    assert (refused[plural], refused["errors"]["0"]["code"]) == ([], 400)


@pytest.mark.parametrize("path", ["companies", "segments", "tags", "fields/contact"])
def test_limits(api: httpx.Client, path: str) -> None:
    for answer in (
        api.post(f"/api/{path}/batch/new", json=[{"name": "x"}] * 201),
        api.patch(f"/api/{path}/batch/edit", json=[{"id": 1}] * 201),
        api.delete(f"/api/{path}/batch/delete", params={"ids": ",".join(["1"] * 201)}),
    ):
        message = told(answer, 500)["errors"][0]["message"]
        assert message == "A max of 200 entities are supported at a time."
    assert told(api.post(f"/api/{path}/batch/new", json="x"), 400)["errors"]
    assert told(api.post(f"/api/{path}/batch/new", json=[]), 201)["statusCodes"] == {}


def test_put_makes_what_it_does_not_find(api: httpx.Client) -> None:
    stage = told(api.post("/api/stages/new", json={"name": name(), "description": "d"}), 201)["stage"]
    items = [{"id": stage["id"], "name": name()}, {"id": 999_999, "name": name()}, {"name": name()}]
    body = told(api.put("/api/stages/batch/edit", json=items))
    assert body["statusCodes"] == {"0": 200, "1": 201, "2": 201}
    assert (body["stages"][0]["id"], body["stages"][0]["description"]) == (stage["id"], None)


def test_two_items_of_one_name_are_one_company_and_one_tag(api: httpx.Client) -> None:
    company, tag = name(), name()
    items: list[dict[str, Any]] = [{"companyname": company}, {"companyname": company.upper(), "companycity": "Rome"}]
    body = told(api.post("/api/companies/batch/new", json=items), 201)
    assert body["statusCodes"] == {"0": 201, "1": 200} and body["companies"][0]["id"] == body["companies"][1]["id"]
    forced = told(api.post("/api/companies/batch/new", json=[{"companyname": company, "force": True}] * 2), 201)
    assert set(forced["statusCodes"].values()) == {201}
    body = told(api.post("/api/tags/batch/new", json=[{"tag": tag}, {"tag": tag}]), 201)
    assert body["statusCodes"] == {"0": 201, "1": 200}


def test_segments_of_one_name_get_aliases_of_their_own_and_those_in_use_stay(api: httpx.Client) -> None:
    said = name()
    lists = told(api.post("/api/segments/batch/new", json=[{"name": said}] * 3), 201)["lists"]
    assert len({one["alias"] for one in lists}) == 3
    inner = lists[0]["id"]
    filters = [{"field": "leadlist", "operator": "in", "filter": [inner], "glue": "and", "object": "lead"}]
    outer = told(api.post("/api/segments/new", json={"name": name(), "filters": filters}), 201)["list"]["id"]
    body = told(api.delete("/api/segments/batch/delete", params={"ids": f"{inner},{lists[1]['id']}"}))
    assert body["errors"]["0"]["code"] == 422 and body["lists"]["1"]["id"] == lists[1]["id"]
    both = told(api.delete("/api/segments/batch/delete", params={"ids": f"{outer},{inner}"}))
    assert len(both["lists"]) == 2, "in their order"


def test_two_hundred_at_once(api: httpx.Client) -> None:
    body = told(api.post("/api/categories/batch/new", json=[{"title": name()} for _ in range(200)], timeout=60), 201)
    assert set(body["statusCodes"].values()) == {201}
