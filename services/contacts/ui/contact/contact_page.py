"""The page of one contact: who it is, and what it did. It renews itself while it is open."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.contact.calls import PATH, api_of, page_of
from services.contacts.ui.contact.event_lines import lines_of
from services.contacts.ui.contact.fields_panel import groups_of
from services.contacts.ui.contact.history_tab import HistoryTab
from services.contacts.ui.contact.places import places_of
from services.contacts.ui.contact.tabs import Tabs
from services.contacts.ui.desk import Desk, Handler, is_htmx

HISTORY = "history"
UPCOMING = 5


class ContactPage:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._history, self._tabs = desk, HistoryTab(desk), Tabs(desk)

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            PATH: {"GET": self.show},
            f"{PATH}/news": {"GET": self.news},
            f"{PATH}/engagement": {"GET": self.engagement},
            f"{PATH}/devices": {"GET": self.devices},
            **self._history.handlers(),
        }

    async def show(self, request: Request) -> Response:
        """The page; for htmx one tab of it."""
        tab = request.query_params.get("tab", HISTORY)
        tab = tab if tab in self._tabs.loaders else HISTORY
        try:
            shown, told, beside = await asyncio.gather(
                self._contact(request), self._loaded(request, tab),
                _nothing() if is_htmx(request) else self._beside(request, tab),
            )  # fmt: skip
        except ApiError as error:
            if error.status != 404 or is_htmx(request):
                raise
            return self._desk.page(request, "contact/nobody.html", 404, contact_id=request.path_params["id"])
        if tab == HISTORY and beside:
            beside["upcoming"] = told["coming"]
        asked = request.path_params["id"]
        merged_id = asked if asked != shown["contact"]["id"] else 0
        news = told.get("news", "")
        return self._desk.page(
            request, "contact/page.html", block="tab", tab=tab, merged_id=merged_id, **beside, **shown, **told,
            renewal=self._renewal(shown, tab, news, _count(told, beside)),
            just_merged=_number(request.query_params.get("merged", "")),
        )  # fmt: skip

    async def news(self, request: Request) -> Response:
        """What changed since; nothing: 204."""
        tab = request.query_params.get("tab", HISTORY)
        if not is_htmx(request):
            return self._desk.go(request, page_of(request, tab if tab in self._tabs.loaders else ""))
        shown, (lines, news) = await asyncio.gather(self._contact(request), self._news(request, tab))
        if str(shown["contact"]["id"]) != request.query_params.get("who"):
            moved = f"/ui/contacts/{shown['contact']['id']}?{urlencode({'tab': tab})}"
            return self._desk.nothing(events={"spoor:moved": {"to": moved}})
        is_changed = shown["mark"] != request.query_params.get("mark")
        if not is_changed and not lines:
            return Response(status_code=204)
        beside = await self._beside(request, tab, is_renewed=True) if is_changed else {}
        count = _number(request.query_params.get("count", ""))
        count = count + len(lines) if count else 0
        return self._desk.page(
            request, "contact/news.html", block="news", tab=tab, lines=lines, is_changed=is_changed, **shown,
            **beside, renewal=self._renewal(shown, tab, news, count), history_count=count,
        )  # fmt: skip

    async def engagement(self, request: Request) -> Response:
        found = await self._desk.api.get(api_of(request, "/engagement"))
        engagements, points = (one["data"] for one in found["datasets"])
        rows = list(zip(found["labels"], engagements, points, strict=True))
        return self._desk.page(
            request, "contact/engagement.html", block="chart", rows=rows, contact_id=request.path_params["id"]
        )

    async def devices(self, request: Request) -> Response:
        found = await self._desk.api.get(api_of(request, "/devices"), {"limit": 20})
        return self._desk.page(
            request, "contact/devices.html", block="devices", devices=found["devices"],
            contact_id=request.path_params["id"],
        )  # fmt: skip

    async def _contact(self, request: Request) -> dict[str, Any]:
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        mark = f"{zlib.crc32(msgspec.json.encode(contact)):08x}"
        return {"contact": contact, "mark": mark, "places": places_of(contact),
                "groups": groups_of(contact), "group": request.query_params.get("group", "core")}  # fmt: skip

    async def _loaded(self, request: Request, tab: str) -> dict[str, Any]:
        load = self._tabs.loaders.get(tab, self._history.load)
        return await load(request)

    async def _news(self, request: Request, tab: str) -> tuple[list[Any], str]:
        return await self._history.news(request) if tab == HISTORY else ([], "")

    async def _beside(self, request: Request, tab: str, *, is_renewed: bool = False) -> dict[str, Any]:
        """What the whole page has beside the tab, and a tab alone has not. The history knows itself what is to come."""
        now, api = datetime.now(UTC), self._desk.api
        counts, companies, merges, coming = await asyncio.gather(
            self._tabs.counts(request, tab == HISTORY),
            api.get(api_of(request, "/companies")),
            api.get(api_of(request, "/merges")),
            _nothing() if tab == HISTORY and not is_renewed else self._history.coming(request, now, UPCOMING),
        )
        return {**counts, "companies": companies["companies"], "merges": merges["merges"],
                "upcoming": lines_of(coming, now)}  # fmt: skip

    def _renewal(self, shown: Mapping[str, Any], tab: str, news: str, count: int | None) -> str:
        """The address that the page looks at again and again. `count` is of the whole history, where that is known."""
        contact_id = shown["contact"]["id"]
        said = {"who": contact_id, "mark": shown["mark"], "tab": tab, "group": shown["group"], "count": count or 0}
        return f"/ui/contacts/{contact_id}/news?{urlencode(said)}{f'&{news}' if news else ''}"


def _number(said: str) -> int:
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 17 else 0


async def _nothing() -> Any:
    return {}


def _count(told: Mapping[str, Any], beside: Mapping[str, Any]) -> int:
    """How many events there are, as far as no filter hides any; 0 where that is not known."""
    asked = told.get("filter")
    return int(told["total"]) if asked is not None and not asked.pairs() else int(beside.get("total", 0))
