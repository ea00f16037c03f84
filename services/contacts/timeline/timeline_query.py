"""The history of one contact: what a request asks of it, and the SQL that answers. Pure.

First a light statement orders all events of all types and cuts the page; a second one fetches what the page shows.
Rows may be there twice, so each counts once by its key, time and event id: the id alone may be a client's, used again.
A page near the begin looks at a few more of the newest rows than it shows, and at all only where these are too few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.common.envelope import ApiError, text_of, whole_number
from services.common.event_types import EMAIL_READ, REPORTED_TYPES, TYPES, UTM
from services.common.field_values import NOT_VALID, read_time
from services.common.php_query import Node, as_list
from services.contacts.objects import iso
from services.contacts.timeline.event_search import FOUND, search_parameters
from services.contacts.timeline.hidden_records import told_sql

DEFAULT_LIMIT = 25
MAX_LIMIT = 1_000
MAX_PAGE = 1_000_000
_SLACK = 4  # so many times as many rows as are shown are looked at first
_MOST_LOOKED_AT = 10_000
_NEVER = "0"
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
    offset: int
    limit: int

    @property
    def page(self) -> int:
        return self.offset // self.limit + 1

    @property
    def kinds(self) -> list[str]:
        return [kind for kind in TYPES if (not self.include or kind in self.include) and kind not in self.exclude]

    def filters(self) -> dict[str, Any]:
        """The filters as they are echoed: dates only where there are any."""
        times = {"dateFrom": self.date_from, "dateTo": self.date_to}
        return {
            "search": self.search, "includeEvents": self.include, "excludeEvents": self.exclude,
            **{name: iso(_ms(time) * 1_000) for name, time in times.items() if time},
        }  # fmt: skip


class Moment(NamedTuple):
    """An entry that no row is kept for: it is told by the profile, or, under the name of that, by a record or as the
    first hit from an address."""

    kind: str
    time_ms: int
    label: str = ""
    name: str = ""


def read_timeline_query(query: Mapping[str, Node], now_us: int = 0) -> TimelineQuery:
    """From `filters[...]`, `order`, `page` or `start`, `limit`, or the flat names of old clients; days
    such as yesterday are from `now_us` on. Raises `ApiError` 400."""
    filters = query.get("filters", {})
    if filters in ("", []):
        filters = {}
    if not isinstance(filters, dict):
        raise ApiError(400, "filters must be an array.", {"filters": [NOT_VALID]})
    both: dict[str, Node] = {**query, **filters}
    order_by, direction = _order(query)
    limit = min(whole_number(query, "limit", DEFAULT_LIMIT, most=1_000_000_000) or MAX_LIMIT, MAX_LIMIT)
    return TimelineQuery(
        text_of(both, "search")[:500].replace("\0", ""),
        _types(both, "includeEvents"),
        _types(both, "excludeEvents"),
        _time(both, "dateFrom", now_us),
        _time(both, "dateTo", now_us),
        order_by,
        direction == "DESC",
        _offset(query, limit),
        limit,
    )


def _types(filters: Mapping[str, Node], name: str) -> list[str]:
    """A blank, as forms send it for nothing chosen, is none."""
    return [kind for kind in as_list(filters.get(name)) if kind]


def _offset(query: Mapping[str, Node], limit: int) -> int:
    """From `page`, or from `start`, which clients of lists send with everything, mostly as 0."""
    page = max(1, whole_number(query, "page", 1, most=MAX_PAGE))
    start = whole_number(query, "start", 0, most=MAX_PAGE * MAX_LIMIT)
    if start and page > 1:
        raise ApiError(400, "A history begins at start or at page, not at both.", {"start": [NOT_VALID]})
    return start or (page - 1) * limit


def _order(query: Mapping[str, Node]) -> tuple[str, str]:
    said = as_list(query.get("order"))
    order_by = (said[0] if said else text_of(query, "orderBy")) or "timestamp"
    direction = (said[1] if len(said) > 1 else text_of(query, "orderByDir")).upper() or "DESC"
    if order_by not in _ORDERS or direction not in ("ASC", "DESC"):
        raise ApiError(400, "The order must be timestamp, eventLabel or eventType, and ASC or DESC.",
                       {"order": [NOT_VALID]})  # fmt: skip
    return order_by, direction


def _time(filters: Mapping[str, Node], name: str, now_us: int) -> datetime | None:
    text = text_of(filters, name).strip()
    try:
        return read_time(text, now_us=now_us) if text else None
    except ValueError as error:
        raise ApiError(400, f"{name}: {error}", {name: [str(error)]}) from error


_HAS_UTM = "(utm_source != '' OR utm_medium != '' OR utm_campaign != '' OR utm_content != '' OR utm_term != '')"
_UTM_TEXT = "concat(utm_source, '\\n', utm_medium, '\\n', utm_campaign, '\\n', utm_content, '\\n', utm_term)"
_UTM_FOUND = f"positionCaseInsensitiveUTF8({_UTM_TEXT}, {{search:String}}) > 0"

# Repeats of an event are equal in every column, so that any of them will do.
_LIGHT = f"""
SELECT arrayJoin(kinds) AS kind, time, toString(event_id) AS id,
    if(kind = '{UTM}', concat('UTM: ', utm_campaign), if(title = '', url, title)) AS label
