"""The history of one contact: what a request asks of it, and the SQL that answers. Pure.

First a light statement orders all events of all types and cuts the page; a second one fetches what the page shows.
Rows may be there twice, so each counts once by its key, time and event id: the id alone may be a client's, used again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.common.envelope import ApiError, text_of, whole_number
from services.common.event_types import CREATED, EMAIL_READ, IDENTIFIED, REPORTED_TYPES, TYPES, UTM
from services.common.field_values import read_time
from services.common.php_query import Node, as_list

DEFAULT_LIMIT = 25
MAX_LIMIT = 1_000
MAX_PAGE = 1_000_000
_ORDERS = {"timestamp": "time", "eventLabel": "label", "eventType": "kind"}


class TimelineQuery(NamedTuple):
    """`kinds` are the event types that are asked for, of those that exist."""

    search: str
    include: list[str]
    exclude: list[str]
    date_from: datetime | None
    date_to: datetime | None
    order_by: str
    is_descending: bool
    page: int
    limit: int

    @property
    def kinds(self) -> list[str]:
        return [kind for kind in TYPES if (not self.include or kind in self.include) and kind not in self.exclude]

    def filters(self) -> dict[str, Any]:
        """The filters as they are echoed."""
        return {"search": self.search, "includeEvents": self.include, "excludeEvents": self.exclude}


class Moment(NamedTuple):
    """An event that no row is kept for: it is told by the profile, or by a record, under a name of its own."""

    kind: str
    time_ms: int
    label: str = ""
    name: str = ""


def read_timeline_query(query: Mapping[str, Node]) -> TimelineQuery:
    """From `filters[...]`, `order`, `page`, `limit`, or from the flat names of old clients. Raises `ApiError` 400."""
    filters = query.get("filters", {})
    if filters in ("", []):
        filters = {}
    if not isinstance(filters, dict):
        raise ApiError(400, "filters must be an array.", {"filters": ["This value is not valid."]})
    both: dict[str, Node] = {**query, **filters}
    order_by, direction = _order(query)
    return TimelineQuery(
        text_of(both, "search")[:500].replace("\0", ""),
        as_list(both.get("includeEvents")),
        as_list(both.get("excludeEvents")),
        _time(both, "dateFrom"),
        _time(both, "dateTo"),
        order_by,
        direction == "DESC",
        max(1, whole_number(query, "page", 1, most=MAX_PAGE)),
        min(whole_number(query, "limit", DEFAULT_LIMIT, most=1_000_000_000) or MAX_LIMIT, MAX_LIMIT),
    )


def _order(query: Mapping[str, Node]) -> tuple[str, str]:
    said = as_list(query.get("order"))
    order_by = (said[0] if said else text_of(query, "orderBy")) or "timestamp"
    direction = (said[1] if len(said) > 1 else text_of(query, "orderByDir")).upper() or "DESC"
    if order_by not in _ORDERS or direction not in ("ASC", "DESC"):
        raise ApiError(400, "The order must be timestamp, eventLabel or eventType, and ASC or DESC.",
                       {"order": ["This value is not valid."]})  # fmt: skip
    return order_by, direction


def _time(filters: Mapping[str, Node], name: str) -> datetime | None:
    text = text_of(filters, name).strip()
    try:
        return read_time(text) if text else None
    except ValueError as error:
        raise ApiError(400, f"{name}: {error}", {name: [str(error)]}) from error


_HAS_UTM = "(utm_source != '' OR utm_medium != '' OR utm_campaign != '' OR utm_content != '' OR utm_term != '')"
_UTM_TEXT = "concat(utm_source, '\\n', utm_medium, '\\n', utm_campaign, '\\n', utm_content, '\\n', utm_term)"
_TEXT = "concat(url, '\\n', title, '\\n', if(type = 'page.hit', '', query))"
_FOUND = "positionCaseInsensitiveUTF8({where}, {{search:String}}) > 0"

# Repeats of an event are equal in every column, so that any of them will do.
_LIGHT = """
SELECT arrayJoin(kinds) AS kind, time, toString(event_id) AS id,
    if(kind = 'lead.utmtagsadded', concat('UTM: ', utm_campaign), if(title = '', url, title)) AS label
FROM (
    SELECT event_id, time, title, url, utm_campaign, arrayConcat({own}, {utm}) AS kinds
    FROM events WHERE contact_id IN {{ids:Array(UInt64)}} AND type IN {{types:Array(String)}} AND {dates}
    LIMIT 1 BY time, event_id
)
"""
# A mail that is opened again is one entry all the same, at the time when it first was. Few events are opens, so only of
# these more than the type is read.
_OPENS = """
SELECT 'email.read' AS kind, tupleElement(first, 1) AS time, toString(tupleElement(first, 2)) AS id, label FROM (
    SELECT min((time, event_id)) AS first, any(if(title = '', url, title)) AS label FROM events
    WHERE contact_id IN {{ids:Array(UInt64)}} AND type = 'email.read' AND {found}
    GROUP BY if(JSONExtractString(query, 'stat', 'source', 1) = 'mail',
        JSONExtractString(query, 'stat', 'source', 2), concat(toString(event_id), toString(time)))
)
WHERE {dates}
"""
_MOMENT = """
SELECT {{kind{n}:String}} AS kind, fromUnixTimestamp64Milli({{time{n}:Int64}}, 'UTC') AS time, {{name{n}:String}} AS id,
    {{label{n}:String}} AS label
