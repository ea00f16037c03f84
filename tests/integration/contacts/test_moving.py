"""What the README says of coming from the replaced product."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.contacts.docs.not_served import NOT_SERVED

README = Path(__file__).parents[3] / "services/contacts/README.md"


@pytest.fixture(scope="module")
def old_id(api: httpx.Client) -> str:
    alias = f"old_id_{uuid.uuid4().hex[:8]}"
    said = {"label": "Old id", "alias": alias, "isUniqueIdentifier": True}
    assert api.post("/api/fields/contact/new", json=said).status_code == 201
    return alias


def test_an_import_that_is_begun_again_updates(api: httpx.Client, old_id: str) -> None:
    mark = uuid.uuid4().hex[:8]
    items: list[dict[str, Any]] = [
        {"email": f"{number}.{mark}@example.com", "points": number, "tags": ["moved"], old_id: f"{mark}-{number}"}
        for number in range(3)
    ]
    items[2].pop("email")
    first = api.post("/api/contacts/batch/new", json=items).json()
    again = api.post("/api/contacts/batch/new", json=items).json()
    assert list(first["statusCodes"].values()) == [201] * 3
    assert list(again["statusCodes"].values()) == [200] * 3
    assert [one["id"] for one in first["contacts"]] == [one["id"] for one in again["contacts"]]
    found = api.get("/api/contacts", params={"search": f"{old_id}:+{mark}-2"}).json()["contacts"]
    assert list(found) == [str(first["contacts"][2]["id"])]
    assert found[str(first["contacts"][2]["id"])]["points"] == 2


def test_no_id_of_a_contact_can_be_chosen(api: httpx.Client) -> None:
    answer = api.put("/api/contacts/47/edit", json={"firstname": "Ada"})
    assert answer.status_code == 201
    assert answer.json()["contact"]["id"] > 2**31
    assert api.post("/api/contacts/new", json={"id": 47, "firstname": "Ada"}).json()["contact"]["id"] != 47


def test_what_was_read_there_can_be_made_here(api: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    condition = {"field": "email", "operator": "like", "filter": "%@example.com", "glue": "and", "object": "lead"}
    segment = {"name": f"Readers {mark}", "filters": [{**condition, "type": "email"}]}
    made = api.post("/api/segments/new", json=segment).json()["list"]
    again = api.post("/api/segments/new", json={**made, "name": f"Again {mark}", "alias": ""})
    assert again.status_code == 201
    assert again.json()["list"]["filters"] == made["filters"]
    for kind, body in (
        ("stages", {"name": "Trial"}),
        ("campaigns", {"name": "Welcome"}),
        ("categories", {"title": "x"}),
    ):
        [thing] = api.post(f"/api/{kind}/new", json=body).json().values()
        thing.pop("weight", None)  # each stage has its own
        assert api.post(f"/api/{kind}/new", json=thing).status_code == 201


def test_a_link_keeps_its_id(api: httpx.Client) -> None:
    old = uuid.uuid4().hex
    link = api.post("/api/links/new", json={"url": "https://shop.example/", "redirectId": old}).json()["link"]
    assert (link["id"], link["path"]) == (old, f"/r/{old}")


def test_zero_is_a_value(api: httpx.Client) -> None:
    contact = api.post("/api/contacts/new", json={"firstname": "Ada", "attribution": 5}).json()["contact"]
    changed = api.patch(f"/api/contacts/{contact['id']}/edit", json={"attribution": 0}).json()["contact"]
    assert changed["fields"]["all"]["attribution"] == 0


def test_and_binds_closer_than_or(api: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    for first, last in (("Ada", "Lovelace"), ("Alan", "Turing"), ("Ada", "Turing")):
        api.post("/api/contacts/new", json={"firstname": f"{first}{mark}", "lastname": f"{last}{mark}"})
    search = f"firstname:alan{mark} or firstname:ada{mark} and lastname:turing{mark}"
    assert api.get("/api/contacts", params={"search": search}).json()["total"] == "2"


def test_the_readme_lists_what_is_not_served() -> None:
    table = re.findall(r"^\| `/([a-z]+)` \| (.+) \|$", README.read_text().split("## Not served")[1], re.MULTILINE)
    assert dict(table) == NOT_SERVED
