"""`/api/auditlog`: what was changed, by whom, when and from where; of everything, or of one contact."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, text_of
from services.common.field_values import NOT_VALID, read_time
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.common.php_query import Node
from services.common.queries.comparisons import Column, Columns, compile_where, order_keys
from services.common.queries.where import read_where
from services.contacts.list_parameters import ORDER, PAGE, WHERE, read_orders, read_page
from services.contacts.objects import Json, iso
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.writer import now_us
from services.contacts.shapes import Shown, Time
from services.contacts.stores import Stores

MAX_TEXT = 200
_OBJECT_ID = "if(object_id = '', toString(contact_id), object_id)"
_SHOWN = f"""
SELECT toString(id) AS row_id, toUnixTimestamp64Milli(time) AS time_ms, action, user, user_id, details, object,
    {_OBJECT_ID} AS changed_id, ip
"""
_TIME = Column("time", "toUnixTimestamp64Milli(time)")
_COLUMNS = {
    "object": Column("text", "object"),
    "object_id": Column("text", _OBJECT_ID),
    "action": Column("text", "action"),
    "user_id": Column("reference", "user_id"),
    "user_name": Column("text", "user"),
    "ip_address": Column("text", "ip"),
    "date_added": _TIME,
}
_ALSO = {"user": "user_name", "ip": "ip_address"}
_NARROWED = Columns({"id": Column("text", "toString(id)"), **_COLUMNS}, _ALSO)
_ORDERED = Columns({"id": _TIME, **_COLUMNS}, _ALSO)  # ids have no order of their own
_NEWEST_FIRST = {"orderBy": "date_added", "orderByDir": "DESC"}
_FOUND = """(
    positionCaseInsensitiveUTF8(concat(object, '\n', action, '\n', user, '\n', ip), {search:String}) > 0
    OR positionCaseInsensitiveUTF8(details, {searched_details:String}) > 0
)"""


class Entry(Shown):
    """One thing that was done."""

    id: Annotated[str, Meta(description="A UUID")]
    object: Annotated[str, Meta(examples=["lead"])]
    object_id: Annotated[int | str, Meta(description="Which one; a text where it has no number", examples=[4711])]
    action: Annotated[str, Meta(examples=["update"])]
    user_id: int | None
    user_name: str
    ip_address: str | None
    date_added: Time
    details: Annotated[Any, Meta(description="What was changed, by field: before and after")]


FILTERS = (
    Parameter("object", "Only of this kind", example="lead"),
    Parameter("objectId", "Only this one"),
    Parameter("user", "Only what this user did: a name or a number"),
    Parameter("action", "Only this", example="update"),
    Parameter("dateFrom", "Y-m-d H:i:s in UTC, or another date"),
    Parameter("dateTo", "Y-m-d H:i:s in UTC, or another date"),
    Parameter("search", "A part of the object, action, user or address, or of what was changed"),
    *PAGE,
    *ORDER,
    *WHERE,
)
EVERY = Operation("What was changed, by whom, the newest first", {"total": int, "auditlog": list[Entry]}, FILTERS)
OF_CONTACT = EVERY._replace(
    summary="What was changed of a contact, by whom, the newest first", text="And of all that merged into it."
)


class AuditApi:
    def __init__(self, stores: Stores) -> None:
        self._stores, self._reader = stores, ContactReader(stores)

    def routes(self) -> list[DescribedRoute]:
        return [
            described("/api/auditlog", self.every, get=EVERY),
            described("/api/contacts/{id}/auditlog", self.of_contact, get=OF_CONTACT),
        ]

    async def every(self, request: Request) -> Response:
        """`object`, `objectId`, `user` (name or number), `action`, `dateFrom`, `dateTo`; the newest first."""
        return await self._page(query_of(request))

    async def of_contact(self, request: Request) -> Response:
        """And of all that merged into it; the same filters."""
        contact = await self._reader.find(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return await self._page(query_of(request), contact.ids)

    async def _page(self, query: Mapping[str, Node], contact_ids: Sequence[int] = ()) -> Response:
        asked, (where, parameters), order = read_page(query), read_filters(query, contact_ids), _read_order(query)
        await self._stores.audit.work_off(self._stores.clickhouse)  # what was answered before is told
        page = f"{_SHOWN} {where} ORDER BY {order}, id LIMIT {{limit:UInt64}} OFFSET {{start:UInt64}}"
        rows, total = await asyncio.gather(
            self._stores.clickhouse.query(page, parameters={**parameters, **asked._asdict()}),
            self._stores.clickhouse.query(f"SELECT count() {where}", parameters=parameters),
        )
        entries = [_entry(row) for row in rows.named_results()]
        return json_response({"total": int(total.result_rows[0][0]), "auditlog": entries})


def read_filters(query: Mapping[str, Node], contact_ids: Sequence[int] = ()) -> tuple[str, dict[str, Any]]:
    """The statement's end from FROM on, and its parameters. Raises `ApiError` 400."""
    conditions, parameters = ["1"], dict[str, Any]()
    if contact_ids:
        conditions.append("contact_id IN {contacts:Array(UInt64)}")
        parameters["contacts"] = list(contact_ids)
    for name, condition in (
        ("object", "object = {object:String}"),
        ("objectId", f"{_OBJECT_ID} = {{objectId:String}}"),
        ("user", "(user = {user:String} OR (user_id != 0 AND toString(user_id) = {user:String}))"),
        ("action", "action = {action:String}"),
    ):
        if said := text_of(query, name).strip()[:MAX_TEXT]:
            conditions.append(condition)
            parameters[name] = said
    for name, operator in (("dateFrom", ">="), ("dateTo", "<=")):
        if said := text_of(query, name).strip():
            conditions.append(f"time {operator} fromUnixTimestamp64Milli({{{name}:Int64}}, 'UTC')")
            parameters[name] = _milliseconds(name, said)
    if search := text_of(query, "search").strip()[:MAX_TEXT]:
        conditions.append(_FOUND)
        parameters |= {"search": search, "searched_details": msgspec.json.encode(search).decode()[1:-1]}
    told = compile_where(read_where(query.get("where")), _NARROWED)
    return f"FROM audit FINAL WHERE {' AND '.join([*conditions, told.condition.known])}", parameters | told.parameters


def _read_order(query: Mapping[str, Node]) -> str:
    """The newest first, unless another order is asked for. Raises `ApiError` 400, `QueryError`."""
    is_said = query.get("order") or text_of(query, "orderBy")
    orders = read_orders(query if is_said else _NEWEST_FIRST | {**query, "orderBy": "date_added"}, _ORDERED)
    return ", ".join(f"{order_keys(_ORDERED[one.column])[0]} {one.word()}" for one in orders)


def _milliseconds(name: str, said: str) -> int:
    try:
        return int(read_time(said, now_us=now_us()).timestamp() * 1_000)
    except (ValueError, OverflowError) as error:
        raise ApiError(400, f"{name}: {error}", {name: [NOT_VALID]}) from error


def _entry(row: dict[str, Any]) -> Json:
    return {
        "id": row["row_id"],
        "object": row["object"],
        "objectId": int(row["changed_id"]) if row["changed_id"].isdecimal() else row["changed_id"],
        "action": row["action"],
        "userId": row["user_id"] or None,
        "userName": row["user"],
        "ipAddress": row["ip"] or None,
        "dateAdded": iso(row["time_ms"] * 1_000),
        "details": msgspec.json.decode(row["details"] or "{}"),
    }