FROM (
    SELECT event_id, time, title, url, utm_campaign,
        arrayConcat(
            if({{own}}, [type], emptyArrayString()), if({{utm}}, ['{UTM}'], emptyArrayString())
        ) AS kinds
    FROM {{rows}}
    LIMIT 1 BY time, event_id
)
"""
_ROWS = "events WHERE {whose} AND type IN {{types:Array(String)}} AND {conditions}"
# Of one contact alone the table is read in its own order, and no further than is needed.
_OF_ONE, _OF_SEVERAL = "contact_id = {ids:Array(UInt64)}[1]", "contact_id IN {ids:Array(UInt64)}"
# Those of one time stay together: which of them are on the page is decided by more than the time.
_FIRST_ROWS = """(
    SELECT event_id, time, type, title, url, query, utm_source, utm_medium, utm_campaign, utm_content, utm_term
    FROM {rows} ORDER BY time {direction} LIMIT {{looked_at:UInt64}} WITH TIES
)"""
# A mail that is opened again is one entry all the same, at the time when it first was. Few events are opens, so only of
# these more than the type is read.
_OPENS = """
SELECT 'email.read' AS kind, tupleElement(first, 1) AS time, toString(tupleElement(first, 2)) AS id, {label} AS label
FROM (
    SELECT min((time, event_id)) AS first, any(if(title = '', url, title)) AS said, max({found}) AS is_found,
        if(JSONExtractString(query, 'stat', 'source', 1) = 'mail',
            JSONExtractString(query, 'stat', 'source', 2), concat(toString(event_id), toString(time))) AS mail
    FROM events WHERE contact_id IN {{ids:Array(UInt64)}} AND type = 'email.read'
    GROUP BY mail
) AS opens{mails}
WHERE {dates} AND {shown}
"""
# An open says which mail it was, not what that is called: looked up where the name counts.
_MAILS = """ LEFT ANY JOIN (
    SELECT id AS mail, JSONExtractString(data, 'name') AS name, JSONExtractString(data, 'subject') AS subject
    FROM messages FINAL WHERE contact_id IN {ids:Array(UInt64)}
) AS mails USING mail"""
_MAIL_LABEL = "multiIf(name != '', name, subject != '', concat('Custom Email: ', subject), said)"
_MAIL_FOUND = "(is_found OR positionCaseInsensitiveUTF8(concat(name, '\\n', subject), {search:String}) > 0)"
_MOMENTS = """
SELECT one.1 AS kind, fromUnixTimestamp64Milli(one.2, 'UTC') AS time, one.3 AS id, one.4 AS label
FROM (
    SELECT arrayJoin(arrayZip({moment_kinds:Array(String)}, {moment_times:Array(Int64)},
        {moment_names:Array(String)}, {moment_labels:Array(String)})) AS one
)
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
    """The page gives (kind, time in ms, event id), the total one number, without the moments.

    `first` is the page as far as a look at the first rows shows it: too few where these are repeats of each other.
    The page takes `told`, too: the moments that may be on it.
    """

    first: str | None
    page: str
    total: str | None
    moments: int
    parameters: dict[str, Any]
    told: dict[str, Any]


def timeline_statements(
    query: TimelineQuery, ids: list[int], moments: Iterable[Moment], *, has_opens: bool = True
) -> Statements | None:
    """None when no event can match. Without `has_opens` no mail was ever opened."""
    parameters: dict[str, Any] = {"ids": ids}
    shown = [moment for moment in moments if _is_asked_for(moment, query)]
    told, offset = _told(_front(shown, query)), query.offset
    parameters.update(limit=query.limit, offset=offset, looked_at=_SLACK * (offset + query.limit))
    kinds, dates = _kinds(query, parameters), _dates(query, parameters)
    whose, opens = _OF_ONE if len(ids) == 1 else _OF_SEVERAL, _opens(query, dates) if has_opens else []
    sides, counts = [*([_MOMENTS] if shown else []), *opens], [f"(SELECT count() FROM ({one}))" for one in opens]
    if set(kinds) == {_NEVER}:
        total = f"SELECT {counts[0]}" if counts else None
        return Statements(None, _page(query, sides), total, len(shown), parameters, told) if sides else None
    conditions = [*dates, *_conditions(query, kinds, parameters), told_sql()]
    rows = _ROWS.format(whose=whose, conditions=" AND ".join(conditions))
    first = None
    if query.order_by == "timestamp" and offset + query.limit <= _MOST_LOOKED_AT:
        first_rows = _FIRST_ROWS.format(rows=rows, direction="DESC" if query.is_descending else "ASC")
        first = _page(query, [*sides, _LIGHT.format(own=kinds.own, utm=kinds.utm, rows=first_rows)])
    page = _page(query, [*sides, _LIGHT.format(own=kinds.own, utm=kinds.utm, rows=rows)])
    # Of 100,000 events two have the same hash once in four thousand million histories.
    counts += [f"uniqExactIf(cityHash64(time, event_id), {one})" for one in kinds if one != _NEVER]
    return Statements(first, page, f"SELECT {' + '.join(counts)} FROM {rows}", len(shown), parameters, told)


