"""The REST API on what contacts did: all of them in one history, and one of them as a chart."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import NOT_FOUND, ApiError, base_url_of, json_response, query_of
from services.common.operation import DescribedRoute, Operation, described
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact_reader import ContactReader
from services.contacts.stores import Stores
from services.contacts.timeline.all_activity import load_activity, read_activity_query
from services.contacts.timeline.engagement import load_engagement
from services.contacts.timeline.timeline_shapes import CHART, FILTERS, HISTORY_OF_ALL

ALL = Operation(
    "The history of all contacts",
    HISTORY_OF_ALL,
    FILTERS,
    text="Of the last week, unless filters[dateFrom] and filters[dateTo] say otherwise.",
)
ENGAGEMENT = Operation("Engagements and points of a contact, by month", CHART)


class ActivityApi:
    def __init__(self, stores: Stores, metrics: ContactsMetrics) -> None:
        self._stores, self._metrics = stores, metrics
        self._reader = ContactReader(stores)

    def routes(self) -> list[DescribedRoute]:
        return [
            described("/api/contacts/activity", self.all, get=ALL),  # before /api/contacts/{id}
            described("/api/contacts/{id}/engagement", self.engagement, get=ENGAGEMENT),
        ]

    async def all(self, request: Request) -> Response:
        """The newest first, of the last week unless `filters[dateFrom]` and `[dateTo]` say otherwise."""
        query = read_activity_query(query_of(request), datetime.now(UTC))
        self._metrics.reads.add(value="timeline")
        return json_response(await load_activity(self._stores.clickhouse, query, base_url_of(request)))

    async def engagement(self, request: Request) -> Response:
        contact = await self._reader.find(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        self._metrics.reads.add(value="timeline")
        return json_response(await load_engagement(self._stores.clickhouse, contact.ids, datetime.now(UTC)))
