"""Contacts in segments: who is added or removed by hand, and in which segments a contact is now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.documents import SEGMENT, Segment, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.operation import DescribedRoute, Operation, by_id, described
from services.common.profile import Member, newest
from services.common.queries.segments import is_seen, load_segments
from services.common.records import Ref
from services.contacts.batch import read_ids
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json, iso
from services.contacts.people.api import contact_id_of, read_contact_id
from services.contacts.people.change import Change
from services.contacts.people.contact import Contact
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.editor import ContactEditor
from services.contacts.segments.membership import segments_of
from services.contacts.segments.segment_shapes import Added, SegmentOfContact
from services.contacts.shapes import DONE, Id, Said
from services.contacts.stores import Stores
from services.contacts.users.ownership import VIEW, check_record

MAX_CONTACTS = 1_000
AT_ONCE = 16
NAMES = ("segments", "lists")  # the latter in old clients


class Ids(Said):
    """Contacts, by their ids."""

    ids: Annotated[list[Id], Meta(min_length=1, max_length=MAX_CONTACTS, examples=[[4711, 4712]])]


ADD_ALL = Operation(
    f"Add up to {MAX_CONTACTS:,} contacts to a segment by hand", {**DONE, "details": by_id(Added)}, body=Ids
)
LISTS_OF = Operation("The segments that a contact is in now", {"total": int, "lists": by_id(SegmentOfContact)})
LINKS = {
    "add": Operation("Add a contact to a segment by hand", DONE, text="It stays in, whatever the filters say."),
    "remove": Operation(
        "Remove a contact from a segment by hand", DONE, text="It stays out, whatever the filters say."
    ),
}


class SegmentMembersApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores = stores
        self._editor = ContactEditor(stores, user, metrics)
        self._reader = ContactReader(stores)

    def routes(self) -> list[DescribedRoute]:
        routes = [described("/api/contacts/{id}/segments", self.of_contact, get=LISTS_OF)]
        for name in NAMES:
            routes.append(self._described(f"/api/{name}/{{id}}/contacts/add", "contacts/add", self.add_all, ADD_ALL))
            for word, operation in LINKS.items():
                link, now = self._link(is_in=word == "add"), f"contact/{{contact}}/{word}"
                for path in (now, f"contact/{word}/{{contact}}"):
                    routes.append(self._described(f"/api/{name}/{{id}}/{path}", now, link, operation))
        return routes

    def _described(self, path: str, now: str, handler: Any, operation: Operation) -> DescribedRoute:
        """`now` is how its path ends in new clients."""
        name = f"/api/{NAMES[0]}/{{id}}/{now}"
        return described(path, handler, post=operation, old_name_of="" if path == name else name)

    def _link(self, *, is_in: bool) -> Callable[[Request], Any]:
        async def link(request: Request) -> Response:
            contact_id, (segment_id, name) = contact_id_of(request, "contact"), await self._segment(request)
            await self._editor.change(contact_id, Change(segments={segment_id: is_in}, subject=name))
            return json_response({"success": 1})

        return link

    async def add_all(self, request: Request) -> Response:
        """`ids`: contacts; what became of each is told under its id."""
        (segment_id, name), ids = await self._segment(request), read_ids({}, await read_object(request))
        if not 0 < len(ids) <= MAX_CONTACTS:
            text = f"From 1 to {MAX_CONTACTS} ids of contacts are needed."
            raise ApiError(400, text, {"ids": [text]})
        turns = asyncio.Semaphore(AT_ONCE)

        async def add(said: str) -> Json:
            async with turns:
                try:
                    await self._editor.change(read_contact_id(said), Change(segments={segment_id: True}, subject=name))
                except ApiError as error:
                    return {"success": False, "error": error.message}
                return {"success": True}

        wanted = list(dict.fromkeys(ids))
        details = dict(zip(wanted, await asyncio.gather(*map(add, wanted)), strict=True))
        return json_response({"success": 1, "details": details})

    async def of_contact(self, request: Request) -> Response:
        """By id. Since when a contact fits the filters is known of nobody: `dateAdded` is that of a word by hand."""
        contact = await self._reader.find(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        segments, words = await load_segments(self._stores.clickhouse), await self._words(contact)
        lists = {}
        for number in await segments_of(self._stores.clickhouse, contact, segments):
            segment, word = segments[number], words.get(number)
            if not is_seen(segment):
                continue
            lists[str(number)] = {
                "id": number,
                "name": segment.name,
                "alias": segment.alias,
                "dateAdded": iso(word.time_us) if word and word.is_in else None,
                "manuallyAdded": bool(word and word.is_in),
                "manuallyRemoved": False,
            }
        return json_response({"total": len(lists), "lists": lists})

    async def _words(self, contact: Contact) -> dict[int, Member]:
        """What was said by hand of each segment."""
        if contact.view is None or not contact.view.segments:
            return {}
        profile = await self._stores.profiles.resolve(contact.id)
        return newest([part.segments for part in profile.parts()]) if profile else {}

    async def _segment(self, request: Request) -> tuple[int, str]:
        """Its id and its name."""
        segment_id = contact_id_of(request)
        record = await self._stores.records.one(Ref(SEGMENT, str(segment_id)))
        if record is None:
            raise ApiError(404, NOT_FOUND)
        segment = decode_document(record.data, Segment)
        check_record(SEGMENT, VIEW, segment)
        return segment_id, segment.name
