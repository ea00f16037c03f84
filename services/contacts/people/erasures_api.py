"""Erases people for good over the API: what is asked for here is carried out by identity, in the background."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of
from services.common.erasure import DONE, ERASURE, Erasure, asked_again
from services.common.operation import Operation, described
from services.contacts.list_parameters import read_shape
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import iso
from services.contacts.people.api import contact_id_of
from services.contacts.records.api import RecordsApi, Resource
from services.contacts.records.record_list import read_record_list
from services.contacts.records.record_operations import list_operation
from services.contacts.records.record_shapes import Record
from services.contacts.records.record_writer import TakenError
from services.contacts.shapes import Time
from services.contacts.stores import BusyError, Stores
from services.contacts.users.ownership import check_contact

BUSY = "The erasure is being changed by others; try again."
_FOUND = {"contacts": 1, "events": 12}


class ShownErasure(Record):
    """A contact that is erased, under its id, or was. Nothing of it says who that is."""

    status: Annotated[Literal["waiting", "running", "done", "failed"], Meta(examples=["running"])]
    removed: Annotated[
        dict[str, int], Meta(description="What was found, and at the end what went, by kind", examples=[_FOUND])
    ]
    message: Annotated[str | None, Meta(description="Why it has not come to its end yet, or failed")]
    date_ended: Time


def show_erasure(_: str, erasure: Erasure) -> dict[str, Any]:
    return {
        "status": erasure.status,
        "removed": erasure.removed,
        "message": erasure.why or None,
        "dateEnded": iso(erasure.ended_us),
    }


ERASURES = Resource(
    ERASURE, ERASURE, "erasures", Erasure, None, show_erasure, shown=ShownErasure, said=None
)  # fmt: skip
_ONE = {ERASURE: ShownErasure}
ERASE = Operation(
    "Erase a contact for good",
    _ONE,
    text="With all that merged into it: history, audit log, notes, mails, all files of exports and imports. Identity "
    "does it in the background. Who was deleted before can be erased still. Asked twice it is the same erasure; one "
    "that failed is begun again.",
    success={202: "It is to be erased, or is already; how it goes is at /erasure"},
)
LOOK = Operation("How an erasure goes", _ONE, errors={404: "Nobody has asked for that"})
EVERY = list_operation("The erasures, the newest first", "erasures", ShownErasure)


class ErasuresApi(RecordsApi[Erasure]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, ERASURES)

    def routes(self) -> list[Route]:
        return [
            described("/api/contacts/{id}/erase", self.erase, post=ERASE),
            described("/api/contacts/{id}/erasure", self.look, get=LOOK),
            described("/api/erasures", self.list, get=EVERY),
        ]

    async def erase(self, request: Request) -> Response:
        contact_id = contact_id_of(request)
        contact = await self._contact_reader.find(contact_id)
        if contact is not None:
            view = contact.view
            owner_id = (view.owner_id or view.created_by_id) if view else 0
            return self._answered(contact.id, await self._asked(contact.id, owner_id, is_there=True), 202)
        gone_id, is_deleted = await self._gone(contact_id)
        known = await self._writer.one(str(gone_id))
        if known is None and not is_deleted:
            raise ApiError(404, NOT_FOUND)
        owner_id = known.owner_id if known else 0
        check_contact(owner_id, 0)
        return self._answered(gone_id, await self._asked(gone_id, owner_id, is_there=False), 202)

    async def look(self, request: Request) -> Response:
        contact_id, _ = await self._gone(contact_id_of(request))
        erasure = await self._writer.one(str(contact_id))
        if erasure is None:
            raise ApiError(404, NOT_FOUND)
        check_contact(erasure.owner_id, 0)
        return self._answered(contact_id, erasure)

    async def list(self, request: Request) -> Response:
        query = {"orderBy": "dateAdded", "orderByDir": "DESC", **{k: v for k, v in query_of(request).items() if v}}
        return await self._list(read_record_list(ERASURE, query), read_shape(query))

    async def _gone(self, contact_id: int) -> tuple[int, bool]:
        """Whom an id leads to, and whether that one was deleted."""
        profile = await self._stores.profiles.resolve(contact_id)
        return (profile.id, bool(profile.deleted_us)) if profile else (contact_id, False)

    async def _asked(self, contact_id: int, owner_id: int, *, is_there: bool) -> Erasure:
        """The one that is under way, or was done; else a new one, or the one that failed anew."""
        record_id = str(contact_id)
        try:
            known = await self._writer.one(record_id)
            if known is None:
                try:
                    await self._writer.create(Erasure(owner_id=owner_id), record_id)
                except TakenError:
                    pass  # somebody else was faster
            elif not known.is_under_way() and (is_there or known.status != DONE):
                await self._writer.change(record_id, lambda stored: asked_again(stored, owner_id))
            found = await self._writer.one(record_id)
        except BusyError:
            raise ApiError(503, BUSY) from None
        if found is None:
            raise ApiError(404, NOT_FOUND)
        return found

    def _answered(self, contact_id: int, erasure: Erasure, status: int = 200) -> Response:
        return json_response({ERASURE: self._shown(str(contact_id), erasure)}, status)
