"""Events of contacts, or of a time, as rows of an export. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.common.caller import rights, sees_others
from services.common.contact_fields import FIELDS, Field
from services.common.event_types import (
    CAMPAIGN_EVENT,
    CAMPAIGN_EVENT_SCHEDULED,
    CAMPAIGN_MEMBERSHIP,
    SEGMENT_MEMBERSHIP,
)
from services.common.queries.contact_query import (
    ALIASES,
    ANONYMOUS,
    FALSE,
    NO_SEGMENTS,
    Where,
    compile_search,
    of_caller,
)
from services.common.rights import LISTS
from services.export.queries.columns import Cell, Column, cells
from services.export.queries.statement import Statement

_TEXTS = ("type", "url", "title", "referrer", "language", "utm_source", "utm_medium", "utm_campaign", "utm_content",
          "utm_term", "country", "region", "city", "timezone", "browser", "os", "device_type", "device_brand",
          "device_model", "device_id", "ip", "user_agent")  # fmt: skip
# What names things that not everybody may see, and the right to see them all.
_OF_OTHERS = {
    SEGMENT_MEMBERSHIP: LISTS,
    **dict.fromkeys((CAMPAIGN_MEMBERSHIP, CAMPAIGN_EVENT, CAMPAIGN_EVENT_SCHEDULED), "campaign:campaigns"),
}


def event_columns() -> dict[str, Column]:
    """By name; `contact_id` is whoever the contact of the event has merged into."""
    said = [
        Column("event_id", "Event ID", "text", "toString(event_id)"),
        Column("contact_id", "Contact ID", "integer", "contact"),
        Column("time", "Time", "time", "time"),
        *(Column(name, name.replace("_", " ").capitalize(), "text", name) for name in _TEXTS),
        Column("details", "Details", "text", "query"),
        Column("received_at", "Received", "time", "received_at"),
    ]
    return {column.name: column for column in said}


def events_statement(
    search: str,
    since_us: int,
    until_us: int,
    columns: Sequence[Column],
    cell: Cell,
    segments: Mapping[str, Where] = NO_SEGMENTS,
    fields: Mapping[str, Field] = FIELDS,
) -> Statement:
    """Of the contacts of a search, of all without one; from `since_us` until before `until_us`, 0 for any time; each
    once. Of those that the caller may see. Raises `SearchError`."""
    parameters: dict[str, object] = {"since": since_us // 1_000, "until": until_us // 1_000}
    conditions = [
        f"time {sign} fromUnixTimestamp64Milli({{{name}:Int64}}, 'UTC')"
        for name, sign, time_us in (("since", ">=", since_us), ("until", "<", until_us))
        if time_us
    ]
    conditions += [
        f"type != '{event}'" for event, level in _OF_OTHERS.items() if not rights().may(f"{level}:viewother")
    ]
    if search or not sees_others():
        where = compile_search(search, fields=fields, segments=segments)
        where = where if sees_others() else of_caller(where)
        parameters |= where.parameters
        known, anonymous = where.condition.sides
        sides = [
            f"SELECT id FROM {table} WHERE {condition}"
            for table, condition in (("contacts FINAL", known), (ANONYMOUS, anonymous))
            if condition != FALSE
        ]
        if not sides:
            return Statement(None, None, {})
        ids = " UNION ALL ".join(sides)
        conditions.append(
            f"(contact_id IN ({ids}) OR contact_id IN (SELECT loser FROM {ALIASES} WHERE winner IN ({ids})))"
        )
    source = f"FROM events FINAL WHERE {' AND '.join(conditions) or '1'}"
    rows = (
        f"SELECT {cells(columns, cell)} FROM (SELECT e.*, if(a.winner = 0, e.contact_id, a.winner) AS contact"
        f" FROM (SELECT * {source}) AS e LEFT ANY JOIN {ALIASES} AS a ON a.loser = e.contact_id)"
    )
    return Statement(rows, f"SELECT count() {source}", parameters)
