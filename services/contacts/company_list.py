"""The list of companies: which are on a page and how many there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.company_fields import COMPANY_FIELDS
from services.common.comparisons import Column, Columns, compile_where, order_keys
from services.common.contact_query import exact_pattern, like_pattern
from services.common.envelope import text_of
from services.common.php_query import Node as QueryNode
from services.common.search import And, Node, Not, Or, SearchError, Term, parse_search
from services.common.where import read_where
from services.contacts.contact_list import Statement
from services.contacts.list_parameters import read_orders, read_page

COMMANDS = frozenset({"is", "ids", *COMPANY_FIELDS})
MAX_IDS = 1_000

_TEXT = ("companyname", "companyemail", "companyphone", "companywebsite", "companycity", "companystate",
         "companycountry", "companyindustry")  # fmt: skip
_ROWS = "(SELECT toUInt64OrZero(id) AS number, version, data FROM records FINAL WHERE kind = 'company')"


def _field_sql(alias: str) -> str:
    """The text of a field of the table."""
    kind = "Raw" if COMPANY_FIELDS[alias].type == "number" else "String"
    return f"JSONExtract{kind}(data, 'fields', '{alias}', 1)"


def _column(alias: str) -> Column:
    if COMPANY_FIELDS[alias].type == "number":
        return Column("number", f"toFloat64OrNull({_field_sql(alias)})")
    return Column("text", _field_sql(alias))


_COLUMNS = Columns(
    {
        "id": Column("reference", "number"),
        "date_added": Column("time", "intDiv(JSONExtractInt(data, 'added_us'), 1000)"),
        "date_modified": Column("time", "intDiv(JSONExtractInt(data, 'modified_us'), 1000)"),
        "score": Column("number", "JSONExtractInt(data, 'score')"),
        "owner_id": Column("reference", "JSONExtractUInt(data, 'owner_id')"),
        "is_published": Column("number", "toUInt8(1)"),
        **{alias: _column(alias) for alias in COMPANY_FIELDS},
    },
    {"owner": "owner_id"},
)


class CompanyQuery(NamedTuple):
    """What a request asks of the list."""

    condition: str
    parameters: dict[str, Any]
    start: int
    limit: int
    order: str


def read_company_query(query: Mapping[str, QueryNode]) -> CompanyQuery:
    """Raises `ApiError` 400, `QueryError`."""
    page, orders = read_page(query), read_orders(query, _COLUMNS)
    compiler = _Compiler()
    searched = compiler.condition(parse_search(text_of(query, "search"), COMMANDS))
    told = compile_where(read_where(query.get("where")), _COLUMNS)
    return CompanyQuery(
        f"{searched} AND {told.condition.known}",
        {**compiler.parameters, **told.parameters},
        page.start,
        page.limit,
        ", ".join(f"{order_keys(_COLUMNS[order.column])[0]} {order.word()}" for order in orders),
    )


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


class _Compiler:
    """A search as a condition; values travel as parameters."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def condition(self, node: Node) -> str:
        match node:
            case Term():
                return self._term(node)
            case Not(inner):
                return f"NOT ({self.condition(inner)})"
            case And(nodes):
                return "(" + " AND ".join([self.condition(one) for one in nodes] or ["1"]) + ")"
            case Or(nodes):
                return "(" + " OR ".join(self.condition(one) for one in nodes) + ")"

    def _term(self, term: Term) -> str:
        match term.command:
            case "":
                return "(" + " OR ".join(self._like(alias, term, contains=True) for alias in _TEXT) + ")"
            case "is":
                return _is(term)
            case "ids":
                return self._ids(term)
        return self._like(term.command, term, contains=False)

    def _like(self, alias: str, term: Term, *, contains: bool) -> str:
        pattern = exact_pattern(term.value) if term.is_strict else like_pattern(term.value, contains=contains)
        return f"{_field_sql(alias)} ILIKE {self._bind(pattern)}"

    def _ids(self, term: Term) -> str:
        ids = [int(one) for one in term.value.split(",") if one.isascii() and one.isdigit() and len(one) < 17]
        if len(ids) > MAX_IDS:
            raise SearchError(f"ids: takes at most {MAX_IDS} ids.", term.at)
        return f"number IN {self._bind(ids, 'Array(UInt64)')}"

    def _bind(self, value: Any, kind: str = "String") -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"


def _is(term: Term) -> str:
    match term.value.lower():
        case "mine":
            return "JSONExtractUInt(data, 'owner_id') = 1"  # there is one login
        case "unowned":
            return "JSONExtractUInt(data, 'owner_id') = 0"
        case "published":
            return "1"
        case "unpublished":
            return "0"
    raise SearchError(f"Searching by is:{term.value[:40]} is not available.", term.at)
