"""Who holds a unique value, what a save would do, and that each way of writing does just that."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.contacts.answers import told

_numbers = itertools.count()
PREFIX = uuid.uuid4().hex[:8]
CARD = f"card_{PREFIX}"  # a second unique field


def word(what: str = "x") -> str:
    return f"{what}{next(_numbers)}{PREFIX}"


def address() -> str:
    return f"{word('dup')}@x.org"


@pytest.fixture(scope="module", autouse=True)
def card(api: httpx.Client) -> Iterator[None]:
    said = {"label": "Card", "alias": CARD, "type": "text", "isUniqueIdentifier": True}
    field = told(api.post("/api/fields/contact/new", json=said), 201)["field"]
    yield
    told(api.delete(f"/api/fields/contact/{field['id']}/delete"))


def new(api: httpx.Client, **body: Any) -> int:
    return int(told(api.post("/api/contacts/new", json=body), 201)["contact"]["id"])


def look(api: httpx.Client, **query: Any) -> dict[str, Any]:
    return told(api.get("/api/contacts/duplicates", params=query))


def shown(api: httpx.Client, contact_id: int) -> dict[str, Any]:
    contact: dict[str, Any] = told(api.get(f"/api/contacts/{contact_id}"))["contact"]
    return contact


def save(api: httpx.Client, how: str, body: dict[str, Any], own_id: int = 0) -> tuple[str, int | None]:
    """What became of it, in the words of verdicts, and which contact has it."""
    before = {contact["id"] for contact in everybody(api, body)} | ({own_id} if own_id else set())
    answer = {
        "new": lambda: api.post("/api/contacts/new", json=body),
        "batch": lambda: api.post("/api/contacts/batch/new", json=[body]),
        "put-unknown": lambda: api.put("/api/contacts/4503599627370000/edit", json=body),
        "edit": lambda: api.patch(f"/api/contacts/{own_id}/edit", json=body),
        "put": lambda: api.put(f"/api/contacts/{own_id}/edit", json=body),
        "batch-edit": lambda: api.patch("/api/contacts/batch/edit", json=[{"id": own_id, **body}]),
        "batch-put": lambda: api.put("/api/contacts/batch/edit", json=[{"id": own_id, **body}]),
    }[how]()
    said = answer.json()
    status = said["statusCodes"]["0"] if "statusCodes" in said else answer.status_code
    if status == 400:
        return "refuse", None
    contact = said["contacts"][0] if "contacts" in said else said["contact"]
    gone = {one for one in before if shown(api, one)["id"] != one}
    return "new" if status == 201 else "merge" if gone else "update", contact["id"]


def everybody(api: httpx.Client, body: dict[str, Any]) -> list[dict[str, Any]]:
    found = [
        told(api.get("/api/contacts", params={"search": f"{field}:+{value}"}))["contacts"]
        for field, value in body.items()
    ]
    return [contact for contacts in found for contact in dict(contacts).values()]


NEW = ["new", "batch", "put-unknown"]
EDIT = ["edit", "put", "batch-edit", "batch-put"]


@pytest.mark.parametrize("how", NEW)
def test_a_value_of_nobody_makes_somebody(api: httpx.Client, how: str) -> None:
    said = {"email": address(), CARD: word()}
    verdict = look(api, **said)
    assert (verdict["verdict"], verdict["contact"], verdict["holders"], verdict["message"]) == ("new", None, [], None)
    assert save(api, how, said)[0] == "new"


@pytest.mark.parametrize("how", NEW)
def test_a_value_of_somebody_updates_them(api: httpx.Client, how: str) -> None:
    email = address()
    one = new(api, email=email, firstname="Ada", lastname="L")
    verdict = look(api, email=f" {email.upper()} ", **{CARD: word()})
    assert (verdict["verdict"], verdict["contact"]) == ("update", one)
    assert verdict["holders"] == [{"field": "email", "id": one, "name": "Ada L", "email": email}]
    assert verdict["message"] == "A contact with this value already exists."
    assert save(api, how, {"email": email}) == ("update", one)
    assert shown(api, one)["fields"]["all"]["firstname"] == "Ada", "nothing is blanked of who was there"


@pytest.mark.parametrize("how", NEW)
def test_values_of_two_who_may_be_one_merge_them(api: httpx.Client, how: str) -> None:
    said = {"email": address(), CARD: word()}
    one, other = new(api, email=said["email"]), new(api, **{CARD: said[CARD]})
    assert (look(api, **said)["verdict"], look(api, **said)["contact"]) == ("merge", one)
    assert save(api, how, said) == ("merge", one)
    assert shown(api, other)["id"] == one


@pytest.mark.parametrize("how", NEW)
def test_values_of_two_people_are_refused(api: httpx.Client, how: str) -> None:
    said = {"email": address(), CARD: word()}
    one, other = new(api, email=said["email"], **{CARD: word()}), new(api, email=address(), **{CARD: said[CARD]})
    verdict = look(api, **said)
    assert (verdict["verdict"], verdict["contact"] in (one, other)) == ("refuse", True)
    assert "contradicts" in verdict["message"] and {holder["id"] for holder in verdict["holders"]} == {one, other}
    assert save(api, how, said) == ("refuse", None)
    assert (shown(api, one)["id"], shown(api, other)["id"]) == (one, other)


@pytest.mark.parametrize("how", EDIT)
def test_an_edit_to_a_value_of_another_merges_that_one(api: httpx.Client, how: str) -> None:
    email = address()
    one, other = new(api, email=address(), firstname="Ada"), new(api, email=email, city="Rome")
    verdict = look(api, email=email, id=one)
    assert (verdict["verdict"], verdict["contact"], verdict["holders"][0]["id"]) == ("merge", one, other)
    assert save(api, how, {"email": email}, one) == ("merge", one)
    assert shown(api, other)["id"] == one
    again = look(api, email=email, id=other)
    assert (again["verdict"], again["contact"], again["holders"], again["message"]) == ("update", one, [], None)
    assert save(api, how, {"email": email}, one) == ("update", one)


@pytest.mark.parametrize("how", EDIT)
def test_an_edit_to_a_value_of_nobody_frees_the_former_one(api: httpx.Client, how: str) -> None:
    former, email = address(), address()
    one = new(api, email=former)
    assert look(api, email=email, id=one)["verdict"] == "update"
    assert save(api, how, {"email": email}, one) == ("update", one)
    assert look(api, email=former)["verdict"] == "new"
    assert new(api, email=former) != one


def test_who_is_called_the_same_is_told_apart(api: httpx.Client) -> None:
    first, last, email = word("Ada"), word("Love_lace"), address()
    one, other = new(api, email=address(), firstname=first, lastname=last), new(api, firstname=first, lastname=last)
    holder = new(api, email=email, firstname=first, lastname=last)
    found = look(api, firstname=first.upper(), lastname=last.lower(), email=email, id=other)
    assert [similar["id"] for similar in found["similar"]] == [one]
    assert [one["id"] for one in found["holders"]] == [holder]
    assert look(api, firstname=first, lastname=last.replace("_", "%"))["similar"] == []
    assert look(api, firstname=first)["similar"] == []


def test_what_is_no_value_yet(api: httpx.Client) -> None:
    found = look(api, email="ada@")
    assert (found["verdict"], list(found["invalid"])) == ("refuse", ["email"])
    assert look(api)["verdict"] == "new"
    assert look(api, city="Rome")["verdict"] == "new", "what is not unique tells nothing"
    assert api.get("/api/contacts/duplicates", params={"email[]": "x"}).status_code == 400
    assert api.get("/api/contacts/duplicates", params={"id": "x"}).status_code == 404
