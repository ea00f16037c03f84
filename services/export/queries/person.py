"""What is kept of one person beside their fields and events, as rows of an export. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.documents import NOTE
from services.export.queries.columns import Cell, Column, cells
from services.export.queries.statement import Statement


def _time(name: str) -> str:
    return f"fromUnixTimestamp64Milli(toInt64(intDiv(JSONExtractInt(data, '{name}'), 1000)), 'UTC')"


NOTE_COLUMNS = (
    Column("id", "ID", "text", "id"),
    Column("type", "Type", "text", "JSONExtractString(data, 'type')"),
    Column("text", "Text", "text", "JSONExtractString(data, 'text')"),
    Column("time", "Time", "time", _time("time_us")),
    Column("date_added", "Date Added", "time", _time("added_us")),
)
MAIL_COLUMNS = (
    Column("id", "ID", "text", "id"),
    Column("status", "Status", "text", "status"),
    Column("email_id", "Email ID", "integer", "email_id"),
    Column("date_added", "Date Added", "time", "added"),
    Column("date_sent", "Date Sent", "time", "sent"),
    Column("details", "Details", "text", "data"),
)


def notes_statement(ids: Sequence[int], cell: Cell) -> Statement:
    """`ids`: of the contact, and of all that merged into it."""
    source = (
        f"FROM records FINAL WHERE kind = '{NOTE}' AND JSONExtractUInt(data, 'contact_id') IN {{ids:Array(UInt64)}}"
    )
    return _statement(NOTE_COLUMNS, cell, source, ids)


def mails_statement(ids: Sequence[int], cell: Cell) -> Statement:
    return _statement(MAIL_COLUMNS, cell, "FROM messages FINAL WHERE contact_id IN {ids:Array(UInt64)}", ids)


def _statement(columns: Sequence[Column], cell: Cell, source: str, ids: Sequence[int]) -> Statement:
    return Statement(f"SELECT {cells(columns, cell)} {source}", f"SELECT count() {source}", {"ids": list(ids)})
