"""A schedule as it is described: what one is told, and what it says of itself. Pure."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.export.schedules.rhythm import Every, Weekday
from services.export.shapes import Id, NewExport

Name = Annotated[str, Meta(min_length=1, max_length=191, examples=["Every morning"])]
Hour = Annotated[int, Meta(ge=0, le=23, description="Of the day in its time zone", examples=[6])]
Zone = Annotated[str, Meta(description="A name of the tz database", examples=["Europe/Berlin"])]
Day = Annotated[Weekday | None, Meta(description="Of weekly, and of nothing else")]
What = Annotated[NewExport, Meta(description="As in POST /exports, read anew each time: since may be yesterday")]


class NewSchedule(msgspec.Struct):
    name: Name
    every: Every
    hour: Hour
    export: What
    weekday: Day | UnsetType = UNSET
    timezone: Zone | UnsetType = UNSET
    paused: bool | UnsetType = UNSET


class ScheduleChange(msgspec.Struct):
    """What is left out stays."""

    name: Name | UnsetType = UNSET
    every: Every | UnsetType = UNSET
    hour: Hour | UnsetType = UNSET
    export: What | UnsetType = UNSET
    weekday: Day | UnsetType = UNSET
    timezone: Zone | UnsetType = UNSET
    paused: bool | UnsetType = UNSET


class LastTime(msgspec.Struct, forbid_unknown_fields=True):
    due_at: float
    made_at: float
    export_id: Annotated[str | None, Meta(description="The export that was made, also when it has been removed")]
    status: Annotated[str, Meta(description="Of that export; removed; not_made", examples=["done"])]
    rows: int
    error: str


class ShownSchedule(msgspec.Struct, forbid_unknown_fields=True):
    """Times are seconds since 1970."""

    id: Id
    name: str
    every: Every
    hour: int
    weekday: Weekday | None
    timezone: str
    paused: bool
    export: Annotated[dict[str, Any], Meta(description="As it was said")]
    user_id: Annotated[int, Meta(description="By whose rights it is made")]
    user: str
    created_at: float
    next_due_at: Annotated[float | None, Meta(description="null while it is paused; a time that is past is being made")]
    last: LastTime | None
