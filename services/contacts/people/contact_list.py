"""The list of contacts: which ids are on a page and how many there are, known and anonymous in one order. Pure.

A page near the begin of a long list is cut from its front: see `contact_fronts`. Where that turns out to be too short a
larger one is tried, and then all. A search that finds few rows, of any version, is answered from these contacts alone:
a look through all rows takes a third of the time when former versions need not be told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from services.common.contact_fields import FIELDS, Field
from services.common.envelope import text_of
from services.common.php_query import Node
from services.common.queries.comparisons import Columns, Filter, compile_where, order_keys
from services.common.queries.contact_query import (
    ALIASES,
    ANONYMOUS,
    FALSE,
    NO_SEGMENTS,
    TRUE,
    Condition,
    Where,
    anonymous,
    compile_search,
    known_of,
    known_since,
    seen,
    visitors_of,
)
from services.common.queries.where import read_where
from services.contacts.list_parameters import DEFAULT_LIMIT, MAX_LIMIT, MAX_START, Order, read_orders, read_page
from services.contacts.people.contact_columns import SEEN_COLUMNS, contact_columns
from services.contacts.people.contact_fronts import IS_FEW, Front, few_front, first_front, fitting, found_front

__all__ = ["CANDIDATES", "DEFAULT_LIMIT", "FEW", "MAX_LIMIT", "MAX_START", "VERY_FEW", "ListQuery", "Row",
           "Statement", "count_statements", "few_statement", "fits_statement", "is_of_all", "page_statements",
           "read_list_query", "very_few_statement"]  # fmt: skip


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


CANDIDATES = 2  # of a row that is no contact of a page
Row = tuple[int, int]  # contact id, whether it is known


class Statement(NamedTuple):
    sql: str
    parameters: dict[str, Any]


class Counts(NamedTuple):
    """Each gives one row with one number, and together they are all; None where nobody can match."""

    known: Statement | None
    visitors: Statement | None


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


def very_few_statement(query: ListQuery) -> Statement | None:
    """One row with a list of ids and one of their versions: up to `VERY_FEW` that fit, in no order.
    Which version counts whoever has the profiles knows. None for lists not by id, and where it would not pay."""
    if not _may_be_few(query) or not _is_by_id(query):
        return None
    # Two lists of numbers are read in half the time of one of pairs.
    sql = f"SELECT groupArray(id), groupArray(version) FROM ({fitting(_search(query), VERY_FEW)})"
    return Statement(sql, query.parameters())


def _may_be_few(query: ListQuery) -> bool:
    """Not for a search that finds visitors, nor for one that looks at other tables than `contacts`."""
    known, visitors = query.search.condition.sides
    until = query.start + query.limit
    return visitors == FALSE and known not in (TRUE, FALSE) and "SELECT" not in known and until <= _MOST_NEEDED


def few_statement(query: ListQuery) -> Statement | None:
    """Rows (id, is_known, how many the list has) up to the end of the page, and one (0, `CANDIDATES`, their number):
    more of these than `FEW` are not all, so that then the rest tells nothing. None where it would not pay."""
    if not _may_be_few(query):
        return None
    front, until = few_front(_search(query), FEW), query.start + query.limit
    found = query._replace(search=Where(Condition(IS_FEW, FALSE), query.search.parameters))
    rows = _known(found, _used(query), front)
    if not rows:
        return None
    named, order = _keys(query)
    sql = (
        f"{front.clauses}SELECT id, is_known, total FROM ("
        f"SELECT id, toUInt8(1) AS is_known, count() OVER () AS total, {named[0]} FROM {rows}{order}"
        f" LIMIT {{until:UInt64}}) UNION ALL SELECT 0, {CANDIDATES}, length(few)"
    )
    return Statement(sql, {**query.parameters(), "until": until})


def fits_statement(query: ListQuery, ids: Collection[int]) -> Statement:
    """Who of these is found by the search as they are now in ClickHouse."""
    sql = f"SELECT id FROM contacts FINAL PREWHERE id IN {{ids:Array(UInt64)}}{_filter(_search(query))}"
    return Statement(sql, {**query.parameters(), "ids": list(ids)})


def _is_by_id(query: ListQuery) -> bool:
    return query.orders[0].column == "id" and set(query.filter.condition.sides) == {TRUE}


def is_of_all(query: ListQuery) -> bool:
    """Nothing narrows it."""
    return {*query.search.condition.sides, *query.filter.condition.sides} == {TRUE}


def page_statements(query: ListQuery, total: int) -> list[Statement]:
    """To be tried in turn until one gives as many rows (id, is_known) as there must be; the last one gives all that
    there are. None when nothing can match. `total` is how many the list has, more or less."""
    statements = [_page(query, front) for front in _fronts(query, total)]
    return [one for one in statements if one is not None]


def _fronts(query: ListQuery, total: int) -> list[Front | None]:
    known, visitors = _search(query), query.search.condition.anonymous
    if total <= FEW:
        is_searched_once = TRUE != known != FALSE and visitors == FALSE and SEEN_COLUMNS & _used(query)
        return [found_front(known) if is_searched_once else None]
    needed = query.start + query.limit
    if needed > _MOST_NEEDED:
        return [None]
    fronts = [first_front(query.orders[0], slack * needed + _LEAST) for slack in _SLACKS]
    return [*(one for one in fronts if one), None]


def count_statements(query: ListQuery) -> Counts:
    known, visitors = _known(query, query.filter.columns, None), _anonymous(query, None)
    visitors_sql = _COUNT_VISITORS if visitors == ANONYMOUS else f"SELECT count() FROM {visitors}"
    return Counts(
        Statement(f"SELECT count() FROM {known}", query.parameters()) if known else None,
        Statement(visitors_sql, query.parameters()) if visitors else None,
    )


FEW = 20_000  # of so many contacts all are as quick as a front
VERY_FEW = 5_000  # the profiles of so many are read more quickly than their rows are told apart: 19 against 37 ms
_MOST_NEEDED = 10_000
_SLACKS, _LEAST = (2, 32), 10
# All ids with activity but those of contacts, former ones too, and of whoever merged into another.
_COUNT_VISITORS = f"""SELECT (SELECT count() FROM activity FINAL) - (
    SELECT count() FROM activity FINAL
    WHERE contact_id IN (SELECT id FROM contacts UNION ALL SELECT loser FROM {ALIASES})
)"""


def _page(query: ListQuery, front: Front | None) -> Statement | None:
    named, order = _keys(query)
    sides = []
    for is_known, rows in ((1, _known(query, _used(query), front)), (0, _anonymous(query, front))):
        if rows:
            within = f" WHERE {front.is_within('key0')}" if front else ""
            side = f"SELECT id, toUInt8({is_known}) AS is_known, {named[1 - is_known]} FROM {rows}{within}{order}"
            sides.append(f"({side} LIMIT {{until:UInt64}})")
    if not sides:
        return None
    # Who looks through all rows does so faster in any order than in that of the table.
    sql = (
        f"{front.clauses if front else ''}SELECT id, is_known FROM ({' UNION ALL '.join(sides)}){order}"
        f" LIMIT {{limit:UInt64}} OFFSET {{start:UInt64}}{'' if front else ' SETTINGS optimize_read_in_order = 0'}"
    )
    parameters = {**query.parameters(), "limit": query.limit, "start": query.start, "until": query.start + query.limit}
    return Statement(sql, {**parameters, "front": front.size} if front else parameters)


def _keys(query: ListQuery) -> tuple[list[str], str]:
    """What rows are ordered by, of known contacts and of visitors, and the clause that orders by it."""
    keys = [order_keys(query.columns[order.column]) for order in query.orders]
    sides = [", ".join(f"{key[side]} AS key{number}" for number, key in enumerate(keys)) for side in (0, 1)]
    return sides, " ORDER BY " + ", ".join(f"key{number} {one.word()}" for number, one in enumerate(query.orders))


def _used(query: ListQuery) -> frozenset[str]:
    """The columns that a page is narrowed and ordered by."""
    return query.filter.columns | {order.column for order in query.orders}


def _search(query: ListQuery) -> str:
    return query.search.condition.known


def _known(query: ListQuery, used: frozenset[str], front: Front | None) -> str:
    """Rows of known contacts, '' where none can match; what visits say of them is joined only where it counts."""
    search, told = _search(query), query.filter.condition.known
    if FALSE in (search, told):
        return ""
    contacts = known_of(Condition(search, FALSE, front.contacts) if front else query.search.condition)
    if not SEEN_COLUMNS & used:
        return f"(SELECT * FROM {contacts}{_filter(search, told)})"
    ids = front.contacts if front else "" if search == TRUE else f"SELECT id FROM contacts FINAL{_filter(search)}"
    times = front.times if front and "date_added" not in used else ""
    rows = (
        "(SELECT contact.* EXCEPT (date_added, told_active), greatest(seen.last_active, contact.told_active) AS"
        f" last_active, {known_since('contact.date_added', 'seen.first_seen')} AS date_added"
        f" FROM (SELECT * EXCEPT (profile, q), told_active FROM {contacts}{_filter(search)}) AS contact"
        f" LEFT ANY JOIN {times or seen(ids)} AS seen ON seen.id = contact.id)"
    )
    return f"(SELECT * FROM {rows}{_filter(told)})" if _filter(told) else rows


def _anonymous(query: ListQuery, front: Front | None) -> str:
    conditions = query.search.condition.anonymous, query.filter.condition.anonymous
    if FALSE in conditions:
        return ""
    rows = visitors_of(query.search.condition)
    if front:
        rows = front.visitors_with_times if "date_added" not in _used(query) else ""
        rows = rows or anonymous(front.visitors)
    said = _filter(*conditions)
    return f"(SELECT * FROM {rows}{said})" if said else rows


def _filter(*conditions: str) -> str:
    said = [condition for condition in conditions if condition != TRUE]
    return " WHERE " + " AND ".join(said) if said else ""
