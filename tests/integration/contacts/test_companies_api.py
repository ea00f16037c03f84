"""The companies API against real servers: made, found, edited, deleted, joined and left."""

from __future__ import annotations

import concurrent.futures
import time
import uuid
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Hit

UNKNOWN = 999_999_999


@pytest.fixture
def name() -> str:
    return f"Acme {uuid.uuid4().hex[:12]}"


def new(api: httpx.Client, name: str, status: int = 201, **body: Any) -> dict[str, Any]:
    answer = api.post("/api/companies/new", json={"companyname": name, **body})
    assert answer.status_code == status, answer.text
    company: dict[str, Any] = answer.json()["company"]
    return company


def edit(api: httpx.Client, company_id: int, **body: Any) -> dict[str, Any]:
    answer = api.patch(f"/api/companies/{company_id}/edit", json=body)
    assert answer.status_code == 200, answer.text
    company: dict[str, Any] = answer.json()["company"]
    return company


def found(api: httpx.Client, search: str, **params: str) -> list[int]:
    answer = api.get("/api/companies", params={"search": search, **params})
    assert answer.status_code == 200, answer.text
    return [company["id"] for company in answer.json()["companies"].values()]


def named(api: httpx.Client, name: str) -> list[int]:
    return found(api, f'companyname:+"{name}"')


def contact(api: httpx.Client, **body: Any) -> int:
    answer = api.post("/api/contacts/new", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["contact"]["id"])


def edit_contact(api: httpx.Client, contact_id: int, **body: Any) -> dict[str, Any]:
    answer = api.patch(f"/api/contacts/{contact_id}/edit", json=body)
    assert answer.status_code == 200, answer.text
    values: dict[str, Any] = answer.json()["contact"]["fields"]["all"]
    return values


def companies_of(api: httpx.Client, contact_id: int) -> dict[int, bool]:
    """Company: whether it is the primary one."""
    body = api.get(f"/api/contacts/{contact_id}/companies").json()
    assert body["total"] == len(body["companies"])
    return {int(row["company_id"]): row["is_primary"] == "1" for row in body["companies"]}


def text_of(api: httpx.Client, contact_id: int) -> str | None:
    text: str | None = api.get(f"/api/contacts/{contact_id}").json()["contact"]["fields"]["all"]["company"]
    return text


def link(api: httpx.Client, company_id: int, contact_id: int, verb: str) -> httpx.Response:
    return api.post(f"/api/companies/{company_id}/contact/{contact_id}/{verb}")


def test_a_company_is_made_and_shown_as_clients_know_it(api: httpx.Client, name: str) -> None:
    answer = api.post(
        "/api/companies/new",
        data={
            "companyname": name,
            "companyemail": "Info@Acme.example",
            "companynumber_of_employees": "250",
            "owner": 1,
        },
    )
    assert answer.status_code == 201
    company = answer.json()["company"]
    assert answer.headers["location"] == f"/api/companies/{company['id']}"
    assert company["fields"]["core"]["companyname"]["value"] == name
    assert company["fields"]["core"]["companyname"]["object"] == "company"
    assert company["fields"]["professional"]["companynumber_of_employees"]["value"] == 250
    assert company["fields"]["all"]["companyemail"] == "info@acme.example"
    assert company["fields"]["all"]["companycity"] is None
    assert (company["createdByUser"], company["owner"]["id"], company["score"]) == ("admin", 1, 0)
    assert api.get(f"/api/companies/{company['id']}").json()["company"] == company


def test_a_company_of_that_name_is_updated_unless_a_new_one_is_forced(api: httpx.Client, name: str) -> None:
    first = new(api, name, companycity="Rome")
    again = new(api, f"  {name.upper().replace(' ', '   ')} ", 200, companyphone="1")
    assert again["id"] == first["id"]
    assert (again["fields"]["all"]["companycity"], again["fields"]["all"]["companyphone"]) == ("Rome", "1")
    forced = new(api, name, 201, force=1)
    assert forced["id"] != first["id"]
    assert new(api, name, 200)["id"] == first["id"], "the name leads to whoever had it first"
    assert named(api, name) == [first["id"], forced["id"]]


