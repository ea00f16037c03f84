"""The list of companies: which are on a page and how many there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import Field
from services.common.envelope import text_of
from services.common.php_query import Node as QueryNode
from services.common.queries.company_query import COMPANIES, company_field_sql, compile_company_search
from services.common.queries.comparisons import Column, Columns, compile_where, order_keys
from services.common.queries.where import read_where
from services.contacts.list_parameters import read_orders, read_page
from services.contacts.people.contact_list import Statement


def _column(field: Field) -> Column:
    if field.type in ("number", "boolean"):
        return Column(field.type, f"toFloat64OrNull({company_field_sql(field)})")
    if field.type in ("date", "datetime"):
        return Column("time", f"toUnixTimestamp64Milli(toDateTime64OrZero({company_field_sql(field)}, 3, 'UTC'))")
    return Column("text", company_field_sql(field))


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
    searched = compile_company_search(text_of(query, "search"), registry)
    told = compile_where(read_where(query.get("where")), columns)
    return CompanyQuery(
        f"{searched.condition} AND {told.condition.known}",
        {**searched.parameters, **told.parameters},
        page.start,
        page.limit,
        ", ".join(f"{order_keys(columns[order.column])[0]} {order.word()}" for order in orders),
    )


def page_statement(query: CompanyQuery) -> Statement:
    """Rows (id, version, document) of the page."""
    sql = (
        f"SELECT number, version, data FROM {COMPANIES} WHERE {query.condition} ORDER BY {query.order}"
        " LIMIT {limit:UInt64} OFFSET {start:UInt64}"
    )
    return Statement(sql, {**query.parameters, "limit": query.limit, "start": query.start})


def count_statement(query: CompanyQuery) -> Statement:
    """One row with one number."""
    return Statement(f"SELECT count() FROM {COMPANIES} WHERE {query.condition}", query.parameters)