"""

DETAILS = """
SELECT toString(event_id) AS id, contact_id, type, url, title, referrer, language, query, ip, user_agent,
    utm_source, utm_medium, utm_campaign, utm_content, utm_term, country, region, city, timezone, latitude, longitude,
    browser, os, device_type, device_brand, device_model, toUnixTimestamp64Milli(time) AS time_ms
FROM events
WHERE contact_id IN {ids:Array(UInt64)}
    AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
    AND (time_ms, event_id) IN arrayZip({times:Array(Int64)}, {events:Array(UUID)})
LIMIT 1 BY time, event_id
"""

# The beacons of a page may be several, for it can be shown again: the longest time counts.
LEAVES = """
SELECT JSONExtractString(query, 'left_event_id') AS left_id, max(JSONExtractFloat(query, 'seconds'))
FROM events
WHERE contact_id IN {ids:Array(UInt64)} AND type = 'page.leave'
    AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
    AND left_id IN {events:Array(String)}
GROUP BY left_id
"""


class Statements(NamedTuple):
    """The page gives (kind, time in ms, event id), the total one number."""

    page: str
    total: str
    parameters: dict[str, Any]


def timeline_statements(query: TimelineQuery, ids: list[int], moments: Iterable[Moment]) -> Statements | None:
    """None when no event can match."""
    parameters: dict[str, Any] = {"ids": ids}
    sides = _moments(query, moments, parameters)
    if set(query.kinds) - {CREATED, IDENTIFIED}:
        sides += _light(query, parameters)
    if not sides:
        return None
    union = " UNION ALL ".join(sides)
    direction = "DESC" if query.is_descending else "ASC"
    newest = "DESC" if query.order_by != "timestamp" else direction
    page = (
        f"SELECT kind, toUnixTimestamp64Milli(time), id FROM ({union})"
        f" ORDER BY {_ORDERS[query.order_by]} {direction}, time {newest}, kind, id {newest}"
        " LIMIT {limit:UInt64} OFFSET {offset:UInt64}"
    )
    parameters.update(limit=query.limit, offset=(query.page - 1) * query.limit)
    return Statements(page, f"SELECT count() FROM ({union})", parameters)


def _light(query: TimelineQuery, parameters: dict[str, Any]) -> list[str]:
    found, dates = _FOUND if query.search else "1", _dates(query, parameters)
    own = f"if(type IN {{kinds:Array(String)}} AND {found.format(where=_TEXT)}, [type], emptyArrayString())"
    utm = f"if({_HAS_UTM} AND {found.format(where=_UTM_TEXT)}, ['{UTM}'], emptyArrayString())"
    asked = [kind for kind in query.kinds if kind in REPORTED_TYPES and kind != EMAIL_READ]
    with_utm = UTM in query.kinds
    parameters["kinds"] = asked
    parameters["types"] = (
        sorted({*REPORTED_TYPES, UTM}) if with_utm else asked
    )  # UTM tags have events of their own, too
    if query.search:
        parameters["search"] = query.search
    sides = [_LIGHT.format(own=own, utm=utm if with_utm else "emptyArrayString()", dates=dates)]
    if EMAIL_READ in query.kinds:
        sides.append(_OPENS.format(found=found.format(where=_TEXT), dates=dates))
    return sides if parameters["types"] else sides[1:]


def _dates(query: TimelineQuery, parameters: dict[str, Any]) -> str:
    dates = ["1"]
    if query.date_from:
        dates.append("time >= fromUnixTimestamp64Milli({date_from:Int64}, 'UTC')")
        parameters["date_from"] = _ms(query.date_from)
    if query.date_to:
        dates.append("time <= fromUnixTimestamp64Milli({date_to:Int64}, 'UTC')")
        parameters["date_to"] = _ms(query.date_to) + 999
    return " AND ".join(dates)


def _moments(query: TimelineQuery, moments: Iterable[Moment], parameters: dict[str, Any]) -> list[str]:
    sides = []
    for number, moment in enumerate(one for one in moments if _is_asked_for(one, query)):
        sides.append(_MOMENT.format(n=number))
        parameters[f"kind{number}"] = moment.kind
        parameters[f"time{number}"] = moment.time_ms
        parameters[f"label{number}"] = moment.label or TYPES[moment.kind]
        parameters[f"name{number}"] = moment.name
    return sides


def _is_asked_for(moment: Moment, query: TimelineQuery) -> bool:
    return (
        moment.kind in query.kinds
        and query.search.lower() in f"{TYPES[moment.kind]}\n{moment.label}".lower()
        and (query.date_from is None or moment.time_ms >= _ms(query.date_from))
        and (query.date_to is None or moment.time_ms <= _ms(query.date_to) + 999)
    )


def _ms(time: datetime) -> int:
    return int(time.timestamp()) * 1_000
