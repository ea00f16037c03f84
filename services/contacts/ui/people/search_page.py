"""Help for the search, while somebody types."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.people.search_help import asks_for, suggest

# Where the values of a command come from: path, name of the list, what is typed, what is read.
_LISTS = {
    "segment": ("/api/contacts/list/segments", "", "alias", "name"),
    "tag": ("/api/tags", "tags", "tag", "tag"),
    "stage": ("/api/stages", "stages", "name", "name"),
    "owner": ("/api/contacts/list/owners", "", "firstName", "lastName"),
}


class SearchPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {"/ui/contacts/help": {"GET": self.help}}

    async def help(self, request: Request) -> Response:
        search = request.query_params.get("search", "")
        fields = await self._desk.api.things("/api/contacts/list/fields")
        command = asks_for(search)
        values = {command: await self._values(command)} if command in _LISTS else {}
        found = suggest(search, values, {field["alias"]: field["label"] for field in fields})
        return self._desk.page(request, "people/help.html", block="options", suggestions=found)

    async def _values(self, command: str) -> list[tuple[str, str]]:
        path, name, typed, read = _LISTS[command]
        rows = await self._desk.api.things_seen(path, name, {"limit": 200})
        return [(str(row[typed]), str(row[read] or "")) for row in rows]
