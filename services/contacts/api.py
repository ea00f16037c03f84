"""The REST API on contacts: each handler reads the request, has the work done, and answers in the envelope."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.device import MAX_CONTACT_ID
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object
from services.contacts.change import Change, InvalidChangeError, read_change
from services.contacts.contact import Contact
from services.contacts.contact_list import read_list_query
from services.contacts.contact_object import contact_object
from services.contacts.contact_reader import ContactReader
from services.contacts.metrics import ContactsMetrics
from services.contacts.stores import Stores
from services.contacts.timeline import load_timeline, timeline_object
from services.contacts.timeline_query import read_timeline_query
from services.contacts.writer import BusyError, ContactWriter, ValueTakenError, Written


class ContactsApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user, self._metrics = stores, user, metrics
        self._reader = ContactReader(stores)
        self._writer = ContactWriter(stores, user)

    def routes(self) -> list[Route]:
        return [
            Route("/api/contacts", self.list, methods=["GET"]),
            Route("/api/contacts/new", self.new, methods=["POST"]),
            Route("/api/contacts/{id}", self.one, methods=["GET"]),
            Route("/api/contacts/{id}/edit", self.edit, methods=["PUT", "PATCH"]),
            Route("/api/contacts/{id}/delete", self.delete, methods=["DELETE"]),
            Route("/api/contacts/{id}/activity", self.activity, methods=["GET"]),
            Route("/api/contacts/{id}/events", self.activity, methods=["GET"]),  # its name in old clients
        ]

    async def list(self, request: Request) -> Response:
        page = await self._reader.page(read_list_query(query_of(request)))
        self._metrics.reads.add(value="list")
        contacts = {str(contact.id): contact_object(contact, self._user) for contact in page.contacts}
        return json_response({"total": str(page.total), "contacts": contacts})

    async def one(self, request: Request) -> Response:
        contact = await self._find(request)
        self._metrics.reads.add(value="one")
        return self._answer(contact)

    async def activity(self, request: Request) -> Response:
        query = read_timeline_query(query_of(request))
        contact = await self._find(request)
        timeline = await load_timeline(self._stores.clickhouse, contact, query)
        self._metrics.reads.add(value="timeline")
        return json_response(timeline_object(contact, query, timeline))

    async def new(self, request: Request) -> Response:
        return await self._create(self._change(await read_object(request)))

    async def edit(self, request: Request) -> Response:
        """PATCH changes what it names; PUT also blanks what it does not, and makes a contact of an unknown id."""
        contact_id = contact_id_of(request)
        replaces = request.method == "PUT"
        body = await read_object(request)
        change = self._change(body, replaces=replaces)
        try:
            written = await self._writer.edit(contact_id, change, await self._first_seen_us(contact_id))
        except BusyError:
            raise self._busy() from None
        if written is None:
            if replaces:
                return await self._create(self._change(body))  # it may match somebody, who must not be blanked
            raise ApiError(404, NOT_FOUND)
        self._metrics.writes.add(value="edited")
        return self._answer(await self._reader.shown(written.profile))

    async def delete(self, request: Request) -> Response:
        contact = await self._find(request)
        try:
            gone = await self._writer.delete(contact.id, contact.footprint.first_seen_ms * 1_000)
        except BusyError:
            raise self._busy() from None
        if gone is None:
            raise ApiError(404, NOT_FOUND)
        self._metrics.writes.add(value="deleted")
        return json_response({"contact": {**contact_object(contact, self._user), "id": None}})

    async def _create(self, change: Change) -> Response:
        try:
            written = await self._writer.create(change)
        except BusyError:
            raise self._busy() from None
        except ValueTakenError as error:
            self._metrics.writes.add(value="refused")
            taken = f"This value belongs to contact {error.contact_id}, which contradicts the rest."
            raise ApiError(400, f"{error.value.field}: {taken}", {error.value.field: [taken]}) from error
        self._metrics.writes.add(value="created" if written.is_new else "upserted")
        return await self._created(written)

    async def _created(self, written: Written) -> Response:
        contact = await self._reader.shown(written.profile)
        if not written.is_new:
            return self._answer(contact)
        return self._answer(contact, 201, {"Location": f"/api/contacts/{contact.id}"})

    def _answer(self, contact: Contact, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        return json_response({"contact": contact_object(contact, self._user)}, status, headers)

    async def _find(self, request: Request) -> Contact:
        contact = await self._reader.one(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact

    async def _first_seen_us(self, contact_id: int) -> int:
        """When an anonymous visitor first came; 0 for everybody else."""
        contact = await self._reader.one(contact_id)
        return contact.footprint.first_seen_ms * 1_000 if contact and contact.view is None else 0

    def _change(self, body: dict[str, object], *, replaces: bool = False) -> Change:
        try:
            return read_change(body, replaces=replaces)
        except InvalidChangeError as error:
            self._metrics.writes.add(value="refused")
            raise ApiError(400, str(error), error.details) from error

    def _busy(self) -> ApiError:
        self._metrics.writes.add(value="busy")
        return ApiError(503, "The contact is being changed by others; try again.")


def contact_id_of(request: Request, name: str = "id") -> int:
    """The id in the path. Raises `ApiError` 404 for anything that can be no id."""
    text = request.path_params[name]
    if not re.fullmatch(r"[0-9]{1,16}", text, re.ASCII) or not 0 < int(text) <= MAX_CONTACT_ID:
        raise ApiError(404, NOT_FOUND)
    return int(text)
