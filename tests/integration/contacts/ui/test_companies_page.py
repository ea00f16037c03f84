"""Companies in the pages: their fields, and who joins and leaves."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.integration.contacts.answers import told

HOSTILE = "\"'><script>alert(1)</script>"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def mark() -> str:
    return f"m{uuid.uuid4().hex[:10]}"


@pytest.fixture
def company(api: httpx.Client, mark: str) -> int:
    said = {"companyname": f"{mark} {HOSTILE}", "companycity": "Rome", "companywebsite": "https://engines.example"}
    return int(told(api.post("/api/companies/new", json=said), 201)["company"]["id"])


def test_a_company_is_made_shown_and_changed_and_a_blank_blanks(api: httpx.Client, mark: str) -> None:
    made = api.post("/ui/companies/new", data={"companyname": mark, "companycity": "Rome", "score": "7"})
    assert made.status_code == 303, made.text
    path = made.headers["location"]
    page = api.get(path).text
    assert "Rome" in page and "<dd>7</dd>" in page
    form = api.get(f"{path}/edit").text
    assert 'name="companycity" value="Rome"' in form and 'name="force"' not in form
    assert api.post(f"{path}/edit", data={"companyname": mark, "companycity": "", "score": "8"}).status_code == 303
    now = told(api.get(path.replace("/ui/", "/api/")))["company"]
    assert (now["fields"]["all"]["companycity"], now["score"]) == (None, 8)


def test_what_is_wrong_stands_beside_its_field(api: httpx.Client, mark: str) -> None:
    refused = api.post("/ui/companies/new", data={"companyname": "", "companyindustry": mark})
    assert refused.status_code == 422
    assert 'id="f-companyname-wrong" role="alert">This value should not be blank.' in refused.text
    assert f'value="{mark}"' in refused.text


def test_a_new_one_of_a_known_name_changes_that_one_unless_forced(api: httpx.Client, mark: str) -> None:
    first = api.post("/ui/companies/new", data={"companyname": mark, "companycity": "Rome"}).headers["location"]
    assert api.post("/ui/companies/new", data={"companyname": mark, "companycity": ""}).headers["location"] == first
    assert "Rome" in api.get(first).text
    forced = api.post("/ui/companies/new", data={"companyname": mark, "force": "1"}).headers["location"]
    assert forced != first


def test_contacts_are_found_join_and_leave(api: httpx.Client, company: int, mark: str) -> None:
    said = {"firstname": HOSTILE, "lastname": mark}
    member = told(api.post("/api/contacts/new", json=said), 201)["contact"]["id"]
    path = f"/ui/companies/{company}"
    found = api.get(f"{path}/find", params={"asked": f"lastname:{mark}"}, headers=HTMX).text
    assert f'name="contact" value="{member}"' in found and "<html" not in found and "<script>" not in found
    assert api.post(f"{path}/add", data={"contact": str(member)}).headers["location"] == path
    page = api.get(path).text
    assert f"/ui/contacts/{member}" in page and "1 to 1 of 1" in page
    assert "<script>alert" not in page and mark in page
    again = api.get(f"{path}/find", params={"asked": f"lastname:{mark}"}).text
    assert "Nobody like that who is no member yet." in again
    api.post(f"{path}/remove", data={"contact": str(member)})
    assert "Nobody is a member yet." in api.get(path).text


def test_a_search_that_cannot_be_answered_is_told(api: httpx.Client, company: int) -> None:
    refused = api.get(f"/ui/companies/{company}/find", params={"asked": "is:nothing"}, headers=HTMX)
    assert refused.status_code == 422 and "cannot be answered" in refused.text


def test_a_company_goes_after_a_question(api: httpx.Client, company: int) -> None:
    asked = api.get(f"/ui/companies/{company}/delete").text
    assert "Its members stay" in asked and "<script>alert" not in asked
    assert api.post(f"/ui/companies/{company}/delete").headers["location"] == "/ui/companies"
    assert api.get(f"/ui/companies/{company}").status_code == 404
