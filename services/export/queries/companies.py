"""Companies of a search as rows of an export. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import Field
from services.common.queries.company_query import COMPANIES, company_field_sql, compile_company_search
from services.export.queries.columns import KINDS, Cell, Column, cells
from services.export.queries.statement import Statement


def company_columns(fields: Mapping[str, Field] = COMPANY_FIELDS) -> dict[str, Column]:
    """By name: id, all fields, and what else is known of a company."""

    def time(name: str) -> str:
        return f"fromUnixTimestamp64Milli(toInt64(intDiv(JSONExtractInt(data, '{name}'), 1000)), 'UTC')"

    said = [
        Column("id", "ID", "integer", "number"),
        *(Column(one.alias, one.label, KINDS.get(one.type, "text"), company_field_sql(one)) for one in fields.values()),
        Column("score", "Score", "integer", "JSONExtractInt(data, 'score')"),
        Column("owner_id", "Owner ID", "integer", "JSONExtractUInt(data, 'owner_id')"),
        Column("date_added", "Date Added", "time", time("added_us")),
        Column("date_modified", "Date Modified", "time", time("modified_us")),
    ]
    return {column.name: column for column in said}


def companies_statement(
    search: str, columns: Sequence[Column], cell: Cell, fields: Mapping[str, Field] = COMPANY_FIELDS
) -> Statement:
    """Of those that the caller may see. Raises `SearchError`."""
    found = compile_company_search(search, fields)
    source = f"FROM {COMPANIES} WHERE {found.condition}"
    return Statement(f"SELECT {cells(columns, cell)} {source}", f"SELECT count() {source}", found.parameters)
