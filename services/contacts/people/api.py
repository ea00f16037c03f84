"""The REST API on contacts: each handler reads the request, has the work done, and answers in the envelope."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.device import MAX_CONTACT_ID
from services.common.envelope import NOT_FOUND, ApiError, base_url_of, json_response, query_of, read_object, text_of
from services.common.operation import DescribedRoute, Operation, by_id, described
from services.common.queries.segments import load_memberships
from services.contacts.list_parameters import LISTED, read_shape
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.contact import Contact
from services.contacts.people.contact_list import read_list_query
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.contact_shapes import Contact as Shown
from services.contacts.people.contact_shapes import ContactChange, ContactPart
from services.contacts.people.editor import ContactEditor
from services.contacts.people.projector import Collected
from services.contacts.people.writer import Written, now_us
from services.contacts.stores import Stores
from services.contacts.timeline.timeline import load_timeline, timeline_object
from services.contacts.timeline.timeline_query import read_timeline_query
from services.contacts.timeline.timeline_shapes import FILTERS, HISTORY

MINIMAL = ("id", "points", "color", "fields")
ONE = {"contact": Shown}
MERGED = "An id that merged into another one means that one."

LIST = Operation(
    "List and search contacts",
    {"total": Annotated[str, Meta(description="A number as text", examples=["1"])], "contacts": by_id(ContactPart)},
    LISTED,
)
NEW = Operation(
    "Create a contact, or update the one that holds the e-mail address",
    ONE,
    body=ContactChange,
    success={200: "Updated", 201: "New, with Location"},
)
CHANGE = Operation(
    "Change what is named", ONE, body=ContactChange, text=f"Blanks change nothing unless overwriteWithBlank. {MERGED}"
)
REPLACE = Operation(
    "Replace: fields that are not named are blanked",
    ONE,
    body=ContactChange,
    text="Points, tags, owner and stage stay. An unknown id makes a new contact under an id of its own.",
    success={200: "Replaced", 201: "New: the id was unknown"},
)
DELETE = Operation("Delete a contact", ONE, text=MERGED, success={200: "As it was, with the id null"})
TIMELINE = Operation("The history of a contact", HISTORY, FILTERS)


class ContactsApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user, self._metrics = stores, user, metrics
        self._reader = ContactReader(stores)
        self._editor = ContactEditor(stores, user, metrics)

    def routes(self) -> list[DescribedRoute]:
        history = "/api/contacts/{id}/activity"
        return [
            described("/api/contacts", self.list, get=LIST),
            described("/api/contacts/new", self.new, post=NEW),
            described("/api/contacts/{id}", self.one, get=Operation("One contact", ONE, text=MERGED)),
            described("/api/contacts/{id}/edit", self.edit, patch=CHANGE, put=REPLACE),
            described("/api/contacts/{id}/delete", self.delete, delete=DELETE),
            described(history, self.activity, get=TIMELINE),
            described("/api/contacts/{id}/events", self.activity, get=TIMELINE, old_name_of=history),
        ]

    async def list(self, request: Request) -> Response:
        query = query_of(request)
        shape = read_shape(query)
        fields = (await self._stores.fields.now()).fields
        segments = await load_memberships(self._stores.clickhouse, text_of(query, "search"))
        page = await self._reader.page(read_list_query(query, self._user, fields, segments))
        self._metrics.reads.add(value="list")
        contacts = {
            str(contact.id): shape.of(contact_object(contact, self._user), MINIMAL) for contact in page.contacts
        }
        return json_response({"total": str(page.total), "contacts": contacts})

    async def one(self, request: Request) -> Response:
        contact = _there(await self._reader.one(contact_id_of(request)))
        self._metrics.reads.add(value="one")
        return self._answer(contact)

    async def activity(self, request: Request) -> Response:
        query = read_timeline_query(query_of(request), now_us())
        contact = _there(await self._reader.find(contact_id_of(request)))
        timeline = await load_timeline(self._stores.clickhouse, contact, query)
        self._metrics.reads.add(value="timeline")
        return json_response(timeline_object(contact, query, timeline, base_url_of(request)))

    async def new(self, request: Request) -> Response:
        body = await read_object(request)
        return await self._written(lambda editor: editor.create(body))

    async def edit(self, request: Request) -> Response:
        """PATCH changes what it names; PUT also blanks what it does not, and makes a contact of an unknown id."""
        contact_id, body = contact_id_of(request), await read_object(request)
        return await self._written(lambda editor: editor.edit(contact_id, body, replaces=request.method == "PUT"))

    async def delete(self, request: Request) -> Response:
        gone = await self._editor.delete(contact_id_of(request))
        return json_response({"contact": {**contact_object(gone, self._user), "id": None}})

    async def _written(self, write: Callable[[ContactEditor], Awaitable[Written]]) -> Response:
        """What its visits say is read, and the audit written, while it goes to ClickHouse."""
        collected = Collected(self._stores.projector)
        written = await write(ContactEditor(self._stores, self._user, self._metrics, collected))
        contact, *_ = await asyncio.gather(
            self._reader.shown(written.profile, is_new=written.is_new),
            collected.flush(),
            self._stores.audit.append_noted(),
        )
        if not written.is_new:
            return self._answer(contact)
        return self._answer(contact, 201, {"Location": f"/api/contacts/{contact.id}"})

    def _answer(self, contact: Contact, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        return json_response({"contact": contact_object(contact, self._user)}, status, headers)


def _there(contact: Contact | None) -> Contact:
    if contact is None:
        raise ApiError(404, NOT_FOUND)
    return contact


def contact_id_of(request: Request, name: str = "id") -> int:
    """The id in the path. Raises `ApiError` 404 for anything that can be no id."""
    return read_contact_id(request.path_params[name])


def read_contact_id(said: object) -> int:
    """Raises `ApiError` 404 for anything that can be no id."""
    text = str(said)
    if not re.fullmatch(r"[0-9]{1,16}", text, re.ASCII) or not 0 < int(text) <= MAX_CONTACT_ID:
        raise ApiError(404, NOT_FOUND)
    return int(text)
