"""A segment as the API reads and writes it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import FIELDS, Field
from services.common.documents import SEGMENT, Scalar, Segment, SegmentFilter
from services.common.queries.segment_fields import COMPANY
from services.common.queries.segment_query import GLUES, MAX_FILTERS, FilterError, Segments, compile_segment, used_by
from services.common.queries.segment_values import MAX_VALUES
from services.contacts.objects import Json
from services.contacts.people.change import InvalidChangeError
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody, free_alias, plain_letters
from services.contacts.segments import segment_shapes
from services.contacts.segments.names import Name, check_names, names_in

MAX_VALUE_LENGTH = 1_000
MAX_SQL = 100_000  # a statement is read up to 256 KiB
NEW_ID = 0  # of one that has no id yet


def read_segment(
    said: Mapping[str, Any],
    old: Segment | None,
    segment_id: int,
    segments: Segments,
    now: datetime,
    fields: Mapping[str, Field] = FIELDS,
    company_fields: Mapping[str, Field] = COMPANY_FIELDS,
    known: Collection[Name] = (),
) -> Segment:
    """Of a body, over the old one; `segments` and the fields are all that there are, and `known` what its filters may
    name, beside what those of the old one do. Raises `InvalidChangeError`, also for filters that cannot be answered and
    for one that would be made of itself."""
    body = RecordBody(said)
    name = body.text("name", old.name if old else "", is_required=True)
    taken = {one.alias for number, one in segments.items() if number != segment_id}
    alias = old.alias if old and not body.text("alias") else slug(body.text("alias") or name)
    segment = Segment(
        name=name,
        public_name=body.text("publicName", old.public_name if old else ""),
        alias=free_alias(alias, taken),
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        category_id=_category(body, old.category_id if old else 0),
        filters=read_filters(body, fields, company_fields) if body.has("filters") else (old.filters if old else []),
        is_global=body.flag("isGlobal", old=old.is_global if old else True),
        is_preference_center=body.flag("isPreferenceCenter", old=old.is_preference_center if old else False),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    check_names(segment.filters, {*known, *names_in(old.filters if old else [])})
    check_filters(segment, segment_id, segments, now)
    return segment


def read_filters(
    body: RecordBody, fields: Mapping[str, Field], company_fields: Mapping[str, Field]
) -> list[SegmentFilter]:
    """Those that can be read; what is wrong with the others is noted in the body."""
    items = body.items("filters")
    if len(items) > MAX_FILTERS:
        body.wrong["filters"] = [f"At most {MAX_FILTERS} filters."]
        return []
    found = []
    for position, item in enumerate(items):
        try:
            found.append(_filter(item, fields, company_fields))
        except ValueError as error:
            body.wrong[f"filters[{position}]"] = [str(error)]
    return found


def check_filters(segment: Segment, segment_id: int, segments: Segments, now: datetime) -> None:
    """Raises `InvalidChangeError` with the position of the filter that is wrong."""
    after = {**segments, segment_id: segment}
    try:
        found = compile_segment(segment_id, after, now)
    except FilterError as error:
        raise InvalidChangeError({f"filters[{error.position}]": [error.why]}) from error
    if sum(map(len, found.condition.sides)) > MAX_SQL:
        raise InvalidChangeError({"filters": ["These are too many conditions."]})
    for user in users_of(segment_id, after):
        try:
            compile_segment(user, after, now)
        except FilterError as error:
            raise InvalidChangeError({"filters": [f"Segment {user}, which uses this one: {error.why}"]}) from error


def users_of(segment_id: int, segments: Segments) -> list[int]:
    """The segments whose filters name this one."""
    return sorted(one for one, segment in segments.items() if one != segment_id and segment_id in used_by(segment))


def show_segment(_: str, segment: Segment) -> Json:
    return {
        "name": segment.name,
        "publicName": segment.public_name or segment.name,
        "alias": segment.alias,
        "description": segment.description or None,
        "category": {"id": segment.category_id} if segment.category_id else None,
        "filters": [_show_filter(one) for one in segment.filters],
        "isGlobal": segment.is_global,
        "isPreferenceCenter": segment.is_preference_center,
    }


def slug(text: str) -> str:
    """Lower case, digits and hyphens; never empty."""
    return re.sub(r"[^a-z0-9]+", "-", plain_letters(text)).strip("-")[:100].strip("-") or "segment"


def _category(body: RecordBody, old: int) -> int:
    if not body.has("category"):
        return old
    said = body.raw("category")
    text = str(said.get("id", "") if isinstance(said, dict) else said).strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 9):
        body.wrong["category"] = ["This value must be an id."]
        return 0
    return int(text or 0)


def _filter(item: Mapping[str, Any], fields: Mapping[str, Field], company_fields: Mapping[str, Field]) -> SegmentFilter:
    """Values are under `properties`, or beside the rest as clients of old write them. Raises `ValueError`."""
    properties = item.get("properties")
    inner: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
    glue = _word(item, "glue", "and").lower()
    if glue not in GLUES:
        raise ValueError("The glue is and or or.")
    display = inner.get("display", item.get("display"))
    name, about = _word(item, "field"), _word(item, "object", "lead")
    of_object, own = (company_fields, COMPANY_FIELDS) if about == COMPANY else (fields, FIELDS)
    custom = of_object.get(name)
    return SegmentFilter(
        field=name,
        operator=_word(item, "operator"),
        glue=glue,
        object=about,
        type=_word(item, "type", ""),
        value=_value(inner["filter"] if "filter" in inner else item.get("filter")),
        display=display[:MAX_VALUE_LENGTH] if isinstance(display, str) else None,
        custom_type=custom.type if custom and name not in own else "",
    )


def _word(item: Mapping[str, Any], name: str, otherwise: str | None = None) -> str:
    said = item.get(name) or otherwise
    if not isinstance(said, str) or len(said) > 191:
        raise ValueError(f"{name} is needed." if not said else f"{name} must be a word.")
    return said


def _value(said: Any) -> Scalar | list[Scalar] | dict[str, Scalar]:
    if isinstance(said, list):
        return [_scalar(one) for one in _bounded(said)]
    if isinstance(said, dict):
        return {str(name)[:60]: _scalar(one) for name, one in _bounded(list(said.items()))}
    return _scalar(said, MAX_VALUE_LENGTH * 10)


def _bounded(items: list[Any]) -> list[Any]:
    if len(items) > MAX_VALUES:
        raise ValueError(f"From 1 to {MAX_VALUES} values are needed.")
    return items


def _scalar(said: Any, most: int = MAX_VALUE_LENGTH) -> Scalar:
    if not isinstance(said, Scalar) or (isinstance(said, str) and len(said) > most):
        raise ValueError("This value is not valid.")
    if isinstance(said, int) and abs(said) > 2**53:
        raise ValueError("This value is not valid.")
    return said


def _show_filter(said: SegmentFilter) -> Json:
    """In both forms."""
    return {
        "glue": said.glue,
        "field": said.field,
        "object": said.object,
        "type": said.type or None,
        "operator": said.operator,
        "properties": {"filter": said.value, "display": said.display},
        "filter": said.value,
        "display": said.display,
    }


SEGMENTS = Resource(
    SEGMENT,
    "list",
    "lists",
    Segment,
    None,
    show_segment,
    path="segments",
    shown=segment_shapes.Segment,
    said=segment_shapes.SegmentChange,
    needs=("name",),
)
