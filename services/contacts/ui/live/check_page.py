"""Check my site: shows the snippet, waits for the first hit of the site, and says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.live.site_check import State, check, host_of
from services.contacts.ui.snippet import pixel_snippet, script_snippet

PATH = "/ui/live/check"
MOST_HITS = 1_000


class CheckPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {PATH: {"GET": self.show}}

    async def show(self, request: Request) -> Response:
        """`after` is where the feed was when the waiting began."""
        site, after = request.query_params.get("site", ""), request.query_params.get("after", "")
        host = host_of(site)
        base, is_guess = self._desk.ingest_url(request)
        shared: dict[str, Any] = {
            "site": site, "host": host, "script": script_snippet(base), "pixel": pixel_snippet(base),
            "is_guess": is_guess,
        }  # fmt: skip
        if not host:
            return self._desk.page(
                request, "live/check.html", 422 if site else 200, steps=[], after="", is_well=False,
                problem="This is no address of a site." if site else "", **shared,
            )  # fmt: skip
        if not after:
            after = (await self._desk.api.get("/api/stats/live", {"limit": 1}))["after"]
        feed = await self._desk.api.get("/api/stats/live", {"after": after, "host": host, "limit": MOST_HITS})
        steps = check(feed["hits"])
        is_well = all(step.state in (State.DONE, State.NOTICE) for step in steps)
        return self._desk.page(
            request, "live/check.html", block="steps", steps=steps, after=after, is_well=is_well, **shared
        )
