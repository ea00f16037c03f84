"""The client `mautic` from PyPI, unchanged, through its flows on contacts and what belongs to them."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import mautic
import pytest

from tests.integration.services import LOGIN

PREFIX = uuid.uuid4().hex[:8]


@pytest.fixture
def client(api: httpx.Client) -> mautic.MauticBasicAuthClient:
    client = mautic.MauticBasicAuthClient(str(api.base_url).rstrip("/"), *LOGIN)
    client.session.trust_env = False
    return client


@pytest.fixture
def contacts(client: mautic.MauticBasicAuthClient) -> mautic.Contacts:
    return mautic.Contacts(client=client)


def address(name: str) -> str:
    return f"{name}.{PREFIX}.{uuid.uuid4().hex[:6]}@client.org"


def made(contacts: mautic.Contacts, **said: Any) -> int:
    return int(contacts.create({"email": address("made"), **said})["contact"]["id"])


def test_it_logs_in_by_oauth2_and_renews_its_token(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user lets it in on the page; what it made is the user's; an expired token is renewed on the way."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    url, back = str(api.base_url).rstrip("/"), "http://127.0.0.1:1/back"
    made = api.post("/api/credentials/new", json={"name": "divio", "redirectUris": [back]}).json()["credential"]
    renewed: list[dict[str, Any]] = []
    client = mautic.MauticOauth2Client(url, made["clientId"], made["clientSecret"], token_updater=renewed.append)
    with client.session as session:
        session.trust_env, session.redirect_uri = False, back
        page, _ = session.authorization_url(client.authorization_base_url)
        login = {"username": LOGIN[0], "password": LOGIN[1], "decision": "allow"}
        answer = httpx.post(page, data=login, trust_env=False)
        session.fetch_token(
            client.access_token_url,
            authorization_response=answer.headers["location"],
            client_secret=made["clientSecret"],
            include_client_id=True,
        )
        contacts = mautic.Contacts(client=client)
        assert contacts.create({"email": address("oauth")})["contact"]["createdBy"] == 1
        session.token = {**session.token, "expires_in": -1, "expires_at": 1}
        assert contacts.get_list(limit=1)["contacts"]
    assert [one["token_type"] for one in renewed] == ["bearer"]


def test_create_read_edit_upsert_delete(contacts: mautic.Contacts) -> None:
    email = address("ada")
    created = contacts.create({"email": email, "firstname": "Ada", "tags[]": ["one", "two"], "ipAddress": "192.0.2.7"})
    contact = created["contact"]
    one = contact["id"]
    assert {tag["tag"] for tag in contact["tags"]} == {"one", "two"}
    assert contacts.get(one)["contact"]["fields"]["core"]["email"]["value"] == email
    again = contacts.create({"email": email, "lastname": "Byron"})["contact"]
    assert (again["id"], again["fields"]["all"]["firstname"]) == (one, "Ada"), "an upsert"
    assert contacts.edit(one, {"city": "London"})["contact"]["fields"]["all"]["city"] == "London"
    put = contacts.edit(one, {"email": email, "firstname": "A"}, create_if_not_exists=True)["contact"]
    assert (put["fields"]["all"]["city"], put["fields"]["all"]["firstname"]) == (None, "A")
    assert contacts.delete(one)["contact"]["id"] is None
    with pytest.raises(mautic.exceptions.MauticException):
        contacts.get(one)
    replaced = contacts.edit(one, {"email": address("b")}, create_if_not_exists=True)["contact"]
    assert replaced["id"] != one


def test_search_and_paging(contacts: mautic.Contacts) -> None:
    city = f"town{uuid.uuid4().hex[:8]}"
    ids = [made(contacts, city=city, firstname=f"N{number}") for number in range(5)]
    first = contacts.get_list(search=f"city:{city}", limit=2, order_by="id", order_by_dir="DESC")
    assert (first["total"], [int(one) for one in first["contacts"]]) == ("5", ids[:2:-1])
    rest = contacts.get_list(search=f"city:{city}", start=2, limit=10, order_by="id", order_by_dir="DESC", minimal=True)
    assert [int(one) for one in rest["contacts"]] == ids[2::-1]
    assert contacts.get_published_list(search="nobody-at-all-here")["contacts"] == {}


def test_do_not_contact_and_points(contacts: mautic.Contacts) -> None:
    one = made(contacts)
    [entry] = contacts.add_dnc(one, comments="asked")["contact"]["doNotContact"]
    assert (entry["channel"], entry["reason"], entry["comments"]) == ("email", contacts.MANUAL, "asked")
    assert contacts.remove_dnc(one, "email")["recordFound"] is True
    assert contacts.add_points(one, 7, eventName="gift")["success"] and contacts.subtract_points(one, 2)["success"]
    assert contacts.get(one)["contact"]["points"] == 5


def test_notes_stages_companies_campaigns(client: mautic.MauticBasicAuthClient, contacts: mautic.Contacts) -> None:
    one = made(contacts)
    note = mautic.Notes(client=client).create({"lead": one, "text": "called", "type": "call"})["note"]
    assert [found["id"] for found in contacts.get_contact_notes(one)["notes"]] == [note["id"]]
    stage = mautic.Stages(client=client).create({"name": f"stage {PREFIX}"})["stage"]
    assert mautic.Stages(client=client).add_contact(stage["id"], one)["success"]
    assert contacts.get(one)["contact"]["stage"]["name"] == f"stage {PREFIX}"
    companies = mautic.Companies(client=client)
    company = companies.create({"companyname": f"Acme {PREFIX}"})["company"]
    assert companies.add_contact(company["id"], one)["success"]
    assert contacts.get(one)["contact"]["fields"]["all"]["company"] == f"Acme {PREFIX}"
    assert companies.remove_contact(company["id"], one)["success"]
    assert contacts.get_contact_campaigns(one) == {"total": 0, "campaigns": {}}


def test_what_a_client_asks_about(contacts: mautic.Contacts) -> None:
    assert {tuple(owner) for owner in contacts.get_owners()} == {("id", "firstName", "lastName")}
    assert "email" in [field["alias"] for field in contacts.get_field_list()]
    one = made(contacts)
    events = contacts.get_events(one, include_events=["lead.identified"], order_by_dir="DESC")
    assert [event["event"] for event in events["events"]] == ["lead.identified"]
