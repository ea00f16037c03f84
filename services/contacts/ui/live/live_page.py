"""Hits as they arrive: what became of each, whose it is, and why one was dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.live.reasons import WORDS, in_words

PATH = "/ui/live"
VERDICTS = {"": "Everything", "stored": "Stored", "dropped": "Dropped", "served": "Script fetched"}
FILTERS = ("host", "verdict", "reason")


class LivePage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {PATH: {"GET": self.show}}

    async def show(self, request: Request) -> Response:
        """With `after`, what came since: it goes on top of what is there."""
        said = request.query_params
        asked = {name: said[name] for name in FILTERS if said.get(name)}
        after = {"after": said["after"]} if said.get("after") else {}
        feed = await self._desk.api.get("/api/stats/live", {**asked, **after})
        return self._desk.page(
            request, "live/live.html", block="more" if after else "feed", asked=asked, verdicts=VERDICTS,
            reasons=sorted(WORDS), hits=told(feed), after=feed["after"], skipped=feed["skipped"],
        )  # fmt: skip


def told(feed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The newest first, with the reasons in words."""
    return [{**hit, "why": in_words(hit["reason"]) if hit["reason"] else ""} for hit in reversed(feed["hits"])]
