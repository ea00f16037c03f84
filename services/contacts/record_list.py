"""The list of records of one kind, as a request asks for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.common.envelope import ApiError, text_of, whole_number
from services.common.php_query import Node

DEFAULT_LIMIT = 30
MAX_LIMIT = 1_000  # also what limit=0 ("all") gives
MAX_START = 10_000_000
_NUMBER = "toUInt64OrZero(id)"
_TEXTS = ", ".join(f"JSONExtractString(data, '{name}')" for name in ("name", "title", "tag", "text"))
_ORDERS = {
    "id": _NUMBER,
    "name": "lower(name)",
    "title": "lower(name)",
    "dateAdded": "added",
    "dateModified": "modified",
}


class RecordList(NamedTuple):
    """SQL for a page, (id, JSON) a row, and for the number of all; both with these parameters."""

    page: str
    total: str
    parameters: dict[str, Any]


def read_record_list(kind: str, query: Mapping[str, Node], contact_ids: Sequence[int] = ()) -> RecordList:
    """From `search` (a part of the name), `start`, `limit`, `orderBy`, `orderByDir`; with `contact_ids` those that
    belong to one of these. Raises `ApiError` 400."""
    order_by = text_of(query, "orderBy").strip() or "id"
    direction = text_of(query, "orderByDir").strip().upper() or "ASC"
    if order_by not in _ORDERS or direction not in ("ASC", "DESC"):
        raise ApiError(400, f"The list is ordered by one of {', '.join(_ORDERS)}, and ASC or DESC.",
                       {"orderBy": ["This value is not valid."]})  # fmt: skip
    parameters: dict[str, Any] = {
        "kind": kind,
        "search": text_of(query, "search").strip()[:200],
        "start": whole_number(query, "start", 0, most=MAX_START),
        "limit": min(whole_number(query, "limit", DEFAULT_LIMIT, most=1_000_000_000) or MAX_LIMIT, MAX_LIMIT),
    }
    rows = (
        f"SELECT id, data, concat({_TEXTS}) AS name,"
        " JSONExtractInt(data, 'added_us') AS added, JSONExtractInt(data, 'modified_us') AS modified"
        " FROM records FINAL WHERE kind = {kind:String}"
        " AND (empty({search:String}) OR positionCaseInsensitiveUTF8(name, {search:String}) > 0)"
    )
    if contact_ids:
        rows += " AND JSONExtractUInt(data, 'contact_id') IN {contact_ids:Array(UInt64)}"
        parameters["contact_ids"] = list(contact_ids)
    page = (
        f"SELECT id, data FROM ({rows}) ORDER BY {_ORDERS[order_by]} {direction}, {_NUMBER} {direction}, id"
        " LIMIT {limit:UInt64} OFFSET {start:UInt64}"
    )
    return RecordList(page, f"SELECT count() FROM ({rows})", parameters)
