"""A change of a company as a request says it: read, validated, and applied to the document. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from services.common.company import Company, read_value
from services.common.company_fields import COMPANY_FIELDS, NAME
from services.common.contact_fields import Field
from services.common.field_values import NOT_VALID, scalar_as_text
from services.common.field_values import read_value as read_made_value
from services.common.profile import MAX_POINTS, Stamped, Value
from services.common.values import clean
from services.contacts.people.change import InvalidChangeError
from services.contacts.people.change_body import is_true, read_owner, unpublishing

BLANK_NAME = "This value should not be blank."


class CompanyChange(msgspec.Struct, frozen=True):
    """What is to become of a company. A field that is blanked has the value ''."""

    fields: dict[str, Value] = {}
    score: int | None = None
    owner_id: int | None = None  # 0 for nobody
    is_forced: bool = False  # a new company even where one has this name


def read_company_change(
    body: Mapping[str, Any],
    *,
    is_new: bool = False,
    replaces: bool = False,
    registry: Mapping[str, Field] = COMPANY_FIELDS,
    now_us: int = 0,
) -> CompanyChange:
    """The change that a body asks for. Raises `InvalidChangeError`.

    `replaces` is PUT: fields that it does not name are blanked. Else blank values change nothing, unless the body says
    overwriteWithBlank. A company always keeps a name. Keys that are no field are ignored.
    Dates such as tomorrow are from `now_us` on.
    """
    wrong = unpublishing(body)
    may_blank = replaces or is_true(body.get("overwriteWithBlank"))
    named = [field for alias, field in registry.items() if replaces or alias in body]
    read = {field.alias: _read(field, body.get(field.alias), now_us, wrong) for field in named}
    fields = {alias: value for alias, value in read.items() if may_blank or value != ""}
    if is_new or replaces:
        fields.update(_defaults(registry, body, now_us))
    score, owner_id = _read_score(body.get("score"), wrong), _read_owner(body, wrong)
    if NAME not in wrong and not fields.get(NAME) and (is_new or NAME in fields):
        wrong[NAME] = [BLANK_NAME]
    if wrong:
        raise InvalidChangeError(wrong)
    return CompanyChange(fields, score, owner_id, is_true(body.get("force")))


def _read(field: Field, said: Any, now_us: int, wrong: dict[str, list[str]]) -> Value:
    try:
        if not field.is_fixed:
            return read_made_value(field, said, now_us)
        text = clean(scalar_as_text(said))
        return read_value(field, text) if text else ""
    except ValueError as error:
        wrong[field.alias] = [str(error)]
        return ""


def _defaults(registry: Mapping[str, Field], body: Mapping[str, Any], now_us: int) -> dict[str, Value]:
    """Of the fields that the body does not name; those that can be values of their fields still."""
    values: dict[str, Value] = {}
    for field in registry.values():
        if field.default and field.alias not in body:
            with contextlib.suppress(ValueError):
                values[field.alias] = read_made_value(field, field.default, now_us)
    return values


def _read_owner(body: Mapping[str, Any], wrong: dict[str, list[str]]) -> int | None:
    try:
        return read_owner(body)
    except ValueError as error:
        wrong["owner"] = [str(error)]
        return None


def _read_score(said: Any, wrong: dict[str, list[str]]) -> int | None:
    try:
        text = clean(scalar_as_text(said))
        score = int(float(text)) if text else None
    except (ValueError, OverflowError):
        score = MAX_POINTS + 1
    if score is not None and abs(score) > MAX_POINTS:
        wrong["score"] = [NOT_VALID]
    return score


def apply_company_change(company: Company, change: CompanyChange, now_us: int, user: str, user_id: int = 0) -> Company:
    """The company after the change; the same object when it changes nothing. What an API says is newer than whatever is
    stored."""
    changed = msgspec.structs.replace(
        company,
        fields={**company.fields, **_new_fields(company, change.fields, now_us)},
        score=company.score if change.score is None else change.score,
        owner_id=company.owner_id if change.owner_id is None else change.owner_id,
    )
    if not company.version:
        changed.added_us, changed.created_by = company.added_us or now_us, company.created_by or user
        changed.created_by_id = user_id
        return changed
    if changed == company:
        return company
    changed.modified_us, changed.modified_by = max(now_us, company.modified_us + 1), user
    changed.modified_by_id = user_id
    return changed


def _new_fields(company: Company, values: Mapping[str, Value], now_us: int) -> dict[str, Stamped]:
    news = {}
    for field, value in values.items():
        old = company.fields.get(field)
        if (old.value if old else "") != value:
            news[field] = Stamped(value, max(now_us, old.time_us + 1) if old else now_us)
    return news
