"""A segment as it is described: what the API shows of one, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from services.contacts.records.record_shapes import Record
from services.contacts.shapes import Id, OtherId, Ref, Said, Shown, Time

Value = Annotated[Any, Meta(description="A text, a number, a list, or null", examples=["%@example.com"])]


class FilterValue(Shown):
    filter: Value
    display: str | None


class ShownFilter(Shown):
    """One condition; its value is told in both places where clients look."""

    glue: Annotated[str, Meta(description="or begins another group", examples=["and"])]
    field: Annotated[str, Meta(examples=["email"])]
    object: Annotated[str, Meta(examples=["lead"])]
    type: Annotated[str | None, Meta(examples=["email"])]
    operator: Annotated[str, Meta(examples=["like"])]
    properties: FilterValue
    filter: Value
    display: str | None


class Segment(Record):
    """A query over contacts, with those who were added or removed by hand."""

    name: Annotated[str, Meta(examples=["Readers"])]
    public_name: Annotated[str, Meta(examples=["Readers"])]
    alias: Annotated[str, Meta(examples=["readers"])]
    description: str | None
    category: Ref | None
    filters: list[ShownFilter]
    is_global: bool
    is_preference_center: bool
    last_built_date: Time | UnsetType = UNSET
    last_built_time: Annotated[float | None, Meta(description="In seconds")] | UnsetType = UNSET
    contact_count: Annotated[int, Meta(description="With contactCount=1: who is in it now")] | UnsetType = UNSET


class SaidFilter(Said):
    """One condition; see the operators of each field in the README."""

    field: Annotated[str, Meta(max_length=191, examples=["email"])]
    operator: Annotated[str, Meta(max_length=191, examples=["like"])]
    glue: Annotated[Literal["and", "or"], Meta(examples=["and"])] = "and"
    object: Annotated[str, Meta(max_length=191, description="lead or behaviors", examples=["lead"])] = "lead"
    properties: Annotated[dict[str, Any], Meta(examples=[{"filter": "%@example.com"}])] | UnsetType = UNSET


class SegmentChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Readers"])] | UnsetType = UNSET
    public_name: Annotated[str, Meta(max_length=191)] | UnsetType = UNSET
    alias: Annotated[str, Meta(max_length=191)] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=4_096)] | UnsetType = UNSET
    category: OtherId | UnsetType = UNSET
    filters: (
        Annotated[
            list[SaidFilter],
            Meta(examples=[[{"field": "email", "operator": "like", "properties": {"filter": "%@example.com"}}]]),
        ]
        | UnsetType
    ) = UNSET
    is_global: bool | UnsetType = UNSET
    is_preference_center: bool | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class CountedFilters(Said):
    """Filters that are saved nowhere yet."""

    filters: Annotated[
        list[SaidFilter],
        Meta(examples=[[{"field": "email", "operator": "like", "properties": {"filter": "%@example.com"}}]]),
    ]
    id: Annotated[int, Meta(description="Of the segment that they are to be of")] | UnsetType = UNSET


class SegmentOfContact(Shown):
    """A segment that a contact is in now."""

    id: Id
    name: Annotated[str, Meta(examples=["Readers"])]
    alias: Annotated[str, Meta(examples=["readers"])]
    date_added: Time
    manually_added: bool
    manually_removed: bool


class ListedSegment(Shown):
    id: Id
    name: Annotated[str, Meta(examples=["Readers"])]
    alias: Annotated[str, Meta(examples=["readers"])]


class Added(Shown):
    """What became of one contact."""

    success: bool
    error: str | UnsetType = UNSET
