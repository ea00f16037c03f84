"""A history as it is described: what may be asked of it, and its envelope. Pure."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from services.common.operation import Parameter
from services.contacts.shapes import Id, Shown, Time
from services.contacts.timeline.timeline_query import MAX_LIMIT

FILTERS = (
    Parameter("filters[search]", "A part of the page's address or title, or of what was told of the event"),
    Parameter("filters[includeEvents][]", "Only these types", list[str], ["page.hit"]),
    Parameter("filters[excludeEvents][]", "None of these types", list[str], ["lead.utmtagsadded"]),
    Parameter("filters[dateFrom]", "Y-m-d H:i:s in UTC, or another date", example="2026-01-01 00:00:00"),
    Parameter("filters[dateTo]", "Y-m-d H:i:s in UTC, or another date"),
    Parameter("order[0]", "timestamp, eventLabel or eventType", example="timestamp"),
    Parameter("order[1]", "ASC or DESC", example="DESC"),
    Parameter("page", "From 1", Annotated[int, Meta(ge=1, le=1_000_000)], 1),
    Parameter("start", "How many to skip, instead of page", Annotated[int, Meta(ge=0)], 0),
    Parameter("limit", "Events on a page", Annotated[int, Meta(ge=0, le=MAX_LIMIT)], 25),
)


class Event(Shown):
    """One event of a history."""

    event: Annotated[str, Meta(description="Its type", examples=["page.hit"])]
    event_id: str
    event_label: Annotated[
        str | dict[str, Any],
        Meta(
            description="A text, or a link",
            examples=[{"label": "Home", "href": "https://shop.example/", "isExternal": True}],
        ),
    ]
    event_type: Annotated[str, Meta(description="The label of its type", examples=["Page hit"])]
    timestamp: Time
    contact_id: Id
    details: Annotated[dict[str, Any], Meta(description="What is known of it, by type")]


class AskedOf(Shown):
    """The filters as they were understood; dates only where there are any."""

    search: str
    include_events: list[str]
    exclude_events: list[str]
    date_from: Time | UnsetType = UNSET
    date_to: Time | UnsetType = UNSET


HISTORY = {
    "events": list[Event],
    "filters": AskedOf,
    "order": Annotated[list[str], Meta(examples=[["timestamp", "DESC"]])],
    "types": Annotated[
        dict[str, str], Meta(description="The label of every type", examples=[{"page.hit": "Page hit"}])
    ],
    "total": Annotated[int, Meta(examples=[1])],
    "page": Annotated[int, Meta(examples=[1])],
    "limit": Annotated[int, Meta(examples=[25])],
    "maxPages": Annotated[int, Meta(examples=[1])],
}


class AskedOfAll(AskedOf):
    """The same, and the range of dates that was looked at."""

    date_from: Time
    date_to: Time


HISTORY_OF_ALL = {**HISTORY, "filters": AskedOfAll}


class Line(Shown):
    """One line of a chart."""

    label: Annotated[str, Meta(examples=["Engagements"])]
    data: Annotated[list[int], Meta(description="A number for each label")]


CHART = {
    "labels": Annotated[list[str], Meta(description="Months, the oldest first", examples=[["Jan 2026"]])],
    "datasets": Annotated[list[Line], Meta(description="Engagements and points")],
}
