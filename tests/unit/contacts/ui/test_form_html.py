from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from services.contacts.ui.forms.form_html import form_html

BASE = "https://track.example.com"
HOSTILE = "\"><script>alert(1)</script>' onerror='x"


def field(alias: str = "email", **said: Any) -> dict[str, Any]:
    choices = [{"label": one, "value": one} for one in said.pop("choices", [])]
    properties: Any = {"list": {"list": choices}} if choices else []
    usual = {"label": alias.title(), "type": "text", "isRequired": False, "defaultValue": None}
    return {**usual, "alias": alias, "properties": properties, **said}


def html_of(*fields: dict[str, Any]) -> str:
    return form_html({"id": 7, "submitPath": "/form/submit?formId=7", "fields": list(fields)}, BASE)


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [said for one, said in self.found if one == tag]


def test_a_form_posts_to_ingest_and_names_itself() -> None:
    assert html_of(field("email", label="E-mail", type="email", isRequired=True)) == (
        '<form method="post" action="https://track.example.com/form/submit?formId=7">\n'
        '  <p><label for="form7-email">E-mail</label>\n'
        '    <input type="email" id="form7-email" name="mauticform[email]" required></p>\n'
        '  <input type="hidden" name="mauticform[formId]" value="7">\n'
        '  <p><button type="submit">Submit</button></p>\n'
        "</form>"
    )


@pytest.mark.parametrize(
    "type_",
    ["text", "textarea", "select", "radiogrp", "checkboxgrp", "hidden", "button", "freetext", "number", "date"],
)
def test_nothing_that_somebody_wrote_is_a_tag_of_its_own(type_: str) -> None:
    tags = Tags(html_of(field(type=type_, label=HOSTILE, defaultValue=HOSTILE, choices=[HOSTILE, "plain"])))
    assert not tags.all("script")
    assert not [said for _, said in tags.found if "onerror" in said]


def test_several_choices_are_sent_as_several_values_and_one_as_one() -> None:
    boxes = Tags(html_of(field("color", type="checkboxgrp", choices=["red", "blue"], defaultValue="blue")))
    assert [said["name"] for said in boxes.all("input")[:2]] == ["mauticform[color][]"] * 2
    assert ["checked" in said for said in boxes.all("input")[:2]] == [False, True]
    radios = Tags(html_of(field("color", type="radiogrp", choices=["red", "blue"], isRequired=True)))
    assert [said["name"] for said in radios.all("input")[:2]] == ["mauticform[color]"] * 2
    assert all("required" in said for said in radios.all("input")[:2])


def test_a_select_begins_with_nothing_chosen() -> None:
    html = html_of(field("color", type="select", choices=["red", "blue"]))
    assert '<select id="form7-color" name="mauticform[color]"><option value=""></option><option>red</option>' in html


def test_a_hidden_field_has_its_value_and_a_button_names_the_end() -> None:
    html = html_of(field("go", type="button", label="Join us"), field("source", type="hidden", defaultValue="page"))
    assert '<input type="hidden" name="mauticform[source]" value="page">' in html
    assert html.endswith('<p><button type="submit">Join us</button></p>\n</form>')
    assert "mauticform[go]" not in html


def test_numbers_may_have_decimals_and_long_texts_their_lines() -> None:
    assert 'type="number" step="any"' in html_of(field("age", type="number"))
    assert '<textarea id="form7-text" name="mauticform[text]">Hello</textarea>' in html_of(
        field("text", type="textarea", defaultValue="Hello")
    )
