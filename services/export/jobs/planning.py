"""From a wish to what is asked of ClickHouse: which columns there are now, and who is in the segments that it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from services.common.clickhouse import ClickHouse
from services.common.documents import STAGE, USER
from services.common.envelope import ApiError
from services.common.field_registry import Fields
from services.common.queries.segments import load_memberships
from services.export.jobs.wish import ALL, Format, Header, Of, To, Wish
from services.export.queries.columns import (
    Cell,
    Column,
    harmless_cell,
    harmless_name,
    json_cell,
    no_rows,
    parquet_cell,
    typed_cell,
)
from services.export.queries.companies import companies_statement, company_columns
from services.export.queries.contacts import Names, contact_columns, contacts_statement, usual_columns
from services.export.queries.events import event_columns, events_statement
from services.export.queries.person import MAIL_COLUMNS, NOTE_COLUMNS, mails_statement, notes_statement
from services.export.queries.statement import Statement

_CELLS: dict[Format, Cell] = {Format.CSV: harmless_cell, Format.NDJSON: json_cell}
_STORED_CELLS = {**_CELLS, Format.PARQUET: parquet_cell}
# Whoever the contact has merged into, then all that merged into it.
_ONE = """
WITH ifNull((SELECT winner FROM aliases FINAL WHERE loser = {id:UInt64}), {id:UInt64}) AS whole
SELECT whole UNION ALL SELECT loser FROM aliases FINAL WHERE winner = whole AND loser != whole
"""
_NAMES = """
SELECT toUInt32OrZero(id), kind, if(kind = 'user', trimBoth(concat(JSONExtractString(data, 'first_name'), ' ',
    JSONExtractString(data, 'last_name'))), JSONExtractString(data, 'name'))
FROM records FINAL WHERE kind IN ({stage:String}, {user:String}) AND toUInt32OrZero(id) != 0
"""


class Part(NamedTuple):
    """One file, or one of several in a zip."""

    name: str
    columns: Sequence[Column]
    statement: Statement


async def plan(wish: Wish, clickhouse: ClickHouse, fields: Fields) -> list[Part]:
    """For whoever makes the request. Raises `ApiError` 400 for a column that there is not, 404 for a person who is not
    there, `SearchError`."""
    is_stored = wish.to is To.S3
    cell = (_STORED_CELLS if is_stored else _CELLS).get(wish.format, typed_cell)
    parts = await _OF[wish.of](wish, cell, clickhouse, fields)
    if is_stored:
        parts = [_never_none(part, cell) for part in parts]
    return [_named(wish, part) for part in parts] if is_stored or wish.format is Format.NDJSON else parts


def header(wish: Wish, columns: Sequence[Column]) -> list[str]:
    """No two are the same."""
    if wish.header is Header.ALIASES:
        return [column.name for column in columns]
    labels = [column.label for column in columns]
    return [f"{column.label} ({column.name})" if labels.count(column.label) > 1 else column.label for column in columns]


def _never_none(part: Part, cell: Cell) -> Part:
    """Who writes the whole file is asked for one without rows, too."""
    rows = part.statement.rows or no_rows(part.columns, cell)
    return part._replace(statement=part.statement._replace(rows=rows))


def _named(wish: Wish, part: Part) -> Part:
    """The cells under the names that ClickHouse writes into the file."""
    if part.statement.rows is None:
        return part
    names = [column.name for column in part.columns] if wish.format is Format.NDJSON else header(wish, part.columns)
    if wish.format is Format.CSV:
        names = [harmless_name(name) for name in names]
    said = ", ".join(f"c{place} AS {_identifier(name)}" for place, name in enumerate(names))
    rows = f"SELECT {said} FROM ({part.statement.rows})"
    return part._replace(statement=part.statement._replace(rows=rows))


def _identifier(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


async def _contacts(wish: Wish, cell: Cell, clickhouse: ClickHouse, fields: Fields) -> list[Part]:
    known = (await fields.now()).fields
    columns = _chosen(wish, contact_columns(known), usual_columns(known))
    segments, names = await load_memberships(clickhouse, wish.search), await _names(clickhouse)
    return [Part("contacts", columns, contacts_statement(wish.search, columns, cell, names, segments, known))]


async def _events(wish: Wish, cell: Cell, clickhouse: ClickHouse, fields: Fields) -> list[Part]:
    known, segments = (await fields.now()).fields, await load_memberships(clickhouse, wish.search)
    columns = _chosen(wish, event_columns())
    statement = events_statement(wish.search, wish.since, wish.until, columns, cell, segments, known)
    return [Part("events", columns, statement)]


async def _companies(wish: Wish, cell: Cell, _: ClickHouse, fields: Fields) -> list[Part]:
    known = await fields.of_companies()
    columns = _chosen(wish, company_columns(known))
    return [Part("companies", columns, companies_statement(wish.search, columns, cell, known))]


async def _person(wish: Wish, cell: Cell, clickhouse: ClickHouse, fields: Fields) -> list[Part]:
    ids = [int(number) for (number,) in (await clickhouse.query(_ONE, parameters={"id": wish.id})).result_rows]
    whole = msgspec.structs.replace(wish, search=f"ids:{ids[0]}", columns=[ALL])
    contact, events = await _contacts(whole, cell, clickhouse, fields), await _events(whole, cell, clickhouse, fields)
    if not await total([*contact], clickhouse):
        raise ApiError(404, f"There is no contact {wish.id}.")
    notes = Part("notes", NOTE_COLUMNS, notes_statement(ids, cell))
    return [*contact, *events, notes, Part("mails", MAIL_COLUMNS, mails_statement(ids, cell))]


async def total(parts: Sequence[Part], clickhouse: ClickHouse) -> int:
    """How many rows there are now."""
    asked = [part.statement for part in parts if part.statement.total is not None]
    found = [await clickhouse.query(one.total, parameters=one.parameters) for one in asked]
    return sum(int(one.result_rows[0][0]) for one in found)


_OF = {Of.CONTACTS: _contacts, Of.EVENTS: _events, Of.COMPANIES: _companies, Of.PERSON: _person}


def _chosen(wish: Wish, known: dict[str, Column], usual: Sequence[str] = ()) -> list[Column]:
    names = wish.columns or list(usual) or [ALL]
    if names == [ALL]:
        names = list(known)
    for name in names:
        if name not in known:
            text = f"There is no column {name[:60]}; there are {', '.join(known)}."
            raise ApiError(400, text, {"columns": [text]})
    return [known[name] for name in names]


async def _names(clickhouse: ClickHouse) -> Names:
    rows = (await clickhouse.query(_NAMES, parameters={"stage": STAGE, "user": USER})).result_rows
    return Names(
        {number: name for number, kind, name in rows if kind == STAGE},
        {number: name for number, kind, name in rows if kind == USER},
    )
