"""Searches by what is kept elsewhere than in the contact: owners, stages, companies, mails; and searches of records."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Hit


def new(api: httpx.Client, plural: str, singular: str, **body: Any) -> int:
    answer = api.post(f"/api/{plural}/new", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()[singular]["id"])


def contact(api: httpx.Client, **body: Any) -> int:
    return new(api, "contacts", "contact", email=f"{uuid.uuid4().hex}@example.com", **body)


def found(api: httpx.Client, search: str, plural: str = "contacts") -> list[int]:
    answer = api.get(f"/api/{plural}", params={"search": search})
    assert answer.status_code == 200, answer.text
    said = answer.json()[plural]
    return [one["id"] for one in (said.values() if isinstance(said, dict) else said)]


def test_free_text_is_anywhere_in_whatever_names_or_places_a_contact(api: httpx.Client) -> None:
    name = uuid.uuid4().hex[:12]
    said = {"firstname": "ÄÖ", "lastname": "", "company": "", "city": "", "state": "Ob", "zipcode": "", "twitter": "@"}
    who = {field: contact(api, **{field: f"{begin}{name}"}) for field, begin in said.items()}
    assert sorted(found(api, name)) == sorted(who.values())
    assert found(api, f"äö{name.upper()[:8]}") == found(api, f"ao{name}") == [who["firstname"]]
    assert found(api, f"+Ob{name}") == [who["state"]] and found(api, f"%B{name}") == [who["state"]]
    assert found(api, f"{name} !ob{name}") and who["state"] not in found(api, f"{name} !ob{name}")
    italian = contact(api, firstname=name, country="Italy")
    assert found(api, f"{name} italy") == [italian]
    told = api.patch(f"/api/contacts/{italian}/edit", json={"country": "Malta"})
    assert told.status_code == 200 and found(api, f"{name} italy") == []


def test_contacts_are_found_by_owner_and_stage(api: httpx.Client) -> None:
    name = uuid.uuid4().hex
    stage = new(api, "stages", "stage", name=f"Stage {name}", weight=3_003)
    mine, other = contact(api, firstname=name, owner=1, stage=stage), contact(api, firstname=name)
    assert found(api, f"name:{name} owner:adm") == [mine]
    assert found(api, f"name:{name} owner:+Admin") == [mine]
    assert found(api, f"name:{name} !owner:adm") == [other]
    assert found(api, f"name:{name} owner:nobody") == []
    assert found(api, f'stage:"stage {name}"') == [mine]
    assert found(api, f"name:{name} !stage:%{name}") == [other]


def test_contacts_are_found_by_any_of_their_companies(api: httpx.Client) -> None:
    name = uuid.uuid4().hex
    first = new(api, "companies", "company", companyname=f"First {name}")
    second = new(api, "companies", "company", companyname=f"Second {name}")
    both, one = contact(api, companies=[first, second]), contact(api, companies=[first])
    assert sorted(found(api, f"company_id:{first}")) == [both, one]
    assert found(api, f"company_id:{second}") == [both]
    assert found(api, f'company:"second {name}"') == [both]
    assert sorted(found(api, f'company:+"First {name}"')) == [both, one]
    assert found(api, f"company:%{name} !company_id:{second}") == [one]
    assert api.post(f"/api/companies/{second}/contact/{both}/remove").status_code == 200
    assert found(api, f"company_id:{second}") == []


def test_contacts_are_found_by_their_mails(api: httpx.Client, store_hit: Hit) -> None:
    email_id = uuid.uuid4().int % 10**12
    reader, other = contact(api), contact(api)
    store_hit(reader, time.time(), type="email.read", query=f'{{"stat":{{"emailId":{email_id}}}}}')
    store_hit(other, time.time(), type="email.sent", query=f'{{"stat":{{"emailId":{email_id}}}}}')
    assert found(api, f"email_read:{email_id}") == [reader]
    assert found(api, f"email_sent:{email_id}") == [other]
    assert found(api, f"email_sent:{email_id} email_read:{email_id}") == []
    assert found(api, f"ids:{reader},{other} !email_read:{email_id}") == [other]


def test_contacts_are_found_by_what_their_visits_came_by(api: httpx.Client, store_hit: Hit) -> None:
    number = uuid.uuid4().int % 10**12
    by_mail, by_link, visitor = contact(api), contact(api), time.time_ns() // 1_000
    store_hit(by_mail, time.time(), query=f'{{"stat":{{"emailId":{number}}}}}')
    store_hit(by_link, time.time(), query=f'{{"stat":{{"source":["asset {number}",{number}0]}}}}')
    store_hit(visitor, time.time(), query=f'{{"stat":{{"source":["asset {number}",{number}]}}}}')
    store_hit(contact(api), time.time(), type="email.read", query=f'{{"stat":{{"emailId":{number}}}}}')
    assert sorted(found(api, f"page_source_id:{number}")) == sorted([by_mail, visitor])
    assert found(api, f"page_source_id:{number} page_source:em") == [by_mail]
    assert sorted(found(api, f'page_source:"asset {number}"')) == sorted([by_link, visitor])
    assert found(api, f"ids:{by_mail},{by_link} !page_source:email") == [by_link]


def test_segments_are_found_by_whether_all_see_them(api: httpx.Client) -> None:
    name = uuid.uuid4().hex
    shared = new(api, "segments", "list", name=f"a {name}")
    own = new(api, "segments", "list", name=f"b {name}", isGlobal=False)
    params = {"search": f"%{name} is:global"}
    assert [one["id"] for one in api.get("/api/segments", params=params).json()["lists"]] == [shared]
    params = {"search": f"%{name} !is:global"}
    assert [one["id"] for one in api.get("/api/segments", params=params).json()["lists"]] == [own]
    assert api.get("/api/stages", params={"search": "is:global"}).status_code == 400


def test_records_are_found_by_the_same_language(api: httpx.Client) -> None:
    name = uuid.uuid4().hex
    category = new(api, "categories", "category", title=f"c{name[:20]}", bundle="form")
    a = new(api, "stages", "stage", name=f"a {name}", category=category)
    b = new(api, "stages", "stage", name=f"b {name}", isPublished=False)
    cases = {
        f"{name}": [a, b],
        f"{name} is:published": [a],
        f"{name} is:unpublished": [b],
        f"{name} !is:published": [b],
        f"{name} is:uncategorized": [b],
        f"{name} is:mine": [a, b],
        f"category:+c{name[:20]}": [a],
        f'name:"b {name}" or ids:{a}': [a, b],
        f"({name} ids:{b},77) !name:a": [b],
        f"name:{name}": [],
        f"name:%{name}": [a, b],
    }
    assert {search: found(api, search, "stages") for search in cases} == cases


@pytest.mark.parametrize(
    ("plural", "search", "character"),
    [
        ("contacts", "ada (email:x", "5"),
        ("contacts", "ada lang:de", "5"),
        ("contacts", "ada segment:", "5"),
        ("companies", "acme is:nonsense", "6"),
        ("companies", "acme ids:", "6"),
        ("stages", "x !name:", "3"),
        ("forms", "x) y", "2"),
        ("forms", "x has:results", "3"),
    ],
)
def test_an_error_points_at_the_character(api: httpx.Client, plural: str, search: str, character: str) -> None:
    answer = api.get(f"/api/{plural}", params={"search": search})
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["details"] == {"search": [error["message"]], "character": [character]}
    assert error["message"].endswith(f"(character {character})")
