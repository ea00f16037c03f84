"""Forms in the web pages: written, shown as HTML, and what was submitted."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Hit
from tests.integration.contacts.answers import told
from tests.integration.contacts.ui.logins import HOSTILE, HTMX, logged_in, page, went, words


def typed(**said: str) -> dict[str, str]:
    usual = {"name": f"Newsletter {uuid.uuid4().hex[:6]}", "postAction": "message", "postActionProperty": "Thank you!",
             "isPublished": "1", "rows": "1", "fields.0.label": "E-mail", "fields.0.alias": "email",
             "fields.0.type": "email", "fields.0.mappedField": "email", "fields.0.isRequired": "1"}  # fmt: skip
    return {**usual, **{name.replace("__", "."): value for name, value in said.items()}}


def kept(api: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    return dict(told(api.get(f"/api/forms/{went(answer).rpartition('/')[2]}"))["form"])


def test_a_form_is_made_as_it_was_typed(api: httpx.Client) -> None:
    form = kept(
        api,
        api.post(
            "/ui/forms/new",
            data=typed(
                rows="2", fields__1__label="Color", fields__1__type="select", fields__1__choices="red\r\n blue \r\n",
                addTags="reader, autumn", removeTags="cold", addsUtm="1", inKioskMode="1",
            ),
        ),
    )  # fmt: skip
    [email, color] = form["fields"]
    assert (email["alias"], email["mappedField"], email["isRequired"]) == ("email", "email", True)
    assert (color["alias"], color["isRequired"]) == ("color", False)
    assert [one["value"] for one in color["properties"]["list"]["list"]] == ["red", "blue"]
    assert [action["type"] for action in form["actions"]] == ["lead.addutmtags", "lead.changetags"]
    assert form["actions"][1]["properties"] == {"add_tags": ["reader", "autumn"], "remove_tags": ["cold"]}
    assert form["inKioskMode"] is True


def test_a_form_that_is_edited_and_saved_unchanged_stays_as_it_is(api: httpx.Client) -> None:
    data = typed(rows="1", addTags="reader", fields__0__validationMessage="Please!", fields__0__defaultValue="a@b.org")
    form = kept(api, api.post("/ui/forms/new", data=data))
    shown = page(api.get(f"/ui/forms/{form['id']}/edit"))
    assert 'value="Please!"' in shown
    assert 'value="reader"' in shown
    again = kept(api, api.post(f"/ui/forms/{form['id']}/edit", data={**data, "alias": form["alias"]}))
    assert {name: again[name] for name in ("fields", "actions", "alias")} == {
        name: form[name] for name in ("fields", "actions", "alias")
    }


def test_fields_are_added_moved_and_removed_before_anything_is_saved(api: httpx.Client) -> None:
    before = told(api.get("/api/forms"))["total"]
    added = page(api.post("/ui/forms/new", data=typed(rearrange="add"), headers=HTMX))
    assert 'name="rows" value="2"' in added
    two = typed(rows="2", fields__1__label="City")
    moved = page(api.post("/ui/forms/new", data={**two, "rearrange": "up.1"}, headers=HTMX))
    assert moved.index('value="City"') < moved.index('value="E-mail"')
    gone = page(api.post("/ui/forms/new", data={**two, "rearrange": "remove.0"}, headers=HTMX))
    assert 'value="E-mail"' not in gone
    assert 'value="City"' in gone
    assert told(api.get("/api/forms"))["total"] == before


def test_what_is_wrong_is_said_beside_its_input_and_everything_typed_is_kept(api: httpx.Client) -> None:
    answer = api.post("/ui/forms/new", data=typed(rows="2", fields__1__label="", fields__1__alias="other", name="Kept"))
    said = page(answer, 422)
    assert 'id="fields.1.label-wrong"' in said
    assert 'value="Kept"' in said
    assert 'value="other"' in said
    wrong = api.post("/ui/forms/new", data=typed(postAction="redirect", postActionProperty="nowhere"))
    assert 'id="postActionProperty-wrong"' in page(wrong, 422)


@pytest.mark.parametrize("rows", ["-1", "x", "999999999", "²"])
def test_rows_that_are_no_number_are_none(api: httpx.Client, rows: str) -> None:
    assert kept(api, api.post("/ui/forms/new", data=typed(rows=rows)))["fields"] == []


def test_the_html_of_a_form_is_shown_and_copied_as_text(api: httpx.Client) -> None:
    data = typed(name=HOSTILE, fields__0__label=HOSTILE)
    form = kept(api, api.post("/ui/forms/new", data=data))
    shown = page(api.get(f"/ui/forms/{form['id']}"))
    assert 'data-copies="form-html"' in shown
    assert f"/form/submit?formId={form['id']}" in words(api.get(f"/ui/forms/{form['id']}"))
    for path in ("", "/edit", "/delete", "/submissions"):
        page(api.get(f"/ui/forms/{form['id']}{path}"))
    page(api.get("/ui/forms"))


def test_submissions_name_their_contact_and_what_was_filled_in(api: httpx.Client, store_hit: Hit) -> None:
    form = kept(api, api.post("/ui/forms/new", data=typed()))
    email = f"{uuid.uuid4().hex[:8]}@forms.org"
    contact = told(api.post("/api/contacts/new", json={"email": email, "firstname": "Grace"}), 201)["contact"]["id"]
    said = {"submission": {"referer": "javascript:alert(1)", "results": {"email": HOSTILE}},
            "form": {"id": str(form["id"]), "name": form["name"]}}  # fmt: skip
    store_hit(contact, time.time(), type="form.submitted", query=json.dumps(said))
    shown = api.get(f"/ui/forms/{form['id']}/submissions")
    assert "Grace" in words(shown)
    assert f'href="/ui/contacts/{contact}"' in shown.text
    assert "&lt;script&gt;" in page(shown)
    assert 'href="javascript' not in shown.text
    assert "No such submission" in words(api.get(f"/ui/forms/{form['id']}/submissions?search=nothing-like-it"))


def test_a_form_is_deleted_after_a_question(api: httpx.Client) -> None:
    form = kept(api, api.post("/ui/forms/new", data=typed()))
    assert "Delete it" in words(api.get(f"/ui/forms/{form['id']}/delete", headers=HTMX))
    assert api.get(f"/api/forms/{form['id']}").status_code == 200
    assert went(api.post(f"/ui/forms/{form['id']}/delete")) == "/ui/forms"
    assert api.get(f"/api/forms/{form['id']}").status_code == 404
    assert api.get(f"/ui/forms/{form['id']}").status_code == 404


def test_who_may_only_look_sees_no_buttons_to_change(api: httpx.Client) -> None:
    form = kept(api, api.post("/ui/forms/new", data=typed()))
    with logged_in(api, form__forms=["viewother"]) as ada:
        shown = page(ada.get("/ui/forms", params={"search": form["name"]}))
        assert f'<td class="number">{form["id"]}</td></tr>' in shown, "the ID is the last column"
        assert f"/ui/forms/{form['id']}" in shown
        for path in ("/new", f"/{form['id']}/edit", f"/{form['id']}/delete", f"/{form['id']}/submissions"):
            assert f'href="/ui/forms{path}"' not in shown
        assert ada.post("/ui/forms/new", data=typed()).status_code == 403
        assert ada.get(f"/ui/forms/{form['id']}/submissions").status_code == 403
