"""A form while somebody writes it: its rows as they are typed, and as the API takes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.common.envelope import ApiError
from services.contacts.ui.form import Form
from services.contacts.ui.forms.form_html import choices_of
from services.contacts.ui.keeping.refusal import Refusal, refused_input

Json = dict[str, Any]
MOST_FIELDS = 200
TEXTS = ("name", "alias", "description", "postAction", "postActionProperty")
OF_FIELD = ("label", "alias", "type", "mappedField", "choices", "defaultValue", "validationMessage")
NEW_FIELD: Mapping[str, Any] = {**dict.fromkeys(OF_FIELD, ""), "type": "text", "isRequired": False}
NEW_FORM: Mapping[str, Any] = {
    **dict.fromkeys(TEXTS, ""), "postAction": "message", "inKioskMode": False, "isPublished": True,
    "fields": [{**NEW_FIELD, "label": "Email", "alias": "email", "type": "email", "mappedField": "email",
                "isRequired": True}],
    "addTags": "", "removeTags": "", "addsUtm": False,
}  # fmt: skip


def draft_of(form: Mapping[str, Any]) -> Json:
    """Of a form as the API shows it."""
    tags = [action["properties"] for action in form["actions"] if action["type"] == "lead.changetags"]
    return {
        **{name: form[name] or "" for name in TEXTS},
        "inKioskMode": form["inKioskMode"],
        "isPublished": form["isPublished"],
        "fields": [_field_draft(field) for field in form["fields"]],
        "addTags": ", ".join(tag for one in tags for tag in one["add_tags"]),
        "removeTags": ", ".join(tag for one in tags for tag in one["remove_tags"]),
        "addsUtm": any(action["type"] == "lead.addutmtags" for action in form["actions"]),
    }


def _field_draft(field: Mapping[str, Any]) -> Json:
    said = {name: field.get(name) or "" for name in OF_FIELD}
    return {**said, "choices": "\n".join(choices_of(field)), "isRequired": field["isRequired"]}


def read_draft(form: Form) -> Json:
    """As it was typed; rows are numbered, as `fields.0.label`."""
    count = form.text("rows")
    rows = min(int(count), MOST_FIELDS) if count.isascii() and count.isdecimal() and len(count) < 5 else 0
    return {
        **{name: form.text(name) for name in TEXTS},
        **{name: name in form for name in ("inKioskMode", "isPublished", "addsUtm")},
        **{name: form.text(name) for name in ("addTags", "removeTags")},
        "fields": [
            {**{name: form.text(f"fields.{row}.{name}") for name in OF_FIELD},
             "isRequired": f"fields.{row}.isRequired" in form}
            for row in range(rows)
        ],
    }  # fmt: skip


def rearranged(draft: Json, wish: str) -> Json:
    """After one of the buttons between the rows: add, remove.3, up.3, down.3."""
    rows: list[Json] = list(draft["fields"])
    what, _, number = wish.partition(".")
    row = int(number) if number.isascii() and number.isdecimal() and len(number) < 5 else -1
    if what == "add" and len(rows) < MOST_FIELDS:
        rows.append(dict(NEW_FIELD))
    elif what == "remove" and 0 <= row < len(rows):
        del rows[row]
    elif what in ("up", "down") and 0 <= row < len(rows):
        other = min(max(row + (1 if what == "down" else -1), 0), len(rows) - 1)
        rows[row], rows[other] = rows[other], rows[row]
    return {**draft, "fields": rows}


def body_of(draft: Mapping[str, Any]) -> Json:
    """As the API takes it. What a blank alias becomes is the API's to say."""
    actions: list[Json] = [{"type": "lead.addutmtags"}] if draft["addsUtm"] else []
    tags = {"add_tags": _words(draft["addTags"]), "remove_tags": _words(draft["removeTags"])}
    if any(tags.values()):
        actions.append({"type": "lead.changetags", "properties": tags})
    said = {name: draft[name] for name in (*TEXTS, "inKioskMode", "isPublished") if name != "alias" or draft["alias"]}
    return {**said, "fields": [_field_body(field) for field in draft["fields"]], "actions": actions}


def _field_body(field: Mapping[str, Any]) -> Json:
    said = {name: field[name] for name in OF_FIELD if name != "choices" and (name != "alias" or field[name])}
    choices = [line.strip() for line in field["choices"].splitlines() if line.strip()]
    return {**said, "isRequired": field["isRequired"], "properties": {"list": choices}}


def refused_draft(error: ApiError, draft: Mapping[str, Any]) -> Refusal:
    """What the API says of `fields[0][label]`, under the name of its input. Raises what is about nothing typed."""
    rows = range(len(draft["fields"]))
    inputs = {f"fields[{row}][{name}]": f"fields.{row}.{name}" for row in rows for name in OF_FIELD}
    refused = refused_input(error, (*TEXTS, *inputs))
    return refused._replace(by_name={inputs.get(name, name): text for name, text in refused.by_name.items()})


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
