"""The HTML of a form, to be put into a page of a site by hand. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

INPUTS = {"text": "text", "email": "email", "tel": "tel", "url": "url", "number": "number", "date": "date",
          "datetime": "datetime-local", "country": "text", "password": "password"}  # fmt: skip
SUBMIT = "Submit"


def form_html(form: Mapping[str, Any], base: str) -> str:
    """Of a form as the API shows it; `base`: where browsers reach ingest."""
    fields = [_Field(form["id"], field) for field in form["fields"]]
    parts = [part for field in fields for part in field.lines()]
    buttons = [field.label for field in fields if field.type == "button"] or [escape(SUBMIT)]
    return "\n".join(
        (
            f'<form method="post" action="{escape(base)}{escape(form["submitPath"])}">',
            *(f"  {part}" for part in parts),
            f'  <input type="hidden" name="mauticform[formId]" value="{escape(str(form["id"]))}">',
            *(f'  <p><button type="submit">{label}</button></p>' for label in buttons),
            "</form>",
        )
    )


def choices_of(field: Mapping[str, Any]) -> list[str]:
    properties = field["properties"]
    return [str(one["value"]) for one in properties["list"]["list"]] if properties else []


class _Field:
    """What it says is escaped once, here."""

    def __init__(self, form_id: object, field: Mapping[str, Any]) -> None:
        self.type, self.label = str(field["type"]), escape(str(field["label"]))
        self._name = escape(f"mauticform[{field['alias']}]")
        self._id = escape(f"form{form_id}-{field['alias']}")
        self._value = escape(str(field["defaultValue"] or ""))
        self._choices = [escape(one) for one in choices_of(field)]
        self._required = " required" if field["isRequired"] else ""

    def lines(self) -> Sequence[str]:
        if self.type == "button":
            return ()  # it stands at the end
        if self.type == "freetext":
            return (f"<p>{self.label}</p>",)
        if self.type == "hidden":
            return (f'<input type="hidden" name="{self._name}" value="{self._value}">',)
        if self.type in ("radiogrp", "checkboxgrp"):
            return self._group()
        return (f'<p><label for="{self._id}">{self.label}</label>', f"  {self._input()}</p>")

    def _input(self) -> str:
        named = f'id="{self._id}" name="{self._name}"{self._required}'
        if self.type == "textarea":
            return f"<textarea {named}>{self._value}</textarea>"
        if self.type == "select":
            options = "".join(f"<option{self._mark(one, 'selected')}>{one}</option>" for one in self._choices)
            return f'<select {named}><option value=""></option>{options}</select>'
        step = ' step="any"' if self.type == "number" else ""
        value = f' value="{self._value}"' if self._value else ""
        return f'<input type="{INPUTS.get(self.type, "text")}"{step} {named}{value}>'

    def _group(self) -> Sequence[str]:
        is_radio = self.type == "radiogrp"
        named = f'type="radio" name="{self._name}"{self._required}' if is_radio else (
            f'type="checkbox" name="{self._name}[]"'
        )  # fmt: skip
        boxes = (f'  <label><input {named} value="{one}"{self._mark(one, "checked")}> {one}</label>'
                 for one in self._choices)  # fmt: skip
        return (f"<fieldset><legend>{self.label}</legend>", *boxes, "</fieldset>")

    def _mark(self, choice: str, mark: str) -> str:
        return f" {mark}" if choice == self._value else ""
