"""The fields of contacts and companies in the pages."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.integration.contacts.test_segments import by, new

HOSTILE = "\"'><script>alert(1)</script>"


@pytest.fixture
def alias() -> str:
    return f"f{uuid.uuid4().hex[:10]}"


def test_a_select_is_made_with_its_choices_and_they_are_changed(api: httpx.Client, alias: str) -> None:
    said = {"label": HOSTILE, "alias": alias, "type": "select", "group": "social", "isPublished": "1",
            "choices": "Gold = g\n\nSilver\na = b = c"}  # fmt: skip
    assert api.post("/ui/fields/new", data=said).headers["location"] == "/ui/fields"
    made = told(api.get(f"/api/fields/contact/{alias}"))["field"]
    assert made["properties"]["list"] == [
        {"label": "Gold", "value": "g"}, {"label": "Silver", "value": "Silver"}, {"label": "a = b", "value": "c"},
    ]  # fmt: skip
    listed = api.get("/ui/fields", params={"search": alias}).text
    assert alias in listed and "<script>alert" not in listed and "by people" in listed
    form = api.get(f"/ui/fields/{made['id']}/edit").text
    assert "Gold = g\nSilver\na = b = c" in form
    assert 'name="alias"' not in form and 'name="scale"' not in form and 'name="yes"' not in form
    api.post(f"/ui/fields/{made['id']}/edit", data={"label": "Plan", "group": "core", "choices": "Gold = g"})
    now = told(api.get(f"/api/fields/contact/{alias}"))["field"]
    assert (now["label"], now["isPublished"], len(now["properties"]["list"])) == ("Plan", False, 1)
    assert api.post(f"/ui/fields/{made['id']}/delete").status_code == 303


@pytest.mark.parametrize(
    ("kind", "said", "properties"),
    [
        ("boolean", {"yes": "Ja", "no": "Nein"}, {"yes": "Ja", "no": "Nein"}),
        ("number", {"scale": "2"}, {"roundmode": "3", "scale": "2"}),
        ("textarea", {"allowHtml": "1"}, {"allowHtml": True}),
        ("text", {}, []),
    ],
)
def test_each_type_takes_what_is_peculiar_to_it(
    api: httpx.Client, alias: str, kind: str, said: dict[str, str], properties: object
) -> None:
    made = api.post(
        "/ui/fields/company/new", data={"label": alias, "alias": alias, "type": kind, "group": "core", **said}
    )
    assert made.headers["location"] == "/ui/fields/company", made.text
    field = told(api.get(f"/api/fields/company/{alias}"))["field"]
    assert field["properties"] == properties
    api.delete(f"/api/fields/company/{alias}/delete")


def test_what_is_refused_stands_beside_its_field(api: httpx.Client) -> None:
    refused = api.post("/ui/fields/new", data={"label": "x", "alias": "email", "type": "text", "group": "core"})
    assert refused.status_code == 422 and 'id="f-alias-wrong" role="alert">email is a reserved word.' in refused.text


def test_of_a_field_from_the_start_only_what_can_be_changed_is_asked(api: httpx.Client) -> None:
    form = api.get("/ui/fields/13/edit").text  # city
    assert "this is what can be changed" in form and 'name="label"' not in form
    for flag in ({"isPubliclyUpdatable": "1"}, {}):
        assert api.post("/ui/fields/13/edit", data=flag).status_code == 303
        assert told(api.get("/api/fields/contact/city"))["field"]["isPubliclyUpdatable"] is bool(flag)
    page = api.get("/ui/fields/company").text
    assert "companycity" in page and "/ui/fields/company/6/edit" not in page
    assert "/ui/fields/13/delete" not in api.get("/ui/fields").text


def test_a_field_that_segments_ask_for_names_them_when_it_is_to_go(api: httpx.Client, alias: str) -> None:
    made = told(api.post("/api/fields/contact/new", json={"label": alias, "alias": alias}), 201)["field"]
    new(api, f"Asks {alias}", by(alias, "=", "x"))
    refused = api.post(f"/ui/fields/{made['id']}/delete")
    assert refused.status_code == 422 and f"<li>Asks {alias}</li>" in refused.text
