"""Help for the search, while somebody types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.inner_api import Query
from services.contacts.ui.people.search_help import asks_for, suggest, typed_part

MOST = 200  # that have in them what is typed; whoever does not find theirs among them types on


def _whole(_: str) -> Query:
    return ()


def _with_part(column: str) -> Callable[[str], Query]:
    asked = {"where[0][col]": column, "where[0][expr]": "like", "orderBy": column, "limit": MOST}
    return lambda part: {**asked, "where[0][val]": f"%{part}%"}


def _named(part: str) -> Query:
    return {"filter": part, "limit": MOST}


class _Values(NamedTuple):
    """Where the values of a command come from: path, name of the list, what is typed and what is read of each, and how
    the list is asked for those that have a part in them."""

    path: str
    name: str
    typed: str
    read: str
    asked: Callable[[str], Query]


_VALUES = {
    "segment": _Values("/api/contacts/list/segments", "", "alias", "name", _whole),
    "tag": _Values("/api/tags", "tags", "tag", "tag", _with_part("tag")),
    "stage": _Values("/api/stages", "stages", "name", "name", _with_part("name")),
    "owner": _Values("/api/contacts/list/owners", "", "firstName", "lastName", _named),
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
        values = {command: await self._values(command, typed_part(search))} if command in _VALUES else {}
        found = suggest(search, values, {field["alias"]: field["label"] for field in fields})
        return self._desk.page(request, "people/help.html", block="options", suggestions=found)

    async def _values(self, command: str, part: str) -> list[tuple[str, str]]:
        path, name, typed, read, asked = _VALUES[command]
        rows = await self._desk.api.things_seen(path, name, asked(part))
        return [(str(row[typed]), str(row[read] or "")) for row in rows]
