"""UTM tags of a contact that no hit brought: recorded and removed by calls of the API."""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.common.audit import LEAD, note
from services.common.clickhouse import insert_rows
from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.event_types import UTM
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.common.queries.contact_query import ADDRESS_KIND
from services.common.tables import EVENTS, EventRow
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import short_id
from services.contacts.people.api import contact_id_of
from services.contacts.people.change import Change, InvalidChangeError
from services.contacts.people.change_body import read_change
from services.contacts.people.contact import Contact
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.contact_shapes import Contact as Shown
from services.contacts.people.editor import ContactEditor
from services.contacts.people.utm_query import write_utm_query
from services.contacts.records.record_body import MAX_URL_LENGTH, RecordBody
from services.contacts.shapes import Said
from services.contacts.stores import Stores

_COLUMNS = {
    **{f"utm_{name}": f"utm_{name}" for name in ("campaign", "source", "medium", "content", "term")},
    "url": "url", "referer": "referrer", "useragent": "user_agent", "user_agent": "user_agent",
}  # fmt: skip
_BLANK = EventRow("", 0, 0, "", "", "", "", "", "", "", "", "", "", "", "", "", 0.0, 0.0, "", "", "", "", "", "", "",
                  "", "", "", 0)  # fmt: skip
_ADDED = """
SELECT key FROM footprints FINAL PREWHERE contact_id IN {ids:Array(UInt64)}
WHERE kind != {address:UInt8} AND texts[1] = {type:String}
"""
# What it is found by goes last: whatever a crash leaves, the same call again removes.
_REMOVE = (
    "ALTER TABLE events DELETE WHERE contact_id IN {ids:Array(UInt64)} AND event_id = {event:UUID}"
    " AND type = {type:String}",
    "ALTER TABLE footprints DELETE WHERE contact_id IN {ids:Array(UInt64)} AND key = {event:String}",
)

_Text = Annotated[str, Meta(max_length=MAX_URL_LENGTH)] | UnsetType


class UtmBody(Said, rename=None):
    """At least one of utm_*; lastActive is the contact's."""

    utm_campaign: Annotated[str, Meta(max_length=MAX_URL_LENGTH, examples=["spring"])] | UnsetType = UNSET
    utm_source: _Text = UNSET
    utm_medium: _Text = UNSET
    utm_content: _Text = UNSET
    utm_term: _Text = UNSET
    url: _Text = UNSET
    referer: _Text = UNSET
    remotehost: _Text = UNSET
    useragent: _Text = UNSET
    query: dict[str, str] | str | UnsetType = UNSET
    lastActive: str | UnsetType = UNSET


ADD = Operation("Record UTM tags that no hit brought", {"contact": Shown}, body=UtmBody)
REMOVE = Operation(
    "Remove UTM tags that a call recorded",
    {"recordFound": bool, "contact": Shown},
    (Parameter("utm", "The id of the tags", int, 4711, "path"),),
    text="Those that came with a hit are part of it, and stay.",
    errors={400: "The id of the tags is no number"},
)


class UtmApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user = stores, user
        self._editor = ContactEditor(stores, user, metrics)
        self._reader = ContactReader(stores)

    def routes(self) -> list[DescribedRoute]:
        return [
            described("/api/contacts/{id}/utm/add", self.add, post=ADD),
            described("/api/contacts/{id}/utm/{utm}/remove", self.remove, post=REMOVE),
        ]

    async def add(self, request: Request) -> Response:
        """`utm_*`, `url`, `referer`, `remotehost`, `useragent`, `query`; `lastActive` is the contact's."""
        contact_id, body = contact_id_of(request), await read_object(request)
        said = _read(body)
        contact = await self._find(contact_id)
        change = _last_active(body)
        if change.fields:
            await self._editor.change(contact.id, change)
        await self._stores.check_clickhouse()
        row = _row(contact.id, time.time_ns() // 1_000_000, said)
        await insert_rows(self._stores.clickhouse, EVENTS, [row])
        note("utmadd", LEAD, contact.id, {"utm": [None, said]}, contact_id=contact.id)
        return json_response({"contact": contact_object(await self._find(contact_id), self._user)})

    async def remove(self, request: Request) -> Response:
        """Those that came with a hit are part of it, and stay."""
        contact_id, utm_id = contact_id_of(request), request.path_params["utm"]
        if not utm_id.isdecimal():
            raise ApiError(400, "The id of UTM tags is a number.")
        contact = await self._find(contact_id)
        found = [one for one in await self._added(contact) if str(short_id("utm", one)) == utm_id]
        for event_id in found:
            parameters = {"ids": contact.ids, "event": event_id, "type": UTM}
            for statement in _REMOVE:
                await self._stores.clickhouse.command(statement, parameters=parameters, settings={"mutations_sync": 2})
            note("utmremove", LEAD, contact.id, {"utm": [event_id, None]}, contact_id=contact.id)
        shown = contact_object(await self._find(contact_id), self._user)
        return json_response({"recordFound": bool(found), "contact": shown})

    async def _added(self, contact: Contact) -> list[str]:
        """The event ids of all that calls have recorded, also of those that are too old to be shown."""
        parameters = {"ids": contact.ids, "address": ADDRESS_KIND, "type": UTM}
        return [row[0] for row in (await self._stores.clickhouse.query(_ADDED, parameters=parameters)).result_rows]

    async def _find(self, contact_id: int) -> Contact:
        contact = await self._reader.one(contact_id)
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact


def _read(said: dict[str, Any]) -> dict[str, str]:
    """By column."""
    body = RecordBody(said)
    columns = {column: text for name, column in _COLUMNS.items() if (text := body.text(name, most=MAX_URL_LENGTH))}
    query, remote_host = said.get("query"), body.text("remotehost", most=MAX_URL_LENGTH)
    if isinstance(query, dict):
        text = urlencode({str(name): str(value) for name, value in query.items()})[:MAX_URL_LENGTH]
    else:
        text = body.text("query", most=MAX_URL_LENGTH) if query else ""
    if kept := write_utm_query(text, remote_host):
        columns["query"] = kept
    body.refuse_if_wrong()
    if not any(column.startswith("utm_") for column in columns):
        raise ApiError(400, "One of utm_campaign, utm_source, utm_medium, utm_content, utm_term is needed.")
    return columns


def _row(contact_id: int, now_ms: int, said: dict[str, str]) -> EventRow:
    """`said` by column."""
    return msgspec.structs.replace(
        _BLANK, event_id=str(uuid.uuid4()), contact_id=contact_id, time=now_ms, type=UTM, received_at=now_ms, **said
    )


def _last_active(body: dict[str, Any]) -> Change:
    try:
        said = {name: body[name] for name in ("lastActive",) if name in body}
        return read_change(said, now_us=time.time_ns() // 1_000)
    except InvalidChangeError as error:
        raise ApiError(400, str(error), error.details) from error
