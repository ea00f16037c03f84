"""`POST /api/contacts/{id}/trackingevents/new`: an event for Google Analytics or Facebook, sent by the next visit."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.operation import DescribedRoute, Operation, described
from services.common.tracking_events import SERVICES, TrackingEvent, TrackingEvents
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact_reader import ContactReader
from services.contacts.records.record_body import RecordBody
from services.contacts.shapes import DONE, Said
from services.contacts.stores import Stores


class TrackingEventBody(Said):
    """The category is Google's only."""

    service: Annotated[Literal["google_analytics", "facebook_pixel"], Meta(examples=["google_analytics"])]
    action: Annotated[str, Meta(max_length=191, min_length=1, examples=["ordered"])]
    category: Annotated[str, Meta(max_length=191, examples=["shop"])] | UnsetType = UNSET
    label: Annotated[str, Meta(max_length=191)] | UnsetType = UNSET


NEW = Operation(
    "Queue an event for Google Analytics or Facebook",
    {**DONE, "queued": Annotated[int, Meta(description="How many wait for the contact now", examples=[1])]},
    body=TrackingEventBody,
    text="The next page view of the contact carries it, once.",
    success={201: "Queued"},
)


class TrackingEventsApi:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._reader = ContactReader(stores)
        self._events = TrackingEvents(stores.redis)

    def routes(self) -> list[DescribedRoute]:
        return [described("/api/contacts/{id}/trackingevents/new", self.new, post=NEW)]

    async def new(self, request: Request) -> Response:
        """`service` google_analytics with category, action, label; or facebook_pixel with action, label."""
        body = RecordBody(await read_object(request))
        service = body.choice("service", tuple(SERVICES), "")
        said = {name: body.text(name, is_required=name == "action") for name in SERVICES.get(service, ())}
        body.refuse_if_wrong()
        contact = await self._reader.find(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        mark = self._stores.replicas.mark()
        queued = await self._events.queue(contact.id, TrackingEvent(service, said))
        await self._stores.replicas.confirm(mark)
        return json_response({"success": 1, "queued": queued}, 201)
