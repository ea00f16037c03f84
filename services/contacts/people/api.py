"""The REST API on contacts: each handler reads the request, has the work done, and answers in the envelope."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.device import MAX_CONTACT_ID
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object, text_of
from services.common.queries.segments import load_memberships
from services.contacts.list_parameters import read_shape
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.contact import Contact
from services.contacts.people.contact_list import read_list_query
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.editor import ContactEditor
from services.contacts.people.writer import Written
from services.contacts.stores import Stores
from services.contacts.timeline.timeline import load_timeline, timeline_object
from services.contacts.timeline.timeline_query import read_timeline_query

MINIMAL = ("id", "points", "color", "fields")


class ContactsApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user, self._metrics = stores, user, metrics
        self._reader = ContactReader(stores)
        self._editor = ContactEditor(stores, user, metrics)

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
        return await self._written(await self._editor.create(await read_object(request)))

    async def edit(self, request: Request) -> Response:
        """PATCH changes what it names; PUT also blanks what it does not, and makes a contact of an unknown id."""
        contact_id, body = contact_id_of(request), await read_object(request)
        return await self._written(await self._editor.edit(contact_id, body, replaces=request.method == "PUT"))

    async def delete(self, request: Request) -> Response:
        gone = await self._editor.delete(contact_id_of(request))
        return json_response({"contact": {**contact_object(gone, self._user), "id": None}})

    async def _written(self, written: Written) -> Response:
        contact = await self._reader.shown(written.profile, is_new=written.is_new)
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


def contact_id_of(request: Request, name: str = "id") -> int:
    """The id in the path. Raises `ApiError` 404 for anything that can be no id."""
    return read_contact_id(request.path_params[name])


def read_contact_id(said: object) -> int:
    """Raises `ApiError` 404 for anything that can be no id."""
    text = str(said)
    if not re.fullmatch(r"[0-9]{1,16}", text, re.ASCII) or not 0 < int(text) <= MAX_CONTACT_ID:
        raise ApiError(404, NOT_FOUND)
    return int(text)
