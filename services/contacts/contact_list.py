"""The list of contacts: which ids are on a page and how many there are, known and anonymous in one order. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.contact_query import ANONYMOUS, FALSE, SEEN, TRUE, Where, compile_search, known_since
from services.common.envelope import ApiError, text_of, whole_number
from services.common.php_query import Node

DEFAULT_LIMIT = 30
MAX_LIMIT = 1_000  # also what limit=0 ("all") gives
MAX_START = 10_000_000

_EPOCH = "toDateTime64(0, 3, 'UTC')"
# By what the list can be ordered: the value of a known contact, and of an anonymous one.
_ORDERS = {
    "id": ("id", "id"),
    "date_added": ("date_added", "first_seen"),
    "date_modified": ("date_modified", _EPOCH),
    "date_identified": ("date_identified", _EPOCH),
    "last_active": ("last_active", "last_active"),
    "points": ("points", "toInt32(0)"),
    **{name: (f"lower({name})", "''") for name in ("email", "firstname", "lastname", "company", "city")},
    "country": ("lower(toString(country))", "''"),
}
_CAMEL = {"dateAdded": "date_added", "dateModified": "date_modified", "dateIdentified": "date_identified",
          "lastActive": "last_active"}  # fmt: skip


class ListQuery(NamedTuple):
    """What a request asks of the list."""

    where: Where
    start: int
    limit: int
    order_by: str
    is_descending: bool


class Statement(NamedTuple):
    sql: str
    parameters: dict[str, Any]


def read_list_query(query: Mapping[str, Node]) -> ListQuery:
    """Raises `ApiError` 400, `SearchError`."""
    name = text_of(query, "orderBy").strip().removeprefix("l.") or "id"
    order_by = _CAMEL.get(name, name)
    if order_by not in _ORDERS:
        raise ApiError(400, f"The list cannot be ordered by {name[:60]}.", {"orderBy": [", ".join(_ORDERS)]})
    direction = text_of(query, "orderByDir").strip().upper() or "ASC"
    if direction not in ("ASC", "DESC"):
        raise ApiError(400, "orderByDir must be ASC or DESC.", {"orderByDir": ["ASC, DESC"]})
    limit = whole_number(query, "limit", DEFAULT_LIMIT, most=1_000_000_000)
    return ListQuery(
        compile_search(text_of(query, "search")),
        whole_number(query, "start", 0, most=MAX_START),
        min(limit or MAX_LIMIT, MAX_LIMIT),
        order_by,
        direction == "DESC",
    )


def page_statement(query: ListQuery) -> Statement | None:
    """Rows (id, is_known) of the page; None when nothing can match."""
    condition, known_key, anonymous_key = query.where.condition, *_ORDERS[query.order_by]
    sides = []
    if condition.known != FALSE:
        sides.append(f"SELECT id, toUInt8(1) AS is_known, {known_key} AS key FROM {_known(query)}")
    if condition.anonymous != FALSE:
        anonymous = f"{ANONYMOUS}{_filter(condition.anonymous)}"
        sides.append(f"SELECT id, toUInt8(0) AS is_known, {anonymous_key} AS key FROM {anonymous}")
    if not sides:
        return None
    direction = "DESC" if query.is_descending else "ASC"
    sql = (
        f"SELECT id, is_known FROM ({' UNION ALL '.join(sides)}) ORDER BY key {direction}, id {direction}"
        " LIMIT {limit:UInt64} OFFSET {start:UInt64}"
    )
    return Statement(sql, {**query.where.parameters, "limit": query.limit, "start": query.start})


def count_statement(query: ListQuery) -> Statement | None:
    """One row with one number; None when nothing can match."""
    condition = query.where.condition
    counts = []
    if condition.known != FALSE:
        counts.append(f"(SELECT count() FROM contacts FINAL{_filter(condition.known)})")
    if condition.anonymous != FALSE:
        counts.append(f"(SELECT count() FROM {ANONYMOUS}{_filter(condition.anonymous)})")
    return Statement("SELECT " + " + ".join(counts), query.where.parameters) if counts else None


def _known(query: ListQuery) -> str:
    """Rows with the id and the column that is ordered by; what visits say of it is joined only where it counts."""
    where = _filter(query.where.condition.known)
    if query.order_by not in ("last_active", "date_added"):
        return f"contacts FINAL{where}"
    told = "toDateTime64OrZero(c.told, 3, 'UTC')"
    return (
        f"(SELECT c.id AS id, greatest(a.last_active, {told}) AS last_active,"
        f" {known_since('c.added', 'a.first_seen')} AS date_added"
        f" FROM (SELECT id, fields['last_active'] AS told, date_added AS added FROM contacts FINAL{where}) AS c"
        f" LEFT ANY JOIN {SEEN} AS a ON a.id = c.id)"
    )


def _filter(condition: str) -> str:
    return "" if condition == TRUE else f" WHERE {condition}"
