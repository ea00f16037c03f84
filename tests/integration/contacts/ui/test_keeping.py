"""Plain things that are kept by pages: stages and tags stand for all that is described like them."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable
from urllib.parse import unquote

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.integration.contacts.test_rights import closed_clients, someone

__all__ = ["closed_clients", "someone"]  # fixtures

HOSTILE = "\"'><script>alert(1)</script>"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def stage(api: httpx.Client) -> dict[str, object]:
    name, weight = f"Stage {uuid.uuid4().hex[:8]}", random.randrange(10_000, 900_000_000)
    return dict(told(api.post("/api/stages/new", json={"name": name, "weight": weight}), 201)["stage"])


def said_after(answer: httpx.Response) -> str:
    return unquote(re.search(r"spoor_said=([^;]*)", answer.headers["set-cookie"]).group(1))  # type: ignore[union-attr]


def test_a_form_makes_one_and_leads_to_the_list_that_says_so(api: httpx.Client) -> None:
    name = f"New {uuid.uuid4().hex[:8]}"
    made = api.post("/ui/stages/new", data={"name": name, "description": "Far", "isPublished": "1"})
    assert (made.status_code, made.headers["location"], said_after(made)) == (303, "/ui/stages", f"{name} is saved.")
    [found] = api.get("/api/stages", params={"search": name}).json()["stages"]
    assert (found["description"], found["isPublished"]) == ("Far", True)
    listed = api.get("/ui/stages", params={"search": name}).text
    assert name in listed and "1 stage found" in listed and f"/ui/stages/{found['id']}/edit" in listed


def test_what_the_api_refuses_stands_beside_its_field_and_what_was_typed_stays(
    api: httpx.Client, stage: dict[str, object]
) -> None:
    said = {"name": f"{HOSTILE} kept", "weight": str(stage["weight"]), "description": HOSTILE}
    refused = api.post("/ui/stages/new", data=said)
    assert refused.status_code == 422
    assert f"There is a stage of the weight {stage['weight']}." in refused.text
    assert 'aria-describedby="f-weight-help f-weight-wrong"' in refused.text
    assert "kept" in refused.text and HOSTILE not in refused.text
    assert "<script>alert" not in refused.text
    assert not api.get("/api/stages", params={"search": HOSTILE}).json()["stages"]


def test_an_edit_shows_what_is_there_and_changes_it(api: httpx.Client, stage: dict[str, object]) -> None:
    form = api.get(f"/ui/stages/{stage['id']}/edit").text
    assert f'value="{stage["name"]}"' in form and f'value="{stage["weight"]}"' in form and "checked" in form
    changed = api.post(f"/ui/stages/{stage['id']}/edit", data={"name": "Other", "weight": str(stage["weight"])})
    assert changed.status_code == 303
    now = api.get(f"/api/stages/{stage['id']}").json()["stage"]
    assert (now["name"], now["isPublished"]) == ("Other", False)  # a box that is not ticked says no


def test_a_dialog_gets_the_form_alone_and_is_led_on_by_a_header(api: httpx.Client, stage: dict[str, object]) -> None:
    path = f"/ui/stages/{stage['id']}/edit"
    part = api.get(path, headers=HTMX).text
    assert "<html" not in part and f'hx-post="{path}"' in part and 'id="dialog-title"' in part
    assert f'hx-post="{path}"' not in api.get(path).text
    saved = api.post(path, data={"name": "By htmx", "weight": str(stage["weight"])}, headers=HTMX)
    assert (saved.status_code, saved.headers["hx-redirect"]) == (204, "/ui/stages")


def test_a_deletion_asks_first_by_name(api: httpx.Client, stage: dict[str, object]) -> None:
    asked = api.get(f"/ui/stages/{stage['id']}/delete").text
    assert f"Delete stage {stage['name']}?" in asked and "in no stage then" in asked
    assert api.get(f"/api/stages/{stage['id']}").status_code == 200
    gone = api.post(f"/ui/stages/{stage['id']}/delete")
    assert said_after(gone) == f"{stage['name']} is deleted."
    assert api.get(f"/api/stages/{stage['id']}").status_code == 404


def test_a_list_is_ordered_by_its_headings_and_keeps_its_search(api: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    for letter in "ba":
        told(api.post("/api/stages/new", json={"name": f"{mark} {letter}"}), 201)
    page = api.get("/ui/stages", params={"search": mark, "order": "name"}).text
    assert page.index(f"{mark} a") < page.index(f"{mark} b")
    assert f"/ui/stages?search={mark}&amp;order=name&amp;direction=DESC" in page and 'aria-sort="ascending"' in page
    down = api.get("/ui/stages", params={"search": mark, "order": "name", "direction": "DESC"}).text
    assert down.index(f"{mark} b") < down.index(f"{mark} a")
    assert api.get("/ui/stages", params={"order": "nothing", "start": "x"}).status_code == 200


def test_a_search_that_cannot_be_answered_says_so_on_the_list(api: httpx.Client) -> None:
    page = api.get("/ui/stages", params={"search": "is:nothing"})
    assert page.status_code == 422 and "Searching by is:nothing is not available" in page.text


def test_an_empty_list_says_what_to_do_next(api: httpx.Client) -> None:
    assert "Nothing like that" in api.get("/ui/tags", params={"search": uuid.uuid4().hex}).text


def test_only_who_may_sees_the_buttons_and_nobody_else_can_press_them(
    someone: Callable[..., httpx.Client],
    stage: dict[str, object],
) -> None:
    reader = someone(stage__stages=["view"])
    page = reader.get("/ui/stages", params={"search": str(stage["name"])}).text
    assert str(stage["name"]) in page
    assert "/ui/stages/new" not in page and f"/ui/stages/{stage['id']}" not in page
    assert reader.post("/ui/stages/new", data={"name": "x"}).status_code == 403
    assert reader.get("/ui/tags").status_code == 403


def test_a_tag_leads_to_the_contacts_that_carry_it(api: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    for tag in (f"blue {mark}", f'5" {mark}'):
        told(api.post("/api/contacts/new", json={"firstname": "Carrier", "tags": [tag]}), 201)
        page = api.get("/ui/tags", params={"search": tag}).text
        link = re.search(r'href="(/ui/contacts\?search=[^"]*)"', page).group(1)  # type: ignore[union-attr]
        carriers = api.get(link).text
        assert "1 contact found" in carriers and "Carrier" in carriers
    tag = api.get("/api/tags", params={"search": f"blue {mark}"}).json()["tags"][0]
    api.post(f"/ui/tags/{tag['id']}/edit", data={"description": HOSTILE})
    page = api.get("/ui/tags", params={"search": mark}).text
    assert "&lt;script&gt;alert(1)" in page and HOSTILE not in page
