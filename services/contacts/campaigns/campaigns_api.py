"""The REST API on campaigns: what all records have, and copies."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.documents import Campaign
from services.common.envelope import json_response
from services.common.operation import Operation, described
from services.contacts.metrics import ContactsMetrics
from services.contacts.records import record_shapes
from services.contacts.records.api import RecordsApi, read_record_id
from services.contacts.records.registry_resources import CAMPAIGNS
from services.contacts.stores import Stores
from services.contacts.users.ownership import VIEW

CLONE = Operation(
    "Copy a campaign",
    {"campaign": record_shapes.Campaign},
    text="The copy has the name, is not published, has no members, and belongs to whoever made it.",
    success={200: "Copied, with Location"},
)


class CampaignsApi(RecordsApi[Campaign]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, CAMPAIGNS)

    def routes(self) -> list[Route]:
        return [described("/api/campaigns/clone/{campaign}", self.clone, post=CLONE), *super().routes()]

    async def clone(self, request: Request) -> Response:
        original = await self._checked_one(read_record_id(request.path_params["campaign"]), VIEW)
        copy = msgspec.structs.replace(original, is_published=False, modified_us=0, modified_by="", modified_by_id=0)
        shown = (await self._keep(copy)).shown
        return json_response({"campaign": shown}, headers={"Location": f"/api/campaigns/{shown['id']}"})
