"""The list of records of one kind, as a request asks for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.common.caller import my_id
from services.common.documents import SEGMENT
from services.common.envelope import text_of
from services.common.php_query import Node
from services.common.queries.comparisons import Column, Columns, compile_where, order_keys
from services.common.queries.search import SearchError, Term, parse_search
from services.common.queries.search_sql import MAX_IDS, RowSearch
from services.common.queries.where import read_where
from services.contacts.list_parameters import read_orders, read_page, wants_published
from services.contacts.users.ownership import records_sql

_NUMBER = "toUInt64OrZero(id)"
_NAMES = ("name", "title", "tag", "text", "username", "brand", "model")
_TEXTS = ", ".join(f"JSONExtractString(data, '{name}')" for name in _NAMES)
COMMANDS = frozenset({"is", "ids", "name", "alias", "lang", "category", "type", "has"})
_IS_PUBLISHED, _IS_GLOBAL = (
    f"(NOT JSONHas(data, '{name}') OR JSONExtractBool(data, '{name}'))" for name in ("is_published", "is_global")
)  # true unless a document says otherwise


def _text(name: str) -> Column:
    return Column("text", f"JSONExtractString(data, '{name}')")


def _time(name: str) -> Column:
    return Column("time", f"intDiv(JSONExtractInt(data, '{name}'), 1000)")


_COLUMNS = Columns(
    {
        "id": Column("reference", _NUMBER),
        "name": Column("text", "name"),
        "date_added": _time("added_us"),
        "date_modified": _time("modified_us"),
        "date_time": _time("time_us"),
        "is_published": Column("number", f"toUInt8({_IS_PUBLISHED})"),
        "created_by_user": _text("created_by"),
        "modified_by_user": _text("modified_by"),
        **{name: Column("number", f"JSONExtractInt(data, '{name}')") for name in ("weight", "points")},
        "category": Column("reference", "JSONExtractUInt(data, 'category_id')"),
        **{f"device_{name}": _text(name) for name in ("brand", "model")},
        "device_os_name": _text("os"),
        **{name: _text(name) for name in ("alias", "description", "url", "language", "type", "bundle", "color")},
    },
    {"title": "name", "tag": "name", "text": "name", "category_id": "category", "device": "type"},
)


class RecordList(NamedTuple):
    """SQL for a page, (id, JSON) a row, and for the number of all; both with these parameters."""

    page: str
    total: str
    parameters: dict[str, Any]


def read_record_list(kind: str, query: Mapping[str, Node], contact_ids: Sequence[int] = ()) -> RecordList:
    """From `search` and what every list takes, of those that the caller may see; with `contact_ids` those that belong
    to one of these. Raises `ApiError` 400, `QueryError`."""
    asked, orders = read_page(query), read_orders(query, _COLUMNS)
    told = compile_where(read_where(query.get("where")), _COLUMNS)
    searched = _Search(kind)
    found = searched.condition(parse_search(text_of(query, "search"), COMMANDS))
    parameters: dict[str, Any] = {
        **told.parameters,
        **searched.parameters,
        "kind": kind,
        "start": asked.start,
        "limit": asked.limit,
    }
    rows = (
        f"SELECT id, data, concat({_TEXTS}) AS name FROM records FINAL WHERE kind = {{kind:String}} AND {found}"
        f" AND {told.condition.known}{f' AND {_IS_PUBLISHED}' if wants_published(query) else ''}"
    )
    if own := records_sql(kind):
        rows += f" AND {own}"
    if contact_ids:
        rows += " AND JSONExtractUInt(data, 'contact_id') IN {contact_ids:Array(UInt64)}"
        parameters["contact_ids"] = list(contact_ids)
    order = ", ".join(f"{order_keys(_COLUMNS[one.column])[0]} {one.word()}" for one in orders)
    page = f"SELECT id, data FROM ({rows}) ORDER BY {order}, id LIMIT {{limit:UInt64}} OFFSET {{start:UInt64}}"
    return RecordList(page, f"SELECT count() FROM ({rows})", parameters)


class _Search(RowSearch):
    """Of names, and of what else some kinds have."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def term(self, term: Term) -> str:
        match term.command:
            case "":
                return self.like("name", term, contains=True)
            case "name":
                return self.like("name", term)
            case "alias" | "type":
                return self.like(_COLUMNS[term.command].known, term)
            case "lang":
                return self.like(_COLUMNS["language"].known, term)
            case "category":
                return f"JSONExtractUInt(data, 'category_id') IN ({self._categories(term)})"
            case "ids":
                return self._ids(term)
            case "is" if self._kind == SEGMENT and term.value.lower() == "global":
                return _IS_GLOBAL
            case "is":
                return _is(term)
        raise SearchError(f"Searching by {term.command}: is not available.", term.at)

    def _categories(self, term: Term) -> str:
        alias = self.like("JSONExtractString(data, 'alias')", term)
        return f"SELECT toUInt64OrZero(id) FROM records FINAL WHERE kind = 'category' AND {alias}"

    def _ids(self, term: Term) -> str:
        ids = [one.strip() for one in term.value.split(",")]
        if len(ids) > MAX_IDS:
            raise SearchError(f"ids: takes at most {MAX_IDS} ids.", term.at)
        return f"id IN {self.bind(ids, 'Array(String)')}"


def _is(term: Term) -> str:
    match term.value.lower():
        case "published":
            return _IS_PUBLISHED
        case "unpublished":
            return f"NOT {_IS_PUBLISHED}"
        case "uncategorized":
            return "JSONExtractUInt(data, 'category_id') = 0"
        case "mine":
            return f"JSONExtractUInt(data, 'created_by_id') = {my_id()}"
    raise SearchError(f"Searching by is:{term.value[:40]} is not available.", term.at)
