"""Several contacts in one request: all that they become goes to ClickHouse in one insert."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from services.contacts.batch import MAX_ITEMS, Told, lanes, unique_marks
from services.contacts.batch_api import BatchApi
from services.contacts.batch_operations import batch_operations
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.people.api import read_contact_id
from services.contacts.people.contact import Contact
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.contact_shapes import Contact as Shown
from services.contacts.people.contact_shapes import ContactChange
from services.contacts.people.editor import ContactEditor
from services.contacts.people.projector import Collected
from services.contacts.people.writer import Written
from services.contacts.stores import Stores


def contact_batch_api(stores: Stores, user: str, metrics: ContactsMetrics) -> BatchApi:
    said = batch_operations("contacts", Shown, ContactChange)
    new = said.new._replace(summary=f"Create or update up to {MAX_ITEMS} contacts")
    return BatchApi("/api/contacts", "contacts", lambda: ContactBatch(stores, user, metrics), said._replace(new=new))


class ContactBatch:
    """Of one request."""

    at_once = 200

    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user = stores, user
        self._reader = ContactReader(stores)
        self._collected = Collected(stores.projector)
        self._editor = ContactEditor(stores, user, metrics, self._collected)

    async def lanes(self, items: Mapping[str, Any]) -> list[list[str]]:
        return lanes(items, unique_marks((await self._stores.fields.now()).unique))

    async def create(self, body: Json) -> Written:
        return await self._editor.create(body)

    async def change(self, said_id: str, body: Json, *, replaces: bool) -> Written:
        return await self._editor.edit(read_contact_id(said_id), body, replaces=replaces)

    async def remove(self, said_id: str) -> Contact:
        return await self._editor.delete(read_contact_id(said_id))

    async def written(self, done: Mapping[str, Written]) -> Mapping[str, Told]:
        """One that was written more than once is shown as it is after all of it."""
        newest = {one.profile.id: one.profile for one in done.values()}
        new = {one.profile.id for one in done.values() if one.is_new}
        shown, *_ = await asyncio.gather(
            self._reader.all_shown(list(newest.values()), new),
            self._collected.flush(),
            self._stores.audit.append_noted(),
        )
        contacts = {contact.id: contact for contact in shown}
        return {
            key: Told(contact_object(contacts[one.profile.id], self._user), one.is_new) for key, one in done.items()
        }

    async def removed(self, done: Mapping[str, Contact]) -> Mapping[str, Json]:
        await self._collected.flush()
        return {key: contact_object(one, self._user) for key, one in done.items()}
