"""Forms as the API reads and writes them. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import Field
from services.common.documents import FORM, Form, FormAction, FormField
from services.contacts.objects import Json
from services.contacts.records import record_shapes
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody, alias_of, is_web_address

MAX_FIELDS = 200
MAX_CHOICES = 500
ACTIONS = ("lead.addutmtags", "lead.changetags")
POST_ACTIONS = ("message", "return", "redirect")
TYPES = (
    "text", "email", "tel", "url", "number", "date", "datetime", "textarea", "select", "radiogrp", "checkboxgrp",
    "country", "hidden", "password", "button", "freetext",
)  # fmt: skip
_RESERVED = frozenset({"formid", "return", "formname", "messenger", "mauticpage", "focusid", "submit"})


def _read_form(said: dict[str, Any], old: Form | None) -> Form:
    body = RecordBody(said)
    name = body.text("name", old.name if old else "", is_required=True)
    form = Form(
        name=name,
        alias=alias_of(body.text("alias", old.alias if old else name)) or "form",
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        fields=_read_fields(body) if body.has("fields") or old is None else old.fields,
        actions=_read_actions(body) if body.has("actions") or old is None else old.actions,
        post_action=body.choice("postAction", POST_ACTIONS, old.post_action if old else "message"),
        post_action_property=body.text("postActionProperty", old.post_action_property if old else "", most=2_048),
        is_kiosk=body.flag("inKioskMode", old=old.is_kiosk if old else False),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    if form.post_action == "redirect" and not is_web_address(form.post_action_property):
        body.wrong["postActionProperty"] = ["This value is not a valid URL."]
    body.check()
    return form


def _read_fields(body: RecordBody) -> list[FormField]:
    said = body.items("fields")
    fields: list[FormField] = []
    if len(said) > MAX_FIELDS:
        body.wrong["fields"] = [f"A form has {MAX_FIELDS} fields at most."]
        return []
    for number, one in enumerate(said, 1):
        field = _read_field(number, one, {known.alias for known in fields}, body.wrong)
        fields.append(field)
    return fields


def _read_field(number: int, said: Mapping[str, Any], taken: set[str], wrong: dict[str, list[str]]) -> FormField:
    body = RecordBody(said)
    label = body.text("label", is_required=True)
    alias = alias_of(body.text("alias", label)) or f"field_{number}"
    if alias in _RESERVED or alias in taken:
        body.wrong["alias"] = [f"{alias} is taken."]
    field = FormField(
        id=number,
        label=label,
        alias=alias,
        type=body.choice("type", TYPES, "text"),
        contact_field=_contact_field(body),
        is_required=body.flag("isRequired", old=False),
        validation_message=body.text("validationMessage"),
        default_value=body.text("defaultValue"),
        choices=_choices(said.get("properties")),
    )
    for name, texts in body.wrong.items():
        wrong[f"fields[{number - 1}][{name}]"] = texts
    return field


def _check_form(said: dict[str, Any], registry: Mapping[str, Field]) -> None:
    """Its fields fill fields of contacts and companies that there are. Raises `InvalidChangeError`."""
    body = RecordBody(said)
    known: dict[str, Container[str]] = {
        "contact": registry.keys() - {"points"},  # these are counted, not told
        "company": COMPANY_FIELDS,
    }
    for number, one in enumerate(body.items("fields")):
        field = RecordBody(one)
        wanted = _contact_field(field)
        owner = field.text("mappedObject") or ("company" if wanted in COMPANY_FIELDS else "contact")
        if owner not in known:
            body.wrong[f"fields[{number}][mappedObject]"] = ["This value must be one of contact, company."]
        elif wanted and wanted not in known[owner]:
            body.wrong[f"fields[{number}][mappedField]"] = [f"{wanted[:60]} is no field of a {owner}."]
    body.check()


def _contact_field(body: RecordBody) -> str:
    return body.text("mappedField", body.text("leadField"))


def _choices(properties: Any) -> list[str]:
    """The values of `properties.list.list` or `properties.list`: texts, or objects with a `value`."""
    found = properties
    for _ in range(2):
        found = found.get("list", []) if isinstance(found, dict) else found
    if isinstance(found, dict):
        found = list(found.values())
    if not isinstance(found, list):
        return []
    values = [one.get("value") if isinstance(one, dict) else one for one in found[:MAX_CHOICES]]
    return [str(value) for value in values if isinstance(value, str | int | float) and len(str(value)) <= 191]


def _read_actions(body: RecordBody) -> list[FormAction]:
    return [_read_action(number, one, body.wrong) for number, one in enumerate(body.items("actions")[:50], 1)]


def _read_action(number: int, said: Mapping[str, Any], wrong: dict[str, list[str]]) -> FormAction:
    body = RecordBody(said)
    properties = said.get("properties")
    told = properties if isinstance(properties, dict) else {}
    action = FormAction(
        id=number,
        type=body.choice("type", ACTIONS, ""),
        name=body.text("name"),
        add_tags=_words(told.get("add_tags")),
        remove_tags=_words(told.get("remove_tags")),
    )
    for name, texts in body.wrong.items():
        wrong[f"actions[{number - 1}][{name}]"] = texts
    return action


def _words(said: Any) -> list[str]:
    words = said.split(",") if isinstance(said, str) else list(said.values()) if isinstance(said, dict) else said
    if not isinstance(words, list):
        return []
    return [str(word).strip()[:191] for word in words[:50] if str(word).strip()]


def _show_form(form_id: str, form: Form) -> Json:
    return {
        "name": form.name,
        "alias": form.alias,
        "category": None,
        "description": form.description or None,
        "publishUp": None,
        "publishDown": None,
        "formType": "standalone",
        "postAction": form.post_action,
        "postActionProperty": form.post_action_property or None,
        "inKioskMode": form.is_kiosk,
        "fields": [_show_field(field) for field in form.fields],
        "actions": [_show_action(action) for action in form.actions],
        "submitPath": f"/form/submit?formId={form_id}",
    }


def _show_field(field: FormField) -> Json:
    owner = ("company" if field.contact_field in COMPANY_FIELDS else "contact") if field.contact_field else None
    choices = [{"label": choice, "value": choice} for choice in field.choices]
    return {
        "id": field.id,
        "label": field.label,
        "showLabel": True,
        "alias": field.alias,
        "type": field.type,
        "defaultValue": field.default_value or None,
        "isRequired": field.is_required,
        "validationMessage": field.validation_message or None,
        "order": field.id,
        "properties": {"list": {"list": choices}} if choices else [],
        "mappedObject": owner,
        "mappedField": field.contact_field or None,
        "leadField": field.contact_field if owner == "contact" else None,
    }


def _show_action(action: FormAction) -> Json:
    tags = {"add_tags": action.add_tags, "remove_tags": action.remove_tags} if action.type == "lead.changetags" else []
    return {"id": action.id, "type": action.type, "name": action.name, "order": action.id, "properties": tags}


FORMS = Resource(
    FORM,
    "form",
    "forms",
    Form,
    _read_form,
    _show_form,
    check=_check_form,
    shown=record_shapes.Form,
    said=record_shapes.FormChange,
    needs=("name",),
)
