"""The dashboard: who is here, how many are known, what becomes of hits."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.common.caller import rights
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.live.bars import bars

PATH = "/ui"
RANGES = {60: "An hour", 360: "6 hours", 1_440: "A day"}


class DashboardPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {PATH: {"GET": self.show}}

    async def show(self, request: Request) -> Response:
        if not rights().may("lead:leads:viewother"):
            return self._desk.go(request, "/ui/contacts")  # its numbers are those of all
        said = request.query_params.get("minutes", "")
        minutes = next((one for one in RANGES if str(one) == said), 60)
        overview = await self._desk.api.get("/api/stats/overview", {"minutes": minutes})
        hits = overview["hits"]
        return self._desk.page(
            request, "live/dashboard.html", block="numbers", overview=overview, minutes=minutes, ranges=RANGES,
            bars=bars(hits), accepted=sum(one["accepted"] for one in hits), dropped=sum(one["dropped"] for one in hits),
        )  # fmt: skip
