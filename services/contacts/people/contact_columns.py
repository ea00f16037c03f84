"""The columns that a list of contacts can be narrowed and ordered by. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from services.common.contact_fields import FIELDS, Field
from services.common.queries.comparisons import Column, Columns
from services.common.queries.contact_query import field_sql

# What visits say of a known contact too, so that its row must be joined with them.
SEEN_COLUMNS = frozenset({"date_added", "last_active"})

_OWN = {
    "id": Column("reference", "id", "id"),
    "date_added": Column("time", "toUnixTimestamp64Milli(date_added)", "toUnixTimestamp64Milli(first_seen)"),
    "date_modified": Column("time", "toUnixTimestamp64Milli(date_modified)"),
    "date_identified": Column("time", "toUnixTimestamp64Milli(date_identified)"),
    "last_active": Column("time", "toUnixTimestamp64Milli(last_active)", "toUnixTimestamp64Milli(last_active)"),
    "points": Column("number", "points", "toInt32(0)"),
    "owner_id": Column("reference", "owner_id"),
    "stage_id": Column("reference", "stage_id"),
    "is_published": Column("number", "toUInt8(1)", "toUInt8(1)"),
}
_ALSO = {"owner": "owner_id", "stage": "stage_id"}


def contact_columns(fields: Mapping[str, Field] = FIELDS) -> Columns:
    told = {alias: _column(field) for alias, field in fields.items() if alias not in _OWN}
    return Columns({**_OWN, **told}, _ALSO)


def _column(field: Field) -> Column:
    sql = field_sql(field.alias)
    if field.alias == "email":
        return Column("email", sql)
    if field.type in ("number", "boolean"):
        return Column(field.type, f"toFloat64OrNull({sql})")
    if field.type in ("date", "datetime"):
        return Column("time", f"toUnixTimestamp64Milli(toDateTime64OrZero({sql}, 3, 'UTC'))")
    return Column("text", f"toString({sql})" if field.alias == "country" else sql)
