"""From a wish to what is asked of ClickHouse: which columns there are now, and who is in the segments that it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.common.clickhouse import ClickHouse
from services.common.documents import STAGE, USER
from services.common.envelope import ApiError
from services.common.field_registry import Fields
from services.common.queries.segments import load_memberships
from services.export.jobs.wish import ALL, Format, Header, Of, Wish
from services.export.queries.columns import Cell, Column, harmless_cell, json_cell, typed_cell
from services.export.queries.companies import companies_statement, company_columns
from services.export.queries.contacts import DEFAULT_COLUMNS, Names, contact_columns, contacts_statement
from services.export.queries.events import event_columns, events_statement
from services.export.queries.statement import Statement

_CELLS: dict[Format, Cell] = {Format.CSV: harmless_cell, Format.NDJSON: json_cell}
_NAMES = """
SELECT toUInt32OrZero(id), kind, if(kind = 'user', trimBoth(concat(JSONExtractString(data, 'first_name'), ' ',
    JSONExtractString(data, 'last_name'))), JSONExtractString(data, 'name'))
FROM records FINAL WHERE kind IN ({stage:String}, {user:String}) AND toUInt32OrZero(id) != 0
"""


class Plan(NamedTuple):
    columns: list[Column]
    header: list[str]
    statement: Statement


async def plan(wish: Wish, clickhouse: ClickHouse, fields: Fields) -> Plan:
    """For whoever makes the request. Raises `ApiError` 400 for a column that there is not, `SearchError`."""
    columns, statement = await _OF[wish.of](wish, _CELLS.get(wish.format, typed_cell), clickhouse, fields)
    if wish.format is Format.NDJSON and statement.rows:
        named = ", ".join(f"c{place} AS `{column.name}`" for place, column in enumerate(columns))
        statement = statement._replace(rows=f"SELECT {named} FROM ({statement.rows})")
    return Plan(columns, _header(wish, columns), statement)


async def _contacts(wish: Wish, cell: Cell, clickhouse: ClickHouse, fields: Fields) -> tuple[list[Column], Statement]:
    known = (await fields.now()).fields
    columns = _chosen(wish, contact_columns(known), DEFAULT_COLUMNS)
    segments, names = await load_memberships(clickhouse, wish.search), await _names(clickhouse)
    return columns, contacts_statement(wish.search, columns, cell, names, segments, known)


async def _events(wish: Wish, cell: Cell, clickhouse: ClickHouse, fields: Fields) -> tuple[list[Column], Statement]:
    known, segments = (await fields.now()).fields, await load_memberships(clickhouse, wish.search)
    columns = _chosen(wish, event_columns())
    return columns, events_statement(wish.search, wish.since, wish.until, columns, cell, segments, known)


async def _companies(wish: Wish, cell: Cell, _: ClickHouse, fields: Fields) -> tuple[list[Column], Statement]:
    known = await fields.of_companies()
    columns = _chosen(wish, company_columns(known))
    return columns, companies_statement(wish.search, columns, cell, known)


_OF = {Of.CONTACTS: _contacts, Of.EVENTS: _events, Of.COMPANIES: _companies}


def _chosen(wish: Wish, known: dict[str, Column], usual: Sequence[str] = ()) -> list[Column]:
    names = wish.columns or list(usual) or [ALL]
    if names == [ALL]:
        names = list(known)
    for name in names:
        if name not in known:
            text = f"There is no column {name[:60]}; there are {', '.join(known)}."
            raise ApiError(400, text, {"columns": [text]})
    return [known[name] for name in names]


def _header(wish: Wish, columns: list[Column]) -> list[str]:
    """No two are the same."""
    if wish.header is Header.ALIASES:
        return [column.name for column in columns]
    labels = [column.label for column in columns]
    return [f"{column.label} ({column.name})" if labels.count(column.label) > 1 else column.label for column in columns]


async def _names(clickhouse: ClickHouse) -> Names:
    rows = (await clickhouse.query(_NAMES, parameters={"stage": STAGE, "user": USER})).result_rows
    return Names(
        {number: name for number, kind, name in rows if kind == STAGE},
        {number: name for number, kind, name in rows if kind == USER},
    )
