"""A second field that identifies, made so through the API: hits, servers, forms and API writes go by it alike."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.site import Site

CACHED_SECONDS = 1.2  # the registry is read anew after one second


def set_unique(site: Site, *, is_unique: bool) -> None:
    body = {"isUniqueIdentifier": is_unique, "isPubliclyUpdatable": is_unique}
    answer = site.api.patch("/api/fields/contact/mobile/edit", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["field"]["isUniqueIdentifer"] is is_unique
    time.sleep(CACHED_SECONDS)


@pytest.fixture(scope="module")
def unique_site(site: Site) -> Iterator[Site]:
    set_unique(site, is_unique=True)
    yield site
    set_unique(site, is_unique=False)


@pytest.fixture
def number() -> str:
    return f"+49 {uuid.uuid4().int % 10**10}"


@pytest.fixture
def mail() -> str:
    return f"{uuid.uuid4().hex[:12]}@x.org"


def create(site: Site, **fields: str) -> httpx.Response:
    return site.api.post("/api/contacts/new", json=fields)


def test_hits_and_servers_go_by_it(unique_site: Site, number: str) -> None:
    site = unique_site
    known = create(site, mobile=number).json()["contact"]["id"]
    with site.visitor() as visitor:
        visitor.post("/mtc/event", data={"page_url": "https://x/mobile", "mobile": f" {number} "})
    site.events(known, 1, "page.hit")
    assert site.send({"type": "sms.sent", "fields": {"mobile": number}})["accepted"] == 1
    site.events(known, 1, "sms.sent")


def test_the_api_upserts_by_it_and_joins_who_holds_each_of_the_values(
    unique_site: Site, number: str, mail: str
) -> None:
    site = unique_site
    one, other = create(site, mobile=number), create(site, email=mail)
    assert (one.status_code, other.status_code) == (201, 201)
    both = create(site, mobile=number, email=mail)
    assert (both.status_code, both.json()["contact"]["id"]) == (200, one.json()["contact"]["id"])
    other_id = other.json()["contact"]["id"]
    assert site.api.get(f"/api/contacts/{other_id}").json()["contact"]["id"] == one.json()["contact"]["id"]


def test_a_value_of_somebody_who_contradicts_is_refused_by_name(unique_site: Site, number: str, mail: str) -> None:
    site = unique_site
    known = create(site, mobile=number, email=mail).json()["contact"]["id"]
    answer = create(site, mobile=f"{number}0", email=mail)
    assert answer.status_code == 400
    assert f"contact {known}" in answer.json()["errors"][0]["details"]["email"][0]
    assert [contact["id"] for contact in site.contacts(f"email:{mail}")] == [known]
