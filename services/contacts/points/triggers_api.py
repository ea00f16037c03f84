"""The REST API on triggers: what all records have; contacts are shown in another color at once."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.documents import Trigger
from services.common.envelope import json_response
from services.common.operation import Operation, described
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.points.trigger_resource import TRIGGERS
from services.contacts.records.api import RecordsApi
from services.contacts.stores import Stores

EVENT_TYPES = Operation("What triggers can do: nothing here, beside giving a color", {"eventTypes": dict[str, str]})


class TriggersApi(RecordsApi[Trigger]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, TRIGGERS)

    def routes(self) -> list[Route]:
        return [
            described("/api/points/triggers/events/types", self.event_types, get=EVENT_TYPES),
            *self._standard_routes("points/triggers"),
        ]

    async def event_types(self, _: Request) -> Response:
        return json_response({"eventTypes": {}})

    async def remove(self, said_id: str) -> Json:
        gone = await super().remove(said_id)
        self._stores.colors.forget()
        return gone

    async def _settled(self, record_id: str, document: Trigger) -> Trigger:
        self._stores.colors.forget()
        return await super()._settled(record_id, document)
