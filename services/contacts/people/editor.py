"""Creates, edits and deletes contacts as requests ask for it: what a handler of one or of many has done by it.

What goes wrong is an `ApiError` with the status that it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from services.common.caller import sees_others
from services.common.documents import CATEGORY, CONTACT_CATEGORIES, STAGE, Category, Stage, decode_document
from services.common.envelope import NOT_FOUND, ApiError
from services.common.images import has_images, remove_images
from services.common.notes import remove_notes
from services.common.records import Ref
from services.contacts.mail.office import MailOffice
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.change import Change, InvalidChangeError
from services.contacts.people.change_body import no_owner, no_stage, read_change
from services.contacts.people.contact import Contact
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.projector import Projection
from services.contacts.people.writer import ContactWriter, ValueTakenError, Written, now_us
from services.contacts.stores import BusyError, Stores
from services.contacts.users.ownership import VIEW, check_contact, check_create


def taken_by(contact_id: int) -> str:
    return f"This value belongs to contact {contact_id}, which contradicts the rest."


class ContactEditor:
    def __init__(
        self, stores: Stores, user: str, metrics: ContactsMetrics, projection: Projection | None = None
    ) -> None:
        self._stores, self._records, self._metrics = stores, stores.records, metrics
        self._reader, self._mails = ContactReader(stores), MailOffice(stores)
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
            taken = taken_by(error.contact_id)
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
        if has_images(gone):
            await remove_images(self._stores.clickhouse, gone.ids())
        await self._mails.cancel_all(contact.ids)
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
            change = read_change(body, replaces=replaces, is_new=is_new, registry=registry, now_us=now_us())
            if change.stage_id or change.stage_name:
                change = await self._with_stage(change)
            if change.owner_id and not await self._stores.owners({change.owner_id}):
                raise InvalidChangeError({"owner": [no_owner(change.owner_id)]})
            await self._check_categories(change)
            await self._check_companies(change)
        except InvalidChangeError as error:
            self._metrics.writes.add(value="refused")
            raise ApiError(400, str(error), error.details) from error
        return change

    async def _with_stage(self, change: Change) -> Change:
        """With the id and the name of the stage, whichever of them was said. Raises `InvalidChangeError`."""
        stage_id = change.stage_id
        record = await self._records.one(Ref(STAGE, str(stage_id))) if stage_id else None
        if record:
            return msgspec.structs.replace(change, stage_name=decode_document(record.data, Stage).name)
        name = change.stage_name or str(stage_id)
        stage_id = await self._reader.stage_named(name)
        if not stage_id:
            raise InvalidChangeError({"stage": [no_stage(name)]})
        return msgspec.structs.replace(change, stage_id=stage_id, stage_name=name)

    async def _check_categories(self, change: Change) -> None:
        """Raises `InvalidChangeError` for one that is not there, or that is of something else."""
        found = await self._records.load(Ref(CATEGORY, str(one)) for one in change.categories)
        for one in change.categories:
            record = found.get(Ref(CATEGORY, str(one)))
            if not record or not record.data or decode_document(record.data, Category).bundle != CONTACT_CATEGORIES:
                raise InvalidChangeError({"categories": [f"There is no category {one}."]})

    async def _check_companies(self, change: Change) -> None:
        """Whether the caller may see those that are to be joined. Raises `ApiError` 403."""
        joined = [company_id for company_id, is_in in change.memberships.words.items() if is_in]
        if joined and not sees_others():
            for company in (await self._stores.companies.load(joined)).values():
                check_contact(company.owner_id, company.created_by_id, VIEW)

    def _busy(self) -> ApiError:
        self._metrics.writes.add(value="busy")
        return ApiError(503, "The contact is being changed by others; try again.")
