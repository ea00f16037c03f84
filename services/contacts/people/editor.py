"""Creates, edits and deletes contacts as requests ask for it: what a handler of one or of many has done by it.

What goes wrong is an `ApiError` with the status that it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.common.documents import STAGE
from services.common.envelope import NOT_FOUND, ApiError
from services.common.notes import remove_notes
from services.common.records import Ref
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.change import Change, InvalidChangeError, no_owner, no_stage, read_change
from services.contacts.people.contact import Contact
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.projector import Projection
from services.contacts.people.writer import ContactWriter, ValueTakenError, Written
from services.contacts.stores import BusyError, Stores
from services.contacts.users.ownership import check_create


class ContactEditor:
    def __init__(
        self, stores: Stores, user: str, metrics: ContactsMetrics, projection: Projection | None = None
    ) -> None:
        self._stores, self._records, self._metrics = stores, stores.records, metrics
        self._reader = ContactReader(stores)
        self._writer = ContactWriter(stores, user, projection)

    async def create(self, body: Mapping[str, Any]) -> Written:
        """A new contact, or the one that holds the unique values that the body gives."""
        change = await self._checked(body, is_new=True)
        try:
            written = await self._writer.create(change)
        except BusyError:
            raise self._busy() from None
        except ValueTakenError as error:
            self._metrics.writes.add(value="refused")
            taken = f"This value belongs to contact {error.contact_id}, which contradicts the rest."
            raise ApiError(400, f"{error.value.field}: {taken}", {error.value.field: [taken]}) from error
        self._metrics.writes.add(value="created" if written.is_new else "upserted")
        return written

    async def edit(self, contact_id: int, body: Mapping[str, Any], *, replaces: bool = False) -> Written:
        """`replaces` is PUT: it also blanks what the body does not name, and makes a contact of an unknown id."""
        written = await self._edit(contact_id, await self._checked(body, replaces=replaces))
        if written is None:
            if replaces:
                check_create("/api/contacts")
                return await self.create(body)  # it may match somebody, who must not be blanked
            raise ApiError(404, NOT_FOUND)
        return written

    async def change(self, contact_id: int, change: Change) -> Written:
        written = await self._edit(contact_id, change)
        if written is None:
            raise ApiError(404, NOT_FOUND)
        return written

    async def delete(self, contact_id: int) -> Contact:
        """The contact as it was."""
        contact = await self._reader.one(contact_id)
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        try:
            gone = await self._writer.delete(contact.id, contact.footprint.first_seen_ms * 1_000)
        except BusyError:
            raise self._busy() from None
        if gone is None:
            raise ApiError(404, NOT_FOUND)
        await remove_notes(self._records, self._stores.clickhouse, contact.ids)
        self._metrics.writes.add(value="deleted")
        return contact

    async def _edit(self, contact_id: int, change: Change) -> Written | None:
        try:
            written = await self._writer.edit(contact_id, change, await self._reader.first_seen_us(contact_id))
        except BusyError:
            raise self._busy() from None
        if written is not None:
            self._metrics.writes.add(value="edited")
        return written

    async def _checked(self, body: Mapping[str, Any], *, replaces: bool = False, is_new: bool = False) -> Change:
        registry = (await self._stores.fields.now()).fields
        try:
            change = read_change(body, replaces=replaces, is_new=is_new, registry=registry)
            if change.stage_id and not await self._records.one(Ref(STAGE, str(change.stage_id))):
                raise InvalidChangeError({"stage": [no_stage(change.stage_id)]})
            if change.owner_id and not await self._stores.owners({change.owner_id}):
                raise InvalidChangeError({"owner": [no_owner(change.owner_id)]})
        except InvalidChangeError as error:
            self._metrics.writes.add(value="refused")
            raise ApiError(400, str(error), error.details) from error
        return change

    def _busy(self) -> ApiError:
        self._metrics.writes.add(value="busy")
        return ApiError(503, "The contact is being changed by others; try again.")
