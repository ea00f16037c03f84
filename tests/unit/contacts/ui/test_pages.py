"""Names of contacts, columns, parts of lists, snippets, and the files that browsers get."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec
import pytest

from services.contacts.ui.assets import FOLDERS, Assets
from services.contacts.ui.desk import own_path
from services.contacts.ui.paging import SIZE, Asked, Paging
from services.contacts.ui.people.columns import USUAL, all_columns, chosen
from services.contacts.ui.people_names import is_anonymous, name_of, place_of
from services.contacts.ui.snippet import pixel_snippet, script_snippet


def contact(**said: Any) -> dict[str, Any]:
    fields = said.pop("fields", {})
    return {"id": 7, "fields": {"all": fields}, "ipAddresses": [], "dateIdentified": None, **said}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"firstname": "Ada", "lastname": "Byron", "email": "a@x.org"}, "Ada Byron"),
        ({"lastname": "Byron", "company": "Acme"}, "Byron"),
        ({"company": "Acme", "email": "a@x.org"}, "Acme"),
        ({"email": "a@x.org", "twitter": "ada"}, "a@x.org"),
        ({"twitter": "ada"}, "ada"),
        ({}, "192.0.2.1"),
    ],
)
def test_a_contact_is_called_by_what_is_known_of_it(fields: dict[str, str], name: str) -> None:
    assert name_of(contact(fields=fields, ipAddresses=[{"ipAddress": "192.0.2.1"}])) == name
    assert name_of(contact()) == "Visitor 7"


def test_a_place_is_what_it_says_else_where_its_address_is() -> None:
    addresses = [{"ipAddress": "192.0.2.1", "ipDetails": {"city": "Oslo", "country": "Norway"}}]
    assert place_of(contact(fields={"city": "Berlin"}, ipAddresses=addresses)) == "Berlin"
    assert place_of(contact(ipAddresses=addresses)) == "Oslo, Norway"
    assert place_of(contact()) == ""
    assert is_anonymous(contact()) and not is_anonymous(contact(dateIdentified="2026-01-31T12:00:00+00:00"))


def test_columns_are_those_that_were_chosen_else_the_usual_ones() -> None:
    known = all_columns([{"alias": "shoe_size", "label": "Shoe size"}, {"alias": "points", "label": "Points"}])
    assert [column.name for column in chosen("tags-shoe_size-tags-nonsense", known)] == ["tags", "shoe_size"]
    assert tuple(column.name for column in chosen("nonsense", known)) == USUAL


def test_a_part_of_a_list_knows_those_beside_it() -> None:
    middle = Paging.of(Asked(SIZE, "a b", "/ui/x"), 3 * SIZE)
    assert (middle.back, middle.next) == ("/ui/x?search=a+b", f"/ui/x?search=a+b&start={2 * SIZE}")
    assert Paging.of(Asked(0, "", "/ui/x"), SIZE).next == ""


@pytest.mark.parametrize(
    "said", ["//evil.example", "https://evil.example", "/ui//evil.example", "/ui/\\evil", "/api/contacts", "", "/ui/\n"]
)
def test_a_login_leads_to_our_own_pages_only(said: str) -> None:
    assert own_path(said) == ""
    assert own_path("/ui/contacts?search=//x") == "/ui/contacts?search=//x"


def test_a_snippet_names_where_ingest_is() -> None:
    assert "'https://t.example/mtc.js'" in script_snippet("https://t.example")
    assert 'src="https://t.example/mtracking.gif"' in pixel_snippet("https://t.example")


def test_what_others_wrote_is_as_the_manifest_says_with_its_licence_beside_it() -> None:
    folder = FOLDERS[0]
    listed = msgspec.json.decode((folder / "manifest.json").read_bytes())
    for one in listed:
        digest = hashlib.sha256((folder / one["file"]).read_bytes()).hexdigest()
        assert digest == one["sha256"], one["file"]
        assert (folder / one["licence_file"]).stat().st_size > 100
    ours = {"manifest.json", "cut_world.cjs"} | {one["licence_file"] for one in listed}
    assert {path.name for path in folder.iterdir()} - ours == {one["file"] for one in listed}


def test_assets_are_named_by_what_they_say() -> None:
    assets = Assets()
    assert re.fullmatch(r"/ui/assets/[0-9a-f]{12}/app\.css", assets.path("app.css"))
    with pytest.raises(KeyError):
        assets.path("nothing.css")


def test_templates_have_neither_styles_nor_scripts_nor_handlers_of_their_own() -> None:
    """The policy of the pages would stop them, unseen."""
    templates = FOLDERS[0].parent / "templates"
    for path in templates.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|\shx-on|javascript:", text), path
        assert "|safe" not in text, path
