"""The events of campaigns for a contact over the API: put by who runs the campaign, moved and cancelled by users."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.documents import CAMPAIGN, SCHEDULED_EVENT, Campaign, ScheduledEvent, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, not_allowed, read_items, read_object
from services.common.field_values import read_time
from services.common.operation import Operation, by_id, described, list_of
from services.common.records import Ref
from services.contacts.batch_operations import ERRORS
from services.contacts.campaigns import event_shapes
from services.contacts.campaigns.scheduled import cancelled, read_scheduled, record_id, rescheduled, scheduled_object
from services.contacts.campaigns.scheduled_list import load_scheduled
from services.contacts.objects import Json, sql_time
from services.contacts.people.api import read_contact_id
from services.contacts.people.change import InvalidChangeError
from services.contacts.people.contact import Contact
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.writer import BusyError
from services.contacts.records.record_writer import RecordWriter, TakenError
from services.contacts.stores import Stores
from services.contacts.users.ownership import VIEW, may_record

MAX_EVENT_ID = 1 << 31
MAX_BATCH = 200
LIST = Operation(
    "What campaigns are to do with a contact, or have done",
    {"total": int, "events": by_id(event_shapes.CampaignEvent)},
)
LIST_OF_ONE = LIST._replace(summary="What one campaign is to do with a contact, or has done")
PUT = Operation(
    "Put an event of a campaign for a contact",
    {"event": event_shapes.CampaignEvent},
    body=event_shapes.EventChange,
    text="By who runs the campaign. triggerDate or dateTriggered is needed.",
    success={200: "Changed", 201: "New"},
    errors={404: "No such contact, or no number that an event may have"},
)
PUT_MANY = Operation(
    f"Put up to {MAX_BATCH} events",
    {"events": by_id(event_shapes.CampaignEvent), "errors?": ERRORS},
    body=list_of(event_shapes.EventItem) | by_id(event_shapes.EventItem),
    text="Each item for itself; what became of it is told under its key.",
    errors={500: f"More than {MAX_BATCH} items: nothing was done"},
)
RESCHEDULE = Operation("Move an event that is in the future", event_shapes.Rescheduled, body=event_shapes.NewDate)
CANCEL = Operation("Cancel an event", event_shapes.Cancelled)


class CampaignEventsApi:
    def __init__(self, stores: Stores, user: str) -> None:
        self._stores, self._reader = stores, ContactReader(stores)
        self._writer = RecordWriter(stores, SCHEDULED_EVENT, ScheduledEvent, user)

    def routes(self) -> list[Route]:
        moves = "/api/contacts/{id}/campaignevents/{event}"
        return [
            described("/api/campaigns/events/contact/{contact}", self.list, get=LIST),
            described("/api/campaigns/{campaign}/events/contact/{contact}", self.list, get=LIST_OF_ONE),
            described("/api/campaigns/events/batch/edit", self.put_many, put=PUT_MANY),
            described("/api/campaigns/events/{event}/contact/{contact}/edit", self.put, put=PUT),
            described(f"{moves}/reschedule", self.reschedule, post=RESCHEDULE),
            described(f"{moves}/cancel", self.cancel, post=CANCEL),
        ]

    async def list(self, request: Request) -> Response:
        contact = await self._find(request.path_params["contact"])
        asked = _event_id(request.path_params.get("campaign", "0"))
        events = await load_scheduled(self._stores.clickhouse, contact.ids)
        shown = [(one.event, one.campaign_name) for one in events if asked in (0, one.event.campaign_id)]
        objects = {str(event.event_id): scheduled_object(event, name) for event, name in shown}
        return json_response({"total": len(objects), "events": objects})

    async def put(self, request: Request) -> Response:
        body = await read_object(request)
        event_id = _event_id(request.path_params["event"])
        shown, is_new = await self._put(request.path_params["contact"], event_id, body)
        return json_response({"event": shown}, 201 if is_new else 200)

    async def put_many(self, request: Request) -> Response:
        """Each item has `contactId` and `eventId`; what is wrong is told by its key."""
        items = await read_items(request)
        if len(items) > MAX_BATCH:
            raise ApiError(500, f"A max of {MAX_BATCH} entities are supported at a time.")
        events, errors = {}, {}
        for key, item in items.items():
            try:
                if not isinstance(item, dict):
                    raise ApiError(400, "An event is an object.")
                event_id = _event_id(item.get("eventId"))
                events[key], _ = await self._put(item.get("contactId"), event_id, item)
            except ApiError as error:
                errors[key] = {"code": error.status, "message": error.message, "details": error.details or {},
                               "type": "api"}  # fmt: skip
        return json_response({"events": events, **({"errors": errors} if errors else {})})

    async def _put(self, contact_id: object, event_id: int, body: Mapping[str, Any]) -> tuple[Json, bool]:
        contact = await self._find(contact_id)
        known = await self._known(contact, event_id)
        campaign_id = _event_id(body.get("campaignId") or 0)
        named = record_id(known.contact_id if known else contact.id, event_id)

        def read(old: ScheduledEvent | None) -> ScheduledEvent:
            try:
                return read_scheduled(body, contact.id, event_id, campaign_id, old)
            except InvalidChangeError as error:
                raise ApiError(400, str(error), error.details) from error

        for one in {read(known).campaign_id, known.campaign_id if known else 0}:
            if not await self._is_seen(one):
                raise not_allowed()
        try:
            event = await self._writer.change(named, read) if known else None
            if is_new := event is None:
                event = read(None)
                await self._writer.create(event, named)
        except (BusyError, TakenError):
            raise ApiError(503, "The event is being changed by others; try again.") from None
        assert event is not None
        return scheduled_object(event, await self._campaign_name(event.campaign_id)), is_new

    async def reschedule(self, request: Request) -> Response:
        """`date`; `success` is 0 for one that is not in the future any more."""
        said = str((await read_object(request)).get("date") or "")
        try:
            trigger_us = int(read_time(said, now_us=_now_us()).timestamp()) * 1_000_000
        except ValueError as error:
            raise ApiError(400, f"date: {error}", {"date": [str(error)]}) from error
        moved = await self._change(request, lambda event: rescheduled(event, trigger_us, _now_us()))
        date = sql_time(moved.trigger_us) if moved else None
        return json_response({"success": int(moved is not None), "date": date, "formattedDate": date})

    async def cancel(self, request: Request) -> Response:
        gone = await self._change(request, lambda event: cancelled(event, _now_us()))
        return json_response({"success": int(gone is not None)})

    async def _change(
        self, request: Request, apply: Callable[[ScheduledEvent], ScheduledEvent | None]
    ) -> ScheduledEvent | None:
        contact = await self._find(request.path_params["id"])
        known = await self._known(contact, _event_id(request.path_params["event"]))
        if known is None or not await self._is_seen(known.campaign_id):
            raise ApiError(404, NOT_FOUND)
        changed = apply(known)
        if changed is None:
            return None
        try:
            return await self._writer.change(record_id(known.contact_id, known.event_id), lambda old: apply(old) or old)
        except BusyError:
            raise ApiError(503, "The event is being changed by others; try again.") from None

    async def _known(self, contact: Contact, event_id: int) -> ScheduledEvent | None:
        """Under the contact's id, or under one that merged into it."""
        refs = [Ref(SCHEDULED_EVENT, record_id(one, event_id)) for one in contact.ids]
        records = await self._stores.records.load(refs)
        found = [records[ref] for ref in refs if ref in records and records[ref].data]
        return decode_document(found[0].data, ScheduledEvent) if found else None

    async def _is_seen(self, campaign_id: int) -> bool:
        """Whether the caller may see it, if there is one."""
        record = await self._stores.records.one(Ref(CAMPAIGN, str(campaign_id)))
        return record is None or may_record(CAMPAIGN, VIEW, decode_document(record.data, Campaign))

    async def _campaign_name(self, campaign_id: int) -> str:
        record = await self._stores.records.one(Ref(CAMPAIGN, str(campaign_id))) if campaign_id else None
        return decode_document(record.data, Campaign).name if record else ""

    async def _find(self, said: object) -> Contact:
        contact = await self._reader.find(read_contact_id(said))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact


def _now_us() -> int:
    return time.time_ns() // 1_000


def _event_id(said: object) -> int:
    """Raises `ApiError` 404."""
    text = str(said)
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < MAX_EVENT_ID):
        raise ApiError(404, NOT_FOUND)
    return int(text)
