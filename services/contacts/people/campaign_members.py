"""The members of a campaign, as a request asks for them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.php_query import Node
from services.common.queries.comparisons import Column, Columns, compile_where, order_keys
from services.common.queries.contact_query import TRUE
from services.common.queries.where import read_where
from services.contacts.list_parameters import read_orders, read_page

DEFAULT_LIMIT = "100"
# The newest word is that the contact joined; it may be one that merged into it who said so.
_JOINED_US = """greatest(
    JSONExtractUInt(profile, 'own', 'campaigns', toString({campaign:UInt64}), 2),
    arrayMax(arrayPushBack(arrayMap(
        part -> JSONExtractUInt(part, 'campaigns', toString({campaign:UInt64}), 2),
        mapValues(JSONExtract(profile, 'losers', 'Map(String, String)'))
    ), toUInt64(0)))
)"""
_COLUMNS = Columns(
    {
        "id": Column("reference", "id"),
        "campaign_id": Column("reference", "{campaign:UInt64}"),
        "date_added": Column("time", f"toInt64(intDiv({_JOINED_US}, 1000))"),
        "manually_added": Column("number", "toUInt8(1)"),
        "manually_removed": Column("number", "toUInt8(0)"),
    },
    {"lead_id": "id", "contact_id": "id"},
)


class Members(NamedTuple):
    """SQL for a page of contact ids, and for the number of all; both with these parameters."""

    page: str
    total: str
    parameters: dict[str, Any]


def read_members(campaign_id: int, query: Mapping[str, Node], only: str = "") -> Members:
    """`only`: SQL of whom the caller may see, '' for all. Raises `ApiError` 400, `QueryError`."""
    asked = read_page({"limit": DEFAULT_LIMIT, **query})
    told, orders = compile_where(read_where(query.get("where")), _COLUMNS), read_orders(query, _COLUMNS)
    rows = f"contacts FINAL WHERE has(campaigns, {{campaign:UInt64}}) AND {told.condition.known} AND {only or TRUE}"
    order = ", ".join(f"{order_keys(_COLUMNS[one.column])[0]} {one.word()}" for one in orders)
    page = f"SELECT id FROM {rows} ORDER BY {order} LIMIT {{limit:UInt64}} OFFSET {{start:UInt64}}"
    parameters = {**told.parameters, "campaign": campaign_id, "start": asked.start, "limit": asked.limit}
    return Members(page, f"SELECT count() FROM {rows}", parameters)
