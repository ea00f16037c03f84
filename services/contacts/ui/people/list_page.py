"""The list of contacts and visitors: searched while one types, ordered by its headings, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.list_parameters import MAX_START
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.inner_api import things_of
from services.contacts.ui.people.columns import COOKIE, NAME, Column, all_columns, chosen

PATH = "/ui/contacts"
SIZES = (10, 25, 50, 100)
USUAL_SIZE = 25
KINDS = {"": "All", "known": "Contacts", "visitors": "Visitors"}
_SEARCH_OF = {"": "", "known": "!is:anonymous", "visitors": "is:anonymous"}
USUAL_ORDER = "last_active"


class Asked(NamedTuple):
    """What an address of the list says."""

    search: str
    segment: str  # an alias
    kind: str
    order: str
    direction: str
    limit: int
    start: int

    def grammar(self) -> str:
        """The search as the API takes it."""
        filters = " ".join(
            part for part in (f"segment:{self.segment}" if self.segment else "", _SEARCH_OF[self.kind]) if part
        )
        return f"({self.search}) {filters}" if self.search and filters else self.search or filters

    def pairs(self, **changed: Any) -> dict[str, Any]:
        """As the query of an address; what is usual is left out."""
        values = {**self._asdict(), **changed}
        usual = {"search": "", "segment": "", "kind": "", "order": USUAL_ORDER, "direction": "DESC",
                 "limit": USUAL_SIZE, "start": 0}  # fmt: skip
        return {name: value for name, value in values.items() if value != usual[name]}


class ListPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {PATH: {"GET": self.show}, f"{PATH}/columns": {"GET": self.columns, "POST": self.choose_columns}}

    async def show(self, request: Request) -> Response:
        columns, segments = await asyncio.gather(self._columns(), self._desk.api.things("/api/contacts/list/segments"))
        asked = read_asked(request, columns)
        problem, found = "", await self._found(asked)
        if isinstance(found, ApiError):
            problem, found = found.message, {"total": 0, "contacts": {}}
        return self._desk.page(
            request, "people/list.html", 422 if problem else 200, block="list", asked=asked, problem=problem,
            people=things_of(found, "contacts"), total=int(found["total"]),
            columns=(NAME, *chosen(request.cookies.get(COOKIE, ""), columns)), last_start=MAX_START,
            segments=segments, sizes=SIZES, kinds=KINDS,
        )  # fmt: skip

    async def columns(self, request: Request) -> Response:
        known = await self._columns()
        names = {column.name for column in chosen(request.cookies.get(COOKIE, ""), known)}
        return self._desk.page(
            request, "people/columns.html", block="dialog", all_columns=list(known.values()), names=names
        )

    async def choose_columns(self, request: Request) -> Response:
        form, known = await self._desk.form(request), await self._columns()
        names = "-".join(column.name for column in chosen("-".join(form.all("column")), known))
        response = self._desk.go(request, PATH)
        response.headers.append("Set-Cookie", f"{COOKIE}={names}; max-age=31536000; path=/ui; httponly; samesite=lax")
        return response

    async def _found(self, asked: Asked) -> Any:
        query = {"search": asked.grammar(), "orderBy": asked.order, "orderByDir": asked.direction,
                 "limit": asked.limit, "start": asked.start}  # fmt: skip
        try:
            return await self._desk.api.get("/api/contacts", query)
        except ApiError as error:
            if error.status != 400:
                raise
            return error

    async def _columns(self) -> dict[str, Column]:
        return all_columns(await self._desk.api.things("/api/contacts/list/fields"))


def read_asked(request: Request, columns: Mapping[str, Column]) -> Asked:
    """Whatever an address says, a list can be shown."""
    said = request.query_params
    orders = {column.order for column in (NAME, *columns.values()) if column.order}
    kind, order = said.get("kind", ""), said.get("order", "")
    limit = _number(said.get("limit", ""), USUAL_SIZE)
    return Asked(
        said.get("search", "").strip(),
        said.get("segment", "").strip(),
        kind if kind in KINDS else "",
        order if order in orders else USUAL_ORDER,
        "ASC" if said.get("direction", "").upper() == "ASC" else "DESC",
        limit if limit in SIZES else USUAL_SIZE,
        min(_number(said.get("start", ""), 0), MAX_START),
    )


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else otherwise
