"""The REST API on rules for points: what all records have, and what they can give points for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.documents import POINT_GROUP, Point
from services.common.envelope import ApiError, json_response
from services.common.operation import Operation, described
from services.common.records import Ref
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.points.point_resource import POINTS, TYPES, read_point
from services.contacts.records.api import RecordsApi
from services.contacts.records.record_body import RecordBody
from services.contacts.stores import Stores

ACTION_TYPES = Operation("What rules give points for", {"pointActionTypes": dict[str, str]})


class PointsApi(RecordsApi[Point]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, POINTS)

    def routes(self) -> list[Route]:
        return [described("/api/points/actions/types", self.types, get=ACTION_TYPES), *self._standard_routes("points")]

    async def types(self, _: Request) -> Response:
        return json_response({"pointActionTypes": TYPES})

    async def _prepared(self, body: Json, record_id: str = "") -> Json:
        group_id = RecordBody(body).reference("group")  # what cannot be read is refused later
        if group_id and not await self._stores.records.one(Ref(POINT_GROUP, str(group_id))):
            text = f"There is no group {group_id}."
            raise ApiError(400, f"group: {text}", {"group": [text]})
        return await super()._prepared(body, record_id)

    async def _reader(self, _: str, __: Json, /) -> Callable[[dict[str, Any], Point | None], Point]:
        now_us = time.time_ns() // 1_000
        return lambda body, old: read_point(body, old, now_us)
