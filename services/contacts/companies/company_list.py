"""The list of companies: which are on a page and how many there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.caller import author_id, my_id, sees_others
from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import Field
from services.common.envelope import text_of
from services.common.php_query import Node as QueryNode
from services.common.queries.comparisons import Column, Columns, compile_where, order_keys
from services.common.queries.contact_query import ALIAS
from services.common.queries.search import SearchError, Term, parse_search
from services.common.queries.search_sql import RowSearch
from services.common.queries.where import read_where
from services.contacts.list_parameters import read_orders, read_page
from services.contacts.people.contact_list import Statement

_COMMANDS = frozenset({"is", "ids"})

_TEXT = ("companyname", "companyemail", "companyphone", "companywebsite", "companycity", "companystate",
         "companycountry", "companyindustry")  # fmt: skip
_ROWS = "(SELECT toUInt64OrZero(id) AS number, version, data FROM records FINAL WHERE kind = 'company')"


def _field_sql(field: Field) -> str:
    """The text of a field of the table, by an alias from there: it becomes part of the statement."""
    assert ALIAS.fullmatch(field.alias)
    kind = "Raw" if field.type in ("number", "boolean") else "String"
    return f"JSONExtract{kind}(data, 'fields', '{field.alias}', 1)"


def _column(field: Field) -> Column:
    if field.type in ("number", "boolean"):
        return Column(field.type, f"toFloat64OrNull({_field_sql(field)})")
    if field.type in ("date", "datetime"):
        return Column("time", f"toUnixTimestamp64Milli(toDateTime64OrZero({_field_sql(field)}, 3, 'UTC'))")
    return Column("text", _field_sql(field))


def _columns(registry: Mapping[str, Field]) -> Columns:
    return Columns({**_OWN, **{alias: _column(field) for alias, field in registry.items()}}, {"owner": "owner_id"})


_OWN = {
    "id": Column("reference", "number"),
    "date_added": Column("time", "intDiv(JSONExtractInt(data, 'added_us'), 1000)"),
    "date_modified": Column("time", "intDiv(JSONExtractInt(data, 'modified_us'), 1000)"),
    "score": Column("number", "JSONExtractInt(data, 'score')"),
    "owner_id": Column("reference", "JSONExtractUInt(data, 'owner_id')"),
    "is_published": Column("number", "toUInt8(1)"),
}


class CompanyQuery(NamedTuple):
    """What a request asks of the list."""

    condition: str
    parameters: dict[str, Any]
    start: int
    limit: int
    order: str


def read_company_query(query: Mapping[str, QueryNode], registry: Mapping[str, Field] = COMPANY_FIELDS) -> CompanyQuery:
    """`registry`: the fields that there are. Raises `ApiError` 400, `QueryError`."""
    columns = _columns(registry)
    page, orders = read_page(query), read_orders(query, columns)
    search = _Search(registry)
    searched = search.condition(parse_search(text_of(query, "search"), _COMMANDS | registry.keys()))
    told = compile_where(read_where(query.get("where")), columns)
    own = "" if sees_others() else f" AND {_own()}"
    return CompanyQuery(
        f"{searched} AND {told.condition.known}{own}",
        {**search.parameters, **told.parameters},
        page.start,
        page.limit,
        ", ".join(f"{order_keys(columns[order.column])[0]} {order.word()}" for order in orders),
    )


def _own() -> str:
    """Whether a company is the caller's."""
    mine = int(author_id())
    owner, creator = "JSONExtractUInt(data, 'owner_id')", "JSONExtractUInt(data, 'created_by_id')"
    return f"({owner} = {mine} OR ({owner} = 0 AND {creator} = {mine}))" if mine else "0"


def page_statement(query: CompanyQuery) -> Statement:
    """Rows (id, version, document) of the page."""
    sql = (
        f"SELECT number, version, data FROM {_ROWS} WHERE {query.condition} ORDER BY {query.order}"
        " LIMIT {limit:UInt64} OFFSET {start:UInt64}"
    )
    return Statement(sql, {**query.parameters, "limit": query.limit, "start": query.start})


def count_statement(query: CompanyQuery) -> Statement:
    """One row with one number."""
    return Statement(f"SELECT count() FROM {_ROWS} WHERE {query.condition}", query.parameters)


class _Search(RowSearch):
    def __init__(self, registry: Mapping[str, Field]) -> None:
        super().__init__()
        self._registry = registry

    def term(self, term: Term) -> str:
        match term.command:
            case "":
                return "(" + " OR ".join(self._contains(alias, term) for alias in _TEXT) + ")"
            case "is":
                return _is(term)
            case "ids":
                return f"number IN {self.bind(self.ids(term), 'Array(UInt64)')}"
        field = self._registry[term.command]
        return self.flag(_field_sql(field), term) if field.type == "boolean" else self.like(_field_sql(field), term)

    def _contains(self, alias: str, term: Term) -> str:
        return self.like(_field_sql(self._registry[alias]), term, contains=True)


def _is(term: Term) -> str:
    match term.value.lower():
        case "mine":
            return f"JSONExtractUInt(data, 'owner_id') = {my_id()}"
        case "unowned":
            return "JSONExtractUInt(data, 'owner_id') = 0"
        case "published":
            return "1"
        case "unpublished":
            return "0"
    raise SearchError(f"Searching by is:{term.value[:40]} is not available.", term.at)
