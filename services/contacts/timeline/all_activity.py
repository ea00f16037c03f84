"""What all contacts did lately, one history: what a request asks of it, and the SQL that answers.

A history of everybody has no end, so it has a range of dates, the last week unless the request says another one. Events
lie in monthly partitions by contact: a page reads time and type of what the range covers and details of what it shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.common.clickhouse import ClickHouse
from services.common.envelope import ApiError
from services.common.event_types import REPORTED_TYPES, TYPES
from services.common.php_query import Node
from services.contacts.objects import Json
from services.contacts.timeline.event_search import FOUND, search_parameters
from services.contacts.timeline.hidden_records import told_sql
from services.contacts.timeline.timeline import KEYS_AT_ONCE, Entry, event_object, load_rows
from services.contacts.timeline.timeline_query import TimelineQuery, read_timeline_query

DEFAULT_RANGE = timedelta(days=7)
# Of the newest events the newest parts know all: these are asked first, and mostly suffice.
NARROW_RANGES = (timedelta(hours=1), timedelta(days=1))
MAX_OFFSET = 100_000
_WHERE = """
FROM events
WHERE time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
    AND type IN {types:Array(String)} AND {found} AND {told}
"""
# Repeats of an event are next to each other in this order, and few: twice what is needed has all of it.
_PAGE = (
    "SELECT type, toUnixTimestamp64Milli(time), toString(event_id), contact_id"
    " FROM (SELECT type, time, event_id, contact_id{where}"
    "ORDER BY time {direction}, event_id LIMIT {{most:UInt64}}) ORDER BY time {direction}, event_id"
    " LIMIT 1 BY time, event_id LIMIT {{limit:UInt64}} OFFSET {{offset:UInt64}}"
)
_TOTAL = "SELECT count(){where}"
Found = tuple[str, int, str, int]  # type, time in milliseconds, event id, contact
_SURVIVORS = "SELECT loser, winner FROM aliases FINAL WHERE loser IN {ids:Array(UInt64)}"


def read_activity_query(query: Mapping[str, Node], now: datetime) -> TimelineQuery:
    """As that of one history, within a range of dates. Raises `ApiError` 400."""
    asked = read_timeline_query(query, int(now.timestamp()) * 1_000_000)
    if asked.order_by != "timestamp":
        raise ApiError(400, "The history of all is ordered by timestamp.", {"order": ["This value is not valid."]})
    if asked.offset > MAX_OFFSET:
        text = f"Pages end after {MAX_OFFSET} events: ask for another range of dates."
        raise ApiError(400, text, {"page": [text]})
    date_to = asked.date_to or now
    return asked._replace(date_to=date_to, date_from=asked.date_from or date_to - DEFAULT_RANGE)


async def load_activity(clickhouse: ClickHouse, query: TimelineQuery, base_url: str) -> Json:
    """The envelope of a history, whose links begin with `base_url`. What is told by profiles alone is not in it, nor
    are UTM tags beside their hits."""
    where = _WHERE.replace("{found}", FOUND if query.search else "1").replace("{told}", told_sql())
    parameters = {
        "from": _ms(query.date_from), "to": _ms(query.date_to) + 999, **search_parameters(query.search),
        "types": [kind for kind in query.kinds if kind in REPORTED_TYPES],
    }  # fmt: skip
    rows, total = await asyncio.gather(
        _page(clickhouse, query, where, parameters),
        clickhouse.query(_TOTAL.format(where=where), parameters=parameters),
    )
    count = int(total.result_rows[0][0])
    return {
        "events": await _events(clickhouse, rows, base_url),
        "filters": query.filters(),
        "order": ["timestamp", _direction(query)],
        "types": TYPES,
        "total": count,
        "page": query.page,
        "limit": query.limit,
        "maxPages": -(-count // query.limit),
    }


async def _page(clickhouse: ClickHouse, query: TimelineQuery, where: str, parameters: dict[str, Any]) -> list[Found]:
    most = 2 * (query.offset + query.limit)
    asked = {**parameters, "limit": query.limit, "offset": query.offset, "most": most}
    sql = _PAGE.format(where=where, direction=_direction(query))
    for since_ms in _sinces(query):
        rows: list[Found] = (await clickhouse.query(sql, parameters={**asked, "from": since_ms})).result_rows
        if len(rows) == query.limit:
            break
    return rows


def _sinces(query: TimelineQuery) -> list[int]:
    """From when on events are asked for, one after the other until there are enough."""
    first, end = _ms(query.date_from), _ms(query.date_to)
    narrow = [end - round(one.total_seconds()) * 1_000 for one in NARROW_RANGES] if query.is_descending else []
    return [*(since for since in narrow if since > first), first]


def _direction(query: TimelineQuery) -> str:
    return "DESC" if query.is_descending else "ASC"


async def _events(clickhouse: ClickHouse, found: list[Found], base_url: str) -> list[Json]:
    """With their details, under the contacts that they belong to now."""
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    survivors: dict[int, int] = {}
    for start in range(0, len(found), KEYS_AT_ONCE):
        portion = found[start : start + KEYS_AT_ONCE]
        ids = sorted({contact_id for *_, contact_id in portion})
        keys = {(time_ms, event_id) for _, time_ms, event_id, _ in portion}
        told, led = await asyncio.gather(
            load_rows(clickhouse, ids, keys), clickhouse.query(_SURVIVORS, parameters={"ids": ids})
        )
        rows.update(told)
        survivors.update(led.result_rows)
    return [
        event_object(survivors.get(contact_id, contact_id), Entry(kind, time_ms, event_id, row), base_url)
        for kind, time_ms, event_id, contact_id in found
        if (row := rows.get((time_ms, event_id)))
    ]


def _ms(time: datetime | None) -> int:
    return int((time or datetime.now(UTC)).timestamp()) * 1_000
