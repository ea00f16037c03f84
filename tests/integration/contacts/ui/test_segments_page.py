"""Segments in the pages: their filters in words, and a builder that works by round trips alone."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.integration.contacts.test_segments import by, contact, new

HOSTILE = "\"'><script>alert(1)</script>"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def mark() -> str:
    return f"m{uuid.uuid4().hex[:10]}"


def row(place: int, what: str, operator: str, *values: str, glue: str = "and", was: str = "") -> dict[str, Any]:
    said = {"glue": glue, "was": was or what, "what": what, "operator": operator, "value": list(values)}
    return {f"f.{place}.{name}": value for name, value in said.items()}


def test_a_form_makes_a_segment_of_its_rows(api: httpx.Client, mark: str) -> None:
    said = {"name": mark, "isPublished": "1", **row(0, "lead:city", "=", mark), **row(1, "lead:tags", "in", "a", "b"),
            **row(2, "lead:date_added", "between", "last week", "today", glue="or"),
            **row(3, "behaviors:hit_url", "!empty")}  # fmt: skip
    made = api.post("/ui/segments/new", data=said)
    assert made.status_code == 303, made.text
    segment = told(api.get(f"/api/segments/{made.headers['location'].rpartition('/')[2]}"))["list"]
    found = [(one["glue"], one["object"], one["field"], one["operator"], one["filter"]) for one in segment["filters"]]
    assert found == [
        ("and", "lead", "city", "=", mark), ("and", "lead", "tags", "in", ["a", "b"]),
        ("or", "lead", "date_added", "between", ["last week", "today"]),
        ("and", "behaviors", "hit_url", "!empty", None),
    ]  # fmt: skip
    assert (segment["isPublished"], segment["isGlobal"], segment["publicName"]) == (True, False, mark)


def test_the_page_of_one_says_its_filters_in_words(api: httpx.Client, mark: str) -> None:
    inner = new(api, f"Inner {mark}", by("city", "=", HOSTILE))
    segment = new(
        api, f"{HOSTILE} {mark}", by("leadlist", "in", [inner["id"]]), by("points", "gte", 5, glue="or"),
        by("last_active", "lt", "last week"), by("dnc_bounced", "=", 1), description=HOSTILE,
    )  # fmt: skip
    page = api.get(f"/ui/segments/{segment['id']}").text
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    assert f"Segment is one of Inner {mark}" in words
    assert "Points is at least 5 and Date Last Active is before last week and Email bounced is yes" in words
    assert HOSTILE not in page and "<script>alert" not in page
    assert f"/ui/contacts?segment={segment['alias']}" in page
    assert "<script>alert" not in api.get(f"/ui/segments/{segment['id']}/edit").text
    assert "&lt;script&gt;" in api.get(f"/ui/segments/{inner['id']}").text


def test_rows_are_added_and_removed_and_what_was_typed_stays(api: httpx.Client) -> None:
    said = {"name": "Typed", "description": "Also typed", **row(0, "lead:city", "contains", "Lon"),
            **row(1, "lead:points", "gt", "7", glue="or")}  # fmt: skip
    page = api.post("/ui/segments/filters", data={**said, "do": "add.and"}).text  # without a script: all of the page
    assert 'value="Typed"' in page and "Also typed" in page and 'value="Lon"' in page and 'name="f.2.what"' in page
    part = api.post("/ui/segments/filters", data={**said, "do": "remove.0"}, headers=HTMX).text
    assert "<form" not in part and 'value="7"' in part and "Lon" not in part and 'name="f.1.what"' not in part


def test_another_field_begins_with_its_own_operators_and_no_value(api: httpx.Client) -> None:
    said = row(0, "lead:dnc_bounced", "contains", "Lon", was="lead:city")
    part = api.post("/ui/segments/filters", data=said, headers=HTMX).text
    operators = re.search(r'name="f\.0\.operator".*?</select>', part, re.DOTALL).group(0)  # type: ignore[union-attr]
    assert re.findall(r'value="([^"]*)"', operators) == ["=", "!="]
    assert "Lon" not in part and '<option value="1">yes</option>' in part


def test_values_are_offered_by_what_the_field_holds(api: httpx.Client, mark: str) -> None:
    inner = new(api, f"Inner {mark}")
    made = told(api.post("/api/fields/contact/new", json={"label": f"Plan {mark}", "type": "select", "properties": {
        "list": [{"label": "Gold", "value": "g"}]}}), 201)["field"]  # fmt: skip
    said = {**row(0, "lead:leadlist", "in"), **row(1, f"lead:{made['alias']}", "="), **row(2, "lead:date_added", "gt"),
            **row(3, "lead:date_added", "between"), **row(4, "company:companycity", "like")}  # fmt: skip
    part = api.post("/ui/segments/filters", data=said, headers=HTMX).text
    assert f"Inner {mark}" in part and f'value="{inner["id"]}"' in part
    assert '<option value="g">Gold</option>' in part
    assert '<option value="last week">' in part and 'id="f-3-value-to"' in part
    api.delete(f"/api/fields/contact/{made['id']}/delete")


def test_the_count_says_how_many_and_who_or_what_is_wrong(api: httpx.Client, mark: str) -> None:
    for number in range(6):
        contact(api, city=mark, firstname=f"{HOSTILE} {number}")
    part = api.post("/ui/segments/count", data=row(0, "lead:city", "=", mark), headers=HTMX).text
    assert ">6</strong> contacts, such as" in part and part.count('href="/ui/contacts/') == 5
    assert "<script>" not in part and "<form" not in part
    wrong = api.post("/ui/segments/count", data={**row(0, "lead:city", "=", mark), **row(1, "lead:points", "gt", "x")})
    assert "Filter 2: The value must be a number." in wrong.text


def test_a_filter_that_is_refused_says_so_beside_its_row(api: httpx.Client, mark: str) -> None:
    said = {"name": mark, **row(0, "lead:city", "=", "x"), **row(1, "lead:points", "gt", "many")}
    refused = api.post("/ui/segments/new", data=said)
    assert refused.status_code == 422 and 'id="f-1-wrong" role="alert">The value must be a number.' in refused.text
    assert 'value="many"' in refused.text


def test_the_list_counts_members_later(api: httpx.Client, mark: str) -> None:
    contact(api, city=mark)
    segment = new(api, mark, by("city", "=", mark))
    listed = api.get("/ui/segments", params={"search": mark}).text
    assert f'hx-get="/ui/segments/{segment["id"]}/members"' in listed and "by filters" in listed
    part = api.get(f"/ui/segments/{segment['id']}/members", headers=HTMX).text
    assert ">1</a>" in part and "<html" not in part


def test_a_segment_that_others_are_made_of_says_which_when_it_is_to_go(api: httpx.Client, mark: str) -> None:
    inner = new(api, f"Inner {mark}", by("city", "=", "x"))
    outer = new(api, f"Outer {mark}", by("leadlist", "in", [inner["id"]]))
    refused = api.post(f"/ui/segments/{inner['id']}/delete")
    assert refused.status_code == 422 and f"Outer {mark} ({outer['id']})" in refused.text
    assert api.post(f"/ui/segments/{outer['id']}/delete").status_code == 303
    assert api.post(f"/ui/segments/{inner['id']}/delete").status_code == 303


def test_the_contacts_of_a_segment_go_by_a_job_after_a_question(api: httpx.Client, mark: str) -> None:
    contact(api, city=mark)
    segment = new(api, mark, by("city", "=", mark))
    asked = api.get(f"/ui/segments/{segment['id']}/contacts/delete").text
    assert f"Delete 1 contact of {mark}?" in asked
    began = api.post(f"/ui/segments/{segment['id']}/contacts/delete")
    assert re.fullmatch(r"/ui/jobs/\d+", began.headers["location"])
    assert told(api.get(began.headers["location"].replace("/ui/", "/api/")))["job"]["total"] == 1
