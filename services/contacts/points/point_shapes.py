"""Rules for points, groups of points and triggers as they are described. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from services.contacts.records.record_shapes import LongText, Record, Shade
from services.contacts.shapes import Id, NoItems, Nothing, OtherId, Ref, Said, Shown

RuleName = Annotated[str, Meta(max_length=191, examples=["Read the prices"])] | UnsetType
Whole = Annotated[int, Meta(ge=-999_999_999, le=999_999_999, examples=[10])] | UnsetType
RuleType = Literal["asset.download", "email.open", "form.submit", "url.hit"]


class Point(Record):
    """A rule that gives points for what contacts do."""

    name: Annotated[str, Meta(examples=["Read the prices"])]
    category: Ref | None
    type: RuleType
    description: str | None
    delta: Annotated[int, Meta(examples=[10])]
    repeatable: bool
    publish_up: Nothing
    publish_down: Nothing
    properties: dict[str, Any]
    group: Ref | None


class PointChange(Said):
    name: RuleName = UNSET
    type: Annotated[RuleType, Meta(examples=["url.hit"])] | UnsetType = UNSET
    delta: Whole = UNSET
    repeatable: bool | UnsetType = UNSET
    properties: (
        Annotated[
            dict[str, Any],
            Meta(description="page_url; or forms, assets, emails: ids", examples=[{"page_url": "/prices"}]),
        ]
        | UnsetType
    ) = UNSET
    description: LongText = UNSET
    category: OtherId | UnsetType = UNSET
    group: OtherId | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class PointGroup(Record):
    """What contacts have a score in, apart from their points."""

    name: Annotated[str, Meta(examples=["Loyalty"])]
    description: str | None


class PointGroupChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Loyalty"])] | UnsetType = UNSET
    description: LongText = UNSET
    is_published: bool | UnsetType = UNSET


class GroupOfScore(Shown):
    id: Id
    name: Annotated[str, Meta(examples=["Loyalty"])]
    description: str | None


class GroupScore(Shown):
    """The points of a contact in a group."""

    score: Annotated[int, Meta(examples=[10])]
    group: GroupOfScore


class PointTrigger(Record):
    """The color of contacts that have so many points, until the next trigger."""

    name: Annotated[str, Meta(examples=["Hot"])]
    description: str | None
    category: Ref | None
    points: Annotated[int, Meta(examples=[100])]
    color: Annotated[str, Meta(description="Hex, without #", examples=["a0acb8"])]
    publish_up: Nothing
    publish_down: Nothing
    trigger_existing_leads: bool
    events: NoItems


class PointTriggerChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Hot"])] | UnsetType = UNSET
    points: Whole = UNSET
    color: Shade = UNSET
    description: LongText = UNSET
    category: OtherId | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET
    events: Annotated[NoItems, Meta(description="There are none here", examples=[[]])] | UnsetType = UNSET
