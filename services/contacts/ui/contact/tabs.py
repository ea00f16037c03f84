"""What the tabs beside the history show: notes, places, profiles elsewhere, ids elsewhere, who changed what."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import nh3
from starlette.requests import Request

from services.contacts.ui.contact.calls import api_of
from services.contacts.ui.desk import Desk
from services.contacts.ui.paging import Asked, Paging, read_paging

NOTE_TYPES = {"general": "General", "email": "Email", "call": "Call", "meeting": "Meeting"}
NOTE_ICONS = {"general": "note", "email": "mail", "call": "phone", "meeting": "calendar"}
ACTIONS = ("create", "update", "merge", "unmerge", "delete")
_ENDS_A_LINE = re.compile(r"<br\s*/?>|</(?:p|div|li|h[1-6]|tr)>", re.IGNORECASE)
Loaded = dict[str, Any]


class Tabs:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.loaders: Mapping[str, Callable[[Request], Awaitable[Loaded]]] = {
            "notes": self.notes, "places": self.places, "social": self.social, "integrations": self.integrations,
            "audit": self.audit,
        }  # fmt: skip

    async def notes(self, request: Request) -> Loaded:
        asked, kind = read_paging(request), request.query_params.get("type", "")
        kind = kind if kind in NOTE_TYPES else ""
        search = " ".join(part for part in (f"type:{kind}" if kind else "", asked.search) if part)
        query = {**asked.query(), "search": search, "orderBy": "dateTime", "orderByDir": "DESC"}
        found = await self._desk.api.get(api_of(request, "/notes"), query)
        notes = [{**note, "plain": plain_text(str(note["text"]))} for note in found["notes"]]
        return {"notes": notes, "kind": kind, "kinds": NOTE_TYPES, "kind_icons": NOTE_ICONS, "search": asked.search,
                "paging": _paging(asked, int(found["total"]), "notes", type=kind)}  # fmt: skip

    async def places(self, _: Request) -> Loaded:
        names = " ".join(self._desk.settings.geo_database).lower()
        return {"is_dbip": "dbip" in names or "db-ip" in names}

    async def social(self, request: Request) -> Loaded:
        return {"profiles": (await self._desk.api.get(api_of(request, "/social")))["profiles"]}

    async def integrations(self, request: Request) -> Loaded:
        return {"integrations": (await self._desk.api.get(api_of(request, "/integrations")))["integrations"]}

    async def audit(self, request: Request) -> Loaded:
        asked, action = read_paging(request), request.query_params.get("action", "")
        action = action if action in ACTIONS else ""
        query = {**asked.query(), **({"action": action} if action else {})}
        found = await self._desk.api.get(api_of(request, "/auditlog"), query)
        return {"entries": found["auditlog"], "search": asked.search, "action": action, "actions": ACTIONS,
                "paging": _paging(asked, int(found["total"]), "audit", action=action)}  # fmt: skip

    async def counts(self, request: Request, is_in_history: bool) -> Loaded:
        """Of the tabs that are not open."""

        async def total(path: str) -> int:
            return int((await self._desk.api.get(api_of(request, path), {"limit": 1}))["total"])

        if is_in_history:
            return {"note_count": await total("/notes")}
        notes, history = await asyncio.gather(total("/notes"), total("/activity"))
        return {"note_count": notes, "total": history}


def plain_text(text: str) -> str:
    """Of what may be HTML the words and the ends of lines."""
    return html.unescape(nh3.clean(_ENDS_A_LINE.sub("\n", text), tags=set())).strip()


def _paging(asked: Asked, total: int, tab: str, **said: str) -> Paging:
    """Its addresses open this tab, by the same filter."""
    paging = Paging.of(asked, total)
    more = "".join(f"&{name}={value}" for name, value in {"tab": tab, **said}.items() if value)
    return paging._replace(back=paging.back and _and(paging.back, more), next=paging.next and _and(paging.next, more))


def _and(address: str, more: str) -> str:
    return address + more if not address.endswith("?") else address + more[1:]
