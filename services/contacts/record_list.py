"""The list of records of one kind, as a request asks for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.comparisons import Column, Columns, compile_where, order_keys
from services.common.envelope import text_of
from services.common.php_query import Node
from services.common.where import read_where
from services.contacts.list_parameters import read_orders, read_page, wants_published

_NUMBER = "toUInt64OrZero(id)"
_IS_PUBLISHED = "(NOT JSONHas(data, 'is_published') OR JSONExtractBool(data, 'is_published'))"


def _text(name: str) -> Column:
    return Column("text", f"JSONExtractString(data, '{name}')")


_COLUMNS = Columns(
    {
        "id": Column("reference", _NUMBER),
        "name": Column("text", "name"),
        "date_added": Column("time", "intDiv(JSONExtractInt(data, 'added_us'), 1000)"),
        "date_modified": Column("time", "intDiv(JSONExtractInt(data, 'modified_us'), 1000)"),
        "is_published": Column("number", f"toUInt8({_IS_PUBLISHED})"),
        "created_by_user": _text("created_by"),
        "modified_by_user": _text("modified_by"),
        **{name: _text(name) for name in ("alias", "description", "url", "language")},
    },
    {"title": "name"},
)


class RecordList(NamedTuple):
    """SQL for a page, (id, JSON) a row, and for the number of all; both with these parameters."""

    page: str
    total: str
    parameters: dict[str, Any]


def read_record_list(kind: str, query: Mapping[str, Node]) -> RecordList:
    """From `search` (a part of the name) and what every list takes. Raises `ApiError` 400, `QueryError`."""
    asked, orders = read_page(query), read_orders(query, _COLUMNS)
    told = compile_where(read_where(query.get("where")), _COLUMNS)
    parameters = {
        **told.parameters,
        "kind": kind,
        "search": text_of(query, "search").strip()[:200],
        "start": asked.start,
        "limit": asked.limit,
    }
    rows = (
        "SELECT id, data, concat(JSONExtractString(data, 'name'), JSONExtractString(data, 'title')) AS name"
        " FROM records FINAL WHERE kind = {kind:String}"
        " AND (empty({search:String}) OR positionCaseInsensitiveUTF8(name, {search:String}) > 0)"
        f" AND {told.condition.known}{f' AND {_IS_PUBLISHED}' if wants_published(query) else ''}"
    )
    order = ", ".join(f"{order_keys(_COLUMNS[one.column])[0]} {one.word()}" for one in orders)
    page = f"SELECT id, data FROM ({rows}) ORDER BY {order}, id LIMIT {{limit:UInt64}} OFFSET {{start:UInt64}}"
    return RecordList(page, f"SELECT count() FROM ({rows})", parameters)
