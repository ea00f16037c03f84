"""Old names answer like the new ones; what is not served says so; a wrong method names the right ones."""

from __future__ import annotations

import base64
import http.client
import uuid
from typing import Any

import httpx
import pytest

from services.contacts.docs.not_served import NOT_SERVED
from tests.integration.services import LOGIN


def new(api: httpx.Client, kind: str, **body: Any) -> int:
    answer = api.post(f"/api/{kind}/new", json=body)
    assert answer.status_code in (200, 201), answer.text
    [thing] = answer.json().values()
    return int(thing["id"])


def new_contact(api: httpx.Client) -> int:
    return new(api, "contacts", firstname="Ada", email=f"{uuid.uuid4().hex}@example.com")


def same(api: httpx.Client, one: str, other: str) -> dict[str, Any]:
    """Both paths answer alike; the body."""
    first, second = api.get(one), api.get(other)
    assert first.status_code == second.status_code == 200, first.text
    assert first.json() == second.json()
    body: dict[str, Any] = first.json()
    return body


def test_the_history_has_its_old_name_and_its_old_parameters(api: httpx.Client) -> None:
    contact = new_contact(api)
    same(api, f"/api/contacts/{contact}/events", f"/api/contacts/{contact}/activity")
    old = f"/api/contacts/{contact}/events?includeEvents[]=lead.create&orderBy=timestamp&orderByDir=ASC&page=1&search="
    modern = f"/api/contacts/{contact}/activity?filters[includeEvents][]=lead.create&order[]=timestamp&order[]=ASC"
    assert [event["event"] for event in same(api, old, modern)["events"]] == ["lead.create"]


@pytest.mark.parametrize("path", ["dnc/add/sms", "dnc/sms/add"])
def test_do_not_contact_has_both_names(api: httpx.Client, path: str) -> None:
    contact = new_contact(api)
    told = api.post(f"/api/contacts/{contact}/{path}", data={"reason": "1", "comments": "asked"}).json()["contact"]
    assert [(one["channel"], one["reason"]) for one in told["doNotContact"]] == [("sms", 1)]
    back = api.post(f"/api/contacts/{contact}/{path.replace('add', 'remove')}").json()
    assert back["recordFound"] is True
    assert back["contact"]["doNotContact"] == []


@pytest.mark.parametrize("kind", ["segments", "lists", "campaigns", "companies", "stages"])
@pytest.mark.parametrize("order", ["contact/{contact}/{word}", "contact/{word}/{contact}"])
def test_contacts_are_put_in_and_taken_out_under_both_names(api: httpx.Client, kind: str, order: str) -> None:
    name = "companyname" if kind == "companies" else "name"
    thing, contact = new(api, kind, **{name: f"Thing {uuid.uuid4().hex}"}), new_contact(api)
    for word, is_in in (("add", True), ("remove", False)):
        answer = api.post(f"/api/{kind}/{thing}/{order.format(contact=contact, word=word)}")
        assert (answer.status_code, answer.json()) == (200, {"success": 1})
        assert (thing in things_of(api, kind, contact)) is is_in


def things_of(api: httpx.Client, kind: str, contact: int) -> set[int]:
    if kind == "stages":
        stage = api.get(f"/api/contacts/{contact}").json()["contact"]["stage"]
        return {stage["id"]} if stage else set()
    plural = "segments" if kind == "lists" else kind
    body = api.get(f"/api/contacts/{contact}/{plural}").json()
    found = body["lists" if plural == "segments" else plural]
    return {int(one["company_id"]) for one in found} if kind == "companies" else {int(one) for one in found}


def test_the_plural_of_one_client_is_known(api: httpx.Client) -> None:
    campaign, contact = new(api, "campaigns", name="Welcome"), new_contact(api)
    assert api.post(f"/api/campaigns/{campaign}/contact/{contact}/add").json() == {"success": 1}
    assert api.post(f"/api/campaigns/{campaign}/contacts/{contact}/remove").json() == {"success": 1}
    assert things_of(api, "campaigns", contact) == set()


def test_segments_are_lists_for_old_clients(api: httpx.Client) -> None:
    segment = new(api, "lists", name=f"Readers {uuid.uuid4().hex}")
    same(api, f"/api/lists/{segment}", f"/api/segments/{segment}")
    same(api, f"/api/lists?search=ids:{segment}", f"/api/segments?search=ids:{segment}")
    assert api.patch(f"/api/lists/{segment}/edit", json={"description": "x"}).json()["list"]["description"] == "x"
    assert api.delete(f"/api/lists/{segment}/delete").json()["list"]["id"] is None


def test_contacts_are_leads_for_the_oldest_clients(api: httpx.Client) -> None:
    contact = new(api, "leads", firstname="Ada")
    same(api, f"/api/leads/{contact}", f"/api/contacts/{contact}")
    same(api, f"/api/leads?search=ids:{contact}", f"/api/contacts?search=ids:{contact}")


@pytest.mark.parametrize(
    "path", ["//api//contacts/{id}", "/api/contacts/{id}/", "/api/contacts//{id}//", "/api/contacts/%20{id}%20"]
)
def test_slashes_and_blanks_too_many_mean_nothing(api: httpx.Client, path: str) -> None:
    contact = new_contact(api)
    body = raw(api, "GET", path.format(id=contact))
    assert body[0] == 200
    assert f'"id":{contact}'.encode() in body[1]


def raw(api: httpx.Client, method: str, path: str) -> tuple[int, bytes]:
    """As it is: clients for tests tidy paths too."""
    connection = http.client.HTTPConnection(api.base_url.host, api.base_url.port)
    login = base64.b64encode(":".join(LOGIN).encode()).decode()
    connection.request(method, path, headers={"Authorization": f"Basic {login}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


@pytest.mark.parametrize("name", NOT_SERVED)
def test_what_is_not_served_says_why(api: httpx.Client, name: str) -> None:
    for path in (f"/api/{name}", f"/api/{name}/7"):
        answer = api.get(path)
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["code"]) == (404, 404)
        assert error["message"] == f"{path} is not served ({NOT_SERVED[name]})."


def test_an_unknown_path_says_that_it_is_not_served(api: httpx.Client) -> None:
    for path in ("/api/nothing", "/api", "/api/contacts/7/nothing", f"/api/{'x' * 3_000}"):
        [error] = api.get(path).json()["errors"]
        assert error["code"] == 404
        assert error["message"] == f"{path[:200]} is not served."


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/contacts", "GET, HEAD"),
        ("POST", "/api/contacts/7/edit", "PATCH, PUT"),
        ("GET", "/api/contacts/7/delete", "DELETE"),
        ("DELETE", "/api/users/1/permissioncheck", "GET, HEAD, POST"),
        ("PUT", "/api/contacts/new", "POST"),
    ],
)
def test_a_wrong_method_names_the_right_ones(api: httpx.Client, method: str, path: str, allowed: str) -> None:
    answer = api.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json()["errors"][0]["code"] == 405
    assert answer.json()["errors"][0]["message"] == f"{path} has no {method}, but {allowed}."
    assert answer.headers["mautic-version"]
