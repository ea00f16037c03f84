"""The list of contacts: which ids are on a page and how many there are, known and anonymous in one order. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.contact_fields import FIELDS, Field
from services.common.envelope import text_of
from services.common.php_query import Node
from services.common.queries.comparisons import Columns, Filter, compile_where, order_keys
from services.common.queries.contact_query import (
    ANONYMOUS,
    FALSE,
    NO_SEGMENTS,
    SEEN,
    TRUE,
    Where,
    compile_search,
    known_since,
)
from services.common.queries.where import read_where
from services.contacts.list_parameters import DEFAULT_LIMIT, MAX_LIMIT, MAX_START, Order, read_orders, read_page
from services.contacts.people.contact_columns import SEEN_COLUMNS, contact_columns

__all__ = ["DEFAULT_LIMIT", "MAX_LIMIT", "MAX_START", "ListQuery", "Statement", "count_statement", "page_statement",
           "read_list_query"]  # fmt: skip


class ListQuery(NamedTuple):
    """What a request asks of the list."""

    search: Where
    filter: Filter
    start: int
    limit: int
    orders: tuple[Order, ...]
    columns: Columns

    def parameters(self) -> dict[str, Any]:
        return {**self.search.parameters, **self.filter.parameters}


class Statement(NamedTuple):
    sql: str
    parameters: dict[str, Any]


def read_list_query(
    query: Mapping[str, Node],
    user: str = "",
    fields: Mapping[str, Field] = FIELDS,
    segments: Mapping[str, Where] = NO_SEGMENTS,
) -> ListQuery:
    """`user` is the name of the one who may own contacts, `fields` are those that there are; `segments`: who is in
    those that the search names.

    Raises `ApiError` 400, `QueryError`.
    """
    page, columns = read_page(query), contact_columns(fields)
    return ListQuery(
        compile_search(text_of(query, "search"), user, fields, segments),
        compile_where(read_where(query.get("where")), columns),
        page.start,
        page.limit,
        read_orders(query, columns),
        columns,
    )


def page_statement(query: ListQuery) -> Statement | None:
    """Rows (id, is_known) of the page; None when nothing can match."""
    keys = [order_keys(query.columns[order.column]) for order in query.orders]
    ordered_by = frozenset(order.column for order in query.orders)
    sides = [
        f"SELECT id, toUInt8({is_known}) AS is_known, {_named(one[1 - is_known] for one in keys)} FROM {rows}"
        for is_known, rows in ((1, _known(query, ordered_by)), (0, _anonymous(query)))
        if rows
    ]
    if not sides:
        return None
    order = ", ".join(f"key{number} {order.word()}" for number, order in enumerate(query.orders))
    sql = (
        f"SELECT id, is_known FROM ({' UNION ALL '.join(sides)}) ORDER BY {order}"
        " LIMIT {limit:UInt64} OFFSET {start:UInt64}"
    )
    return Statement(sql, {**query.parameters(), "limit": query.limit, "start": query.start})


def count_statement(query: ListQuery) -> Statement | None:
    """One row with one number; None when nothing can match."""
    sides = [rows for rows in (_known(query, frozenset()), _anonymous(query)) if rows]
    counts = " + ".join(f"(SELECT count() FROM {rows})" for rows in sides)
    return Statement(f"SELECT {counts}", query.parameters()) if sides else None


def _named(keys: Any) -> str:
    return ", ".join(f"{key} AS key{number}" for number, key in enumerate(keys))


def _known(query: ListQuery, ordered_by: frozenset[str]) -> str:
    """Rows of known contacts, '' where none can match; what visits say of them is joined only where it counts."""
    search, told = query.search.condition.known, query.filter.condition.known
    if FALSE in (search, told):
        return ""
    if not SEEN_COLUMNS & (ordered_by | query.filter.columns):
        return f"contacts FINAL{_filter(search, told)}"
    last_active = "toDateTime64OrZero(contact.fields['last_active'], 3, 'UTC')"
    return (
        f"(SELECT contact.* EXCEPT (date_added), greatest(seen.last_active, {last_active}) AS last_active,"
        f" {known_since('contact.date_added', 'seen.first_seen')} AS date_added"
        f" FROM (SELECT * EXCEPT (profile, q) FROM contacts FINAL{_filter(search)}) AS contact"
        f" LEFT ANY JOIN {SEEN} AS seen ON seen.id = contact.id){_filter(told)}"
    )


def _anonymous(query: ListQuery) -> str:
    conditions = query.search.condition.anonymous, query.filter.condition.anonymous
    return "" if FALSE in conditions else f"{ANONYMOUS}{_filter(*conditions)}"


def _filter(*conditions: str) -> str:
    said = [condition for condition in conditions if condition != TRUE]
    return " WHERE " + " AND ".join(said) if said else ""