def _opens(query: TimelineQuery, dates: list[str]) -> list[str]:
    if EMAIL_READ not in query.kinds:
        return []
    found, shown = (FOUND, _MAIL_FOUND) if query.search else ("1", "is_found")
    is_named = bool(query.search) or query.order_by == "eventLabel"
    label, mails = (_MAIL_LABEL, _MAILS) if is_named else ("said", "")
    return [_OPENS.format(label=label, found=found, mails=mails, dates=" AND ".join(dates), shown=shown)]


def _page(query: TimelineQuery, sides: list[str]) -> str:
    direction = "DESC" if query.is_descending else "ASC"
    newest = "DESC" if query.order_by != "timestamp" else direction
    return (
        f"SELECT kind, toUnixTimestamp64Milli(time), id FROM ({' UNION ALL '.join(sides)})"
        f" ORDER BY {_ORDERS[query.order_by]} {direction}, time {newest}, kind, id {newest}"
        " LIMIT {limit:UInt64} OFFSET {offset:UInt64}"
    )


class _Kinds(NamedTuple):
    """Conditions of which events a row is: that of its own type, and that of its UTM tags."""

    own: str
    utm: str


def _kinds(query: TimelineQuery, parameters: dict[str, Any]) -> _Kinds:
    found, utm_found = (FOUND, _UTM_FOUND) if query.search else ("1", "1")
    if query.search:
        parameters |= search_parameters(query.search)
    parameters["kinds"] = [kind for kind in query.kinds if kind in REPORTED_TYPES and kind != EMAIL_READ]
    own = f"(type IN {{kinds:Array(String)}} AND {found})"
    utm = f"({_HAS_UTM} AND {utm_found})"
    return _Kinds(own if parameters["kinds"] else _NEVER, utm if UTM in query.kinds else _NEVER)


def _conditions(query: TimelineQuery, kinds: _Kinds, parameters: dict[str, Any]) -> list[str]:
    """Of the rows to look at; whether one is any event at all is asked only where its type does not tell."""
    asked, conditions = parameters["kinds"], []
    # UTM tags have events of their own, too.
    parameters["types"] = sorted({*REPORTED_TYPES, UTM}) if UTM in query.kinds else asked
    if query.search or (UTM in query.kinds and len(asked) < len({*REPORTED_TYPES} - {EMAIL_READ})):
        conditions.append(f"({kinds.own} OR {kinds.utm})")
    return conditions


def _dates(query: TimelineQuery, parameters: dict[str, Any]) -> list[str]:
    conditions = ["1"]
    if query.date_from:
        conditions.append("time >= fromUnixTimestamp64Milli({date_from:Int64}, 'UTC')")
        parameters["date_from"] = _ms(query.date_from)
    if query.date_to:
        conditions.append("time <= fromUnixTimestamp64Milli({date_to:Int64}, 'UTC')")
        parameters["date_to"] = _ms(query.date_to) + 999
    return conditions


def _front(shown: list[Moment], query: TimelineQuery) -> list[Moment]:
    """Those that may be on the page or before it: the others are behind so many as end it. Those of one time stay
    together, for more than the time decides among them."""
    most = query.offset + query.limit
    if query.order_by != "timestamp" or len(shown) <= most:
        return shown
    sign = -1 if query.is_descending else 1
    last = sorted(sign * moment.time_ms for moment in shown)[most - 1]
    return [moment for moment in shown if sign * moment.time_ms <= last]


def _told(moments: list[Moment]) -> dict[str, Any]:
    """The parameters of `_MOMENTS`."""
    return {
        "moment_kinds": [moment.kind for moment in moments],
        "moment_times": [moment.time_ms for moment in moments],
        "moment_names": [moment.name for moment in moments],
        "moment_labels": [moment.label or TYPES[moment.kind] for moment in moments],
    }


def _is_asked_for(moment: Moment, query: TimelineQuery) -> bool:
    return (
        moment.kind in query.kinds
        and query.search.lower() in f"{TYPES[moment.kind]}\n{moment.label}".lower()
        and (query.date_from is None or moment.time_ms >= _ms(query.date_from))
        and (query.date_to is None or moment.time_ms <= _ms(query.date_to) + 999)
    )


def _ms(time: datetime) -> int:
    return int(time.timestamp()) * 1_000