def test_requests_at_once_make_one_company_and_lose_no_word(api: httpx.Client, name: str) -> None:
    fields = ["companycity", "companyphone", "companywebsite", "companyfax", "companystate", "companyindustry"]

    def make(field: str) -> int:
        answer = api.post("/api/companies/new", json={"companyname": name, field: "x"})
        return int(answer.json()["company"]["id"])

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        ids = set(pool.map(make, fields))
    assert len(ids) == 1
    values = api.get(f"/api/companies/{ids.pop()}").json()["company"]["fields"]["all"]
    assert [values[field] for field in fields] == ["x"] * 6


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "companyname"),
        ({"companyname": " "}, "companyname"),
        ({"companyname": "x" * 192}, "companyname"),
        ({"companyname": "x", "companyemail": "nobody"}, "companyemail"),
        ({"companyname": "x", "companyannual_revenue": "much"}, "companyannual_revenue"),
        ({"companyname": "x", "companycity": ["Rome"]}, "companycity"),
        ({"companyname": "x", "score": "high"}, "score"),
    ],
)
def test_what_is_wrong_is_named(api: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = api.post("/api/companies/new", json=body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"][0]["details"]) == [field]


def test_patch_changes_what_it_names_and_put_blanks_the_rest(api: httpx.Client, name: str) -> None:
    company_id = new(api, name, companycity="Rome", companyphone="1")["id"]
    assert edit(api, company_id, companycity="", companyfax="2")["fields"]["all"]["companycity"] == "Rome"
    assert edit(api, company_id, companycity="", overwriteWithBlank=True)["fields"]["all"]["companycity"] is None
    answer = api.put(f"/api/companies/{company_id}/edit", json={"companyname": name, "companystate": "x"})
    values = answer.json()["company"]["fields"]["all"]
    assert (answer.status_code, values["companyphone"], values["companystate"]) == (200, None, "x")
    assert api.put(f"/api/companies/{company_id}/edit", json={"companycity": "x"}).status_code == 400, "without a name"
    made = api.put(f"/api/companies/{UNKNOWN}/edit", json={"companyname": f"{name} two"})
    assert (made.status_code, made.json()["company"]["id"] != UNKNOWN) == (201, True)
    assert api.patch(f"/api/companies/{UNKNOWN}/edit", json={"companycity": "x"}).status_code == 404


def test_a_deleted_company_is_gone_and_its_name_is_free(api: httpx.Client, name: str) -> None:
    company_id = new(api, name)["id"]
    person = contact(api, company=name)
    assert named(api, name) == [company_id]
    gone = api.delete(f"/api/companies/{company_id}/delete")
    assert (gone.status_code, gone.json()["company"]["id"]) == (200, None)
    assert gone.json()["company"]["fields"]["all"]["companyname"] == name
    assert api.delete(f"/api/companies/{company_id}/delete").status_code == 404
    assert api.get(f"/api/companies/{company_id}").status_code == 404
    assert named(api, name) == []
    assert companies_of(api, person) == {}
    assert new(api, name)["id"] != company_id


def test_a_renamed_company_keeps_its_former_name_until_another_takes_it(api: httpx.Client, name: str) -> None:
    first = new(api, name)["id"]
    edit(api, first, companyname=f"{name} Group")
    person = contact(api, company=name)
    assert companies_of(api, person) == {first: True}
    assert text_of(api, person) == f"{name} Group"
    assert new(api, f"{name} Group", 200)["id"] == first
    second = new(api, name)["id"]
    assert second != first
    assert companies_of(api, contact(api, company=name)) == {second: True}
    assert api.delete(f"/api/companies/{second}/delete").status_code == 200
    edit(api, first, companyname=name)
    assert new(api, name, 200)["id"] == first, "a name that nobody bears can be taken"


def test_companies_are_searched_ordered_and_paged(api: httpx.Client, name: str) -> None:
    mark = name.split()[1]
    rome = new(api, f"b {mark}", companycity="Rome", companynumber_of_employees=9, owner=1)["id"]
    oslo = new(api, f"A {mark}", companycity="Oslo_Ö", companynumber_of_employees=30)["id"]
    mail = new(api, f"c {mark}", companyemail=f"info@{mark}.example")["id"]
    cases = {
        mark: [rome, oslo, mail],
        f"{mark} companycity:osl": [oslo],
        f"{mark} companycity:+ro": [],
        f'name:"b {mark}" or name:+"A {mark}"': [rome, oslo],
        f"{mark} !companycity:rome": [oslo, mail],
        f"{mark} oslo_ö": [oslo],
        f"companyemail:info@{mark}": [mail],
        f"companynumber_of_employees:+30 {mark}": [oslo],
        f"is:mine {mark}": [rome],
        f"ids:{rome},{mail}": [rome, mail],
        f"{mark} (rome or info@)": [rome, mail],
        f"{mark} x{{p0:String}}'": [],
    }
    assert {search: found(api, search) for search in cases} == cases
    assert found(api, mark, orderBy="companyname") == [oslo, rome, mail]
    assert found(api, mark, orderBy="companynumber_of_employees", orderByDir="DESC") == [oslo, rome, mail]
    assert found(api, mark, orderBy="dateAdded", limit="1", start="2") == [mail]
    assert api.get("/api/companies", params={"search": mark, "limit": "1"}).json()["total"] == "3"
    assert api.get("/api/companies", params={"search": "no" + mark}).json() == {"total": "0", "companies": {}}
    for wrong in ({"orderBy": "nothing"}, {"orderByDir": "up"}, {"limit": "x"}, {"search": "is:odd"}):
        assert api.get("/api/companies", params=wrong).status_code == 400


def test_contacts_join_and_leave_and_the_text_follows_the_primary_company(api: httpx.Client, name: str) -> None:
    first, second = new(api, name, companycity="Rome")["id"], new(api, f"{name} two")["id"]
    person = contact(api, firstname="Ada")
    assert companies_of(api, person) == {}
    for company_id in (first, second, second):
        assert link(api, company_id, person, "add").json() == {"success": 1}
    assert companies_of(api, person) == {first: True, second: False}
    assert text_of(api, person) == name
    [row, _] = api.get(f"/api/contacts/{person}/companies").json()["companies"]
    assert (row["company_id"], row["companycity"], row["companyname"]) == (str(first), "Rome", name)
    assert len(row["date_associated"]) == len("2024-01-01 00:00:00")
    assert api.post(f"/api/companies/{first}/contact/remove/{person}").json() == {"success": 1}
    assert companies_of(api, person) == {second: True}
    assert text_of(api, person) == f"{name} two"
    assert link(api, second, person, "remove").json() == {"success": 1}
    assert (companies_of(api, person), text_of(api, person)) == ({}, None)
    for company_id, contact_id in ((UNKNOWN, person), (first, UNKNOWN), (0, person)):
        assert link(api, company_id, contact_id, "add").status_code == 404
        assert link(api, company_id, contact_id, "remove").status_code == 404


def test_an_anonymous_visitor_can_be_made_a_member(api: httpx.Client, store_hit: Hit, name: str) -> None:
    company_id, visitor = new(api, name)["id"], 8_800_000 + int(time.time()) % 100_000
    store_hit(visitor, time.time() - 60, url="https://x.example/")
    assert api.get(f"/api/contacts/{visitor}/companies").json() == {"total": 0, "companies": []}
    assert link(api, company_id, visitor, "add").status_code == 200
    assert companies_of(api, visitor) == {company_id: True}


def test_the_text_of_a_contact_makes_or_finds_its_primary_company(api: httpx.Client, name: str) -> None:
    person = contact(api, company=name)
    [company_id] = named(api, name)
    assert companies_of(api, person) == {company_id: True}
    other = contact(api, company=name.upper())
    assert (companies_of(api, other), text_of(api, other)) == ({company_id: True}, name)
    assert edit_contact(api, person, company=f"{name} two")["company"] == f"{name} two"
    assert list(companies_of(api, person).values()) == [False, True]
    assert edit_contact(api, person, company=name)["company"] == name
    assert list(companies_of(api, person).values()) == [True, False]
    assert edit_contact(api, person, company="n/a")["company"] == "n/a", "which is nobody's name"
    assert named(api, "n/a") == []
    assert api.patch(f"/api/contacts/{UNKNOWN}/edit", json={"company": f"{name} three"}).status_code == 404
    assert named(api, f"{name} three") == [], "nobody works there"


def test_a_list_of_ids_replaces_the_companies_of_a_contact(api: httpx.Client, name: str) -> None:
    first, second, third = (new(api, f"{name} {number}")["id"] for number in range(3))
    person = contact(api, companies=[first, second])
    assert (companies_of(api, person), text_of(api, person)) == ({first: True, second: False}, f"{name} 0")
    edit_contact(api, person, companies=[str(second), third])
    assert (companies_of(api, person), text_of(api, person)) == ({second: True, third: False}, f"{name} 1")
    edit_contact(api, person, companies=[third], company=f"{name} 0")
    assert (companies_of(api, person), text_of(api, person)) == ({third: False, first: True}, f"{name} 0")
    edit_contact(api, person, firstname="Ada")
    assert len(companies_of(api, person)) == 2, "not named, not changed"
    for wrong in ([UNKNOWN], ["x"], 7, [{"a": 1}]):
        answer = api.patch(f"/api/contacts/{person}/edit", json={"companies": wrong})
        assert (answer.status_code, list(answer.json()["errors"][0]["details"])) == (400, ["companies"])
    edit_contact(api, person, companies=[])
    assert (companies_of(api, person), text_of(api, person)) == ({}, None)


def test_a_merge_of_two_contacts_keeps_both_memberships(api: httpx.Client, name: str) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    first, second = contact(api, email=email, company=name), contact(api, company=f"{name} two")
    edit_contact(api, second, email=email)
    assert len(companies_of(api, second)) == 2
    assert companies_of(api, first) == companies_of(api, second)
    assert text_of(api, second) == f"{name} two"
    [left] = [company_id for company_id, is_primary in companies_of(api, second).items() if not is_primary]
    assert link(api, left, second, "remove").status_code == 200
    assert left not in companies_of(api, second), "also one that the merged contact brought"
