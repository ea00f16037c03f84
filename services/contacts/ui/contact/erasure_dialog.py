"""The end of a contact for good: it is asked for with a tick, and watched until it is done."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.contact.calls import PATH, api_of
from services.contacts.ui.desk import Desk, Handler

UNDER_WAY = ("waiting", "running")
WORDS = {
    "merged_ids": "Contacts that had merged into it", "values": "Unique values", "events": "Events",
    "bot_events": "Hits of bots", "audit": "Entries of the audit log", "notes": "Notes", "images": "Pictures",
    "messages": "Mails", "versions": "Earlier versions", "dead_letters": "Hits put aside",
    "left_in_redis": "Things that waited for it", "import_files": "Pieces of imported files",
    "import_failures": "Rows of imports that had failed", "export_files": "Files of exports",
}  # fmt: skip
UNSURE = "Nothing was done: say that you mean it."


class ErasureDialog:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {f"{PATH}/erase": {"GET": self.ask, "POST": self.erase}, f"{PATH}/erasure": {"GET": self.watch}}

    async def ask(self, request: Request) -> Response:
        return await self._asked(request)

    async def erase(self, request: Request) -> Response:
        if not (await self._desk.form(request)).text("sure"):
            return await self._asked(request, UNSURE)
        erasure = (await self._desk.api.send("POST", api_of(request, "/erase")))["erasure"]
        return self._desk.go(request, f"/ui/contacts/{erasure['id']}/erasure")

    async def watch(self, request: Request) -> Response:
        """The page, which looks again until it is done; for htmx what changes of it."""
        erasure = (await self._desk.api.get(api_of(request, "/erasure")))["erasure"]
        removed = [(text, count) for name, text in WORDS.items() if (count := erasure["removed"].get(name))]
        return self._desk.page(
            request, "contact/erasure.html", block="progress", erasure=erasure, removed=removed,
            is_under_way=erasure["status"] in UNDER_WAY,
        )  # fmt: skip

    async def _asked(self, request: Request, problem: str = "") -> Response:
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        return self._desk.page(
            request, "contact/erase.html", 422 if problem else 200, block="dialog", contact=contact,
            contact_id=contact["id"], problem=problem,
        )  # fmt: skip
