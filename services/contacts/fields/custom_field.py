"""A field of contacts that somebody makes: read from a body and checked. Pure."""

from __future__ import annotations

import keyword
import re
from collections.abc import Container
from typing import Any

from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import FIELDS, GROUPS
from services.common.documents import Choice, CustomField
from services.common.field_registry import field_of
from services.common.field_values import NOT_VALID, read_value, scalar_as_text
from services.common.queries.contact_query import COMMANDS
from services.common.values import clean
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody, alias_of

TYPES = (
    "text", "textarea", "multiselect", "select", "boolean", "lookup", "date", "datetime", "time", "timezone", "email",
    "html", "number", "tel", "url", "country", "region", "locale",
)  # fmt: skip
NEVER_UNIQUE = frozenset({"boolean", "multiselect", "select", "textarea", "html", "date", "time"})
PUBLIC = "isPubliclyUpdatable"
UNIQUE = ("isUniqueIdentifier", "isUniqueIdentifer")  # the latter is how the contract spells it
MAX_CHOICES = 1_000
MAX_SCALE = 10
_ALIAS = re.compile(r"[a-z][a-z0-9_]{0,24}", re.ASCII)
# What requests, searches, columns and hits call otherwise.
RESERVED = frozenset(
    """id ids owner owner_id stage stage_id points tags tag companies company_id companyname company_name ip ipaddress
    is_published ispublished published date_added dateadded date_modified date_identified last_active lastactive
    created_by created_by_user modified_by modified_by_user checked_out internal social_cache color
    preferred_profile_image donotcontact do_not_contact frequencyrules frequency_rules overwritewithblank utmtags
    contact contact_id contacts lead lead_id fields field core social personal professional all select where order
    search start limit minimal segment segments list lists campaign campaigns category categories note notes
    page_url page_title page_referrer page_language url referrer language title mautic_device_id mtc_id counter event_id
    event_time utm_source utm_medium utm_campaign utm_content utm_term do_not_track ct identify_signature
    identify_expires left_event_id left_event_time time_on_page key value and or not null""".split()
) | COMMANDS | FIELDS.keys() | COMPANY_FIELDS.keys() | frozenset(keyword.kwlist)  # fmt: skip


def read_custom_field(said: dict[str, Any], old: CustomField | None, base: CustomField | None) -> CustomField:
    """The field that a body makes, in place of `old` if there is one; where it says nothing, `base` counts.

    The alias is '' when it is to be made of the label. Raises `InvalidChangeError`.
    """
    body, was = RecordBody(said), base or CustomField(id=0, label="", alias="")
    kind = body.choice("type", TYPES, old.type if old else "text")
    if old and kind != old.type:
        body.wrong["type"] = ["The type of a field never changes."]
    field = CustomField(
        id=old.id if old else 0,
        label=body.text("label", was.label, is_required=True),
        alias=_alias(body, old),
        type=kind,
        group=body.choice("group", GROUPS, was.group),
        order=_whole(body, "order", old.order if old else 0, 1_000_000),
        default_value=_default(body, was.default_value),
        is_published=body.flag("isPublished", old=was.is_published),
        is_required=body.flag("isRequired", old=was.is_required),
        is_listable=body.flag("isListable", old=was.is_listable),
        is_visible=body.flag("isVisible", old=was.is_visible),
        is_short_visible=body.flag("isShortVisible", old=was.is_short_visible),
        is_public=body.flag(PUBLIC, old=was.is_public),
        is_unique=body.flag(unique_key(body), old=was.is_unique),
        **_properties(body, kind, was),
    )
    if field.is_unique and kind in NEVER_UNIQUE:
        body.wrong[unique_key(body)] = [NOT_VALID]
    _check_default(body, field)
    body.check()
    return field


def unique_key(body: RecordBody) -> str:
    """Under which of its names a body says whether a field identifies."""
    return next((name for name in UNIQUE if body.has(name)), UNIQUE[0])


def free_alias(field: CustomField, taken: Container[str]) -> str:
    """Its alias, or one made of its label that nobody has."""
    if field.alias:
        return field.alias
    word = alias_of(field.label)
    word = word if word[:1].isalpha() else f"field_{word}"[:25].rstrip("_")
    numbered = (word if not number else f"{word[: 25 - len(str(number))]}{number}" for number in range(10_000))
    return next(alias for alias in numbered if alias not in taken and alias not in RESERVED)


def _alias(body: RecordBody, old: CustomField | None) -> str:
    said = body.text("alias", old.alias if old else "", most=1_000).lower()
    if old:
        if said != old.alias:
            body.wrong["alias"] = ["The alias of a field never changes."]
        return old.alias
    if said and not _ALIAS.fullmatch(said):
        body.wrong["alias"] = ["An alias has up to 25 of a-z, 0-9 and _, and begins with a letter."]
    elif said in RESERVED:
        body.wrong["alias"] = [f"{said} is a reserved word."]
    return said


def _default(body: RecordBody, old: str) -> str:
    said = body.raw("defaultValue")
    if isinstance(said, (list, dict)):
        said = "|".join(scalar_as_text(one) for one in (said.values() if isinstance(said, dict) else said)
                        if not isinstance(one, (list, dict)))  # fmt: skip
        return clean(said)[:MAX_LONG_TEXT]
    return body.text("defaultValue", old, most=MAX_LONG_TEXT)


def _check_default(body: RecordBody, field: CustomField) -> None:
    try:
        read_value(field_of(field), field.default_value, body.now_us)
    except ValueError as error:
        body.wrong.setdefault("defaultValue", [str(error)])


def _properties(body: RecordBody, kind: str, was: CustomField) -> dict[str, Any]:
    """What is peculiar to the type, from `properties`."""
    said = body.raw("properties")
    if not isinstance(said, dict):
        if said not in (None, "", []):
            body.wrong["properties"] = [NOT_VALID]
        said = {}
    inner = RecordBody(said)
    found: dict[str, Any] = {}
    match kind:
        case "select" | "multiselect":
            found["choices"] = _choices(said.get("list"), was.choices, body.wrong)
        case "boolean":
            found.update(
                yes=inner.text("yes", was.yes, is_required=True), no=inner.text("no", was.no, is_required=True)
            )
        case "number":
            found["scale"] = _whole(inner, "scale", was.scale, MAX_SCALE)
        case "textarea":
            found["allows_html"] = inner.flag("allowHtml", old=was.allows_html)
    if inner.wrong:
        body.wrong["properties"] = [f"{name}: {' '.join(texts)}" for name, texts in inner.wrong.items()]
    return found


def _choices(said: Any, old: list[Choice], wrong: dict[str, list[str]]) -> list[Choice]:
    """A list of labels and values, of plain values, or a text with | between them."""
    if said is None and old:
        return old
    listed = said.split("|") if isinstance(said, str) else list(said.values()) if isinstance(said, dict) else said
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_CHOICES:
        wrong["properties"] = [f"list: 1 to {MAX_CHOICES} choices are needed."]
        return []
    try:
        choices = {choice.value: choice for choice in map(_choice, listed)}
    except ValueError:
        wrong["properties"] = ["list: each choice has a label and a value of up to 191 characters, without |."]
        return []
    return list(choices.values())


def _choice(said: Any) -> Choice:
    label, value = (said.get("label"), said.get("value")) if isinstance(said, dict) else (said, said)
    text = clean(scalar_as_text(value if value is not None else label))
    shown = clean(scalar_as_text(label if label is not None else value)) or text
    if not text or "|" in text or len(text) > 191 or len(shown) > 191:
        raise ValueError
    return Choice(shown, text)


def _whole(body: RecordBody, name: str, old: int, most: int) -> int:
    text = body.text(name, str(old)) or "0"
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or int(text) > most:
        body.wrong[name] = [f"This value must be a whole number from 0 to {most}."]
        return 0
    return int(text)
