"""Imports: a file is uploaded, its columns are mapped beside its first rows, and its progress is watched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.imports.document import Status
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.form import Form
from services.contacts.ui.inner_api import things_of
from services.contacts.ui.keeping.choices import owners
from services.contacts.ui.paging import Paging, read_paging

PATH = "/ui/imports"
ONE = f"{PATH}/{{id:id}}"
API = "/api/imports"
UNDER_WAY = (Status.QUEUED, Status.RUNNING)
SAID = {"pause": "Paused after the rows in hand.", "resume": "It goes on.", "cancel": "Ended; what was imported stays."}


class ImportsPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            PATH: {"GET": self.list},
            f"{PATH}/new": {"GET": self.new, "POST": self.upload},
            ONE: {"GET": self.one, "POST": self.save},
            f"{ONE}/failed": {"GET": self.failed},
            f"{ONE}/{{what}}": {"POST": self.act},
        }

    async def list(self, request: Request) -> Response:
        paging = read_paging(request)
        found = await self._desk.api.get(API, {**paging.query(), "orderBy": "id", "orderByDir": "DESC"})
        return self._desk.page(
            request, "transfer/imports.html", imports=things_of(found, "imports"),
            paging=Paging.of(paging, int(found["total"])), under_way=UNDER_WAY,
        )  # fmt: skip

    async def new(self, request: Request) -> Response:
        return self._desk.page(request, "transfer/import_new.html", most=self._desk.settings.import_max_bytes)

    async def upload(self, request: Request) -> Response:
        try:
            made = await self._desk.api.hand_on(request, "POST", f"{API}/new")
        except ApiError as error:
            if error.status not in (400, 413):
                raise
            return self._desk.page(
                request, "transfer/import_new.html", 422, block="form", problem=error.message,
                most=self._desk.settings.import_max_bytes,
            )  # fmt: skip
        return self._desk.go(request, f"{PATH}/{made['import']['id']}")

    async def one(self, request: Request) -> Response:
        return await self._show(request, (await self._desk.api.get(_api(request)))["import"])

    async def save(self, request: Request) -> Response:
        """What the columns become; with `start` it begins."""
        form = await self._desk.form(request)
        before = (await self._desk.api.get(_api(request)))["import"]
        said = read_mapping(form, len(before["columns"]), parser=before["parser"])
        try:
            saved = (await self._desk.api.send("PATCH", f"{_api(request)}/edit", said))["import"]
            if form.text("action") == "start":
                await self._desk.api.send("POST", f"{_api(request)}/start")
                return self._desk.go(request, _page(request), "The import has begun.")
        except ApiError as error:
            if error.status != 400:
                raise
            return await self._show(request, _with_said(before, said), 422, error.message)
        return await self._show(request, saved)

    async def act(self, request: Request) -> Response:
        what = request.path_params["what"]
        if what == "delete":
            await self._desk.api.send("DELETE", f"{_api(request)}/delete")
            return self._desk.go(request, PATH, "The import was removed; its contacts stay.")
        if what not in SAID:
            raise ApiError(404, "There is no such page.")
        await self._desk.api.send("POST", f"{_api(request)}/{what}")
        return self._desk.go(request, _page(request), SAID[what])

    async def failed(self, request: Request) -> Response:
        return self._desk.api.relay("GET", f"{_api(request)}/failed")

    async def _show(self, request: Request, shown: Any, status: int = 200, problem: str = "") -> Response:
        if shown["status"] != Status.DRAFT:
            return self._desk.page(
                request, "transfer/import.html", block="progress", one=shown, is_under_way=shown["status"] in UNDER_WAY
            )
        fields, users, segments = await asyncio.gather(
            self._desk.api.get(f"{API}/fields"),
            owners(self._desk.api),
            self._desk.api.things_seen("/api/contacts/list/segments"),
        )
        return self._desk.page(
            request, "transfer/import_map.html", status, block="map", one=shown, problem=problem,
            targets=fields["fields"], owners=users, segments=segments,
        )  # fmt: skip


def read_mapping(form: Form, count: int, parser: Mapping[str, str]) -> dict[str, Any]:
    """The body of an edit. What the columns become is not said anew where the file is read in another way."""
    said_parser = {name: form.text(f"parser.{name}", kept) for name, kept in parser.items()}
    said_parser["delimiter"] = {"tab": "\t"}.get(said_parser["delimiter"], said_parser["delimiter"])
    said: dict[str, Any] = {
        "defaults": {
            "owner": form.number("owner") or None,
            "segments": form.ids("segments"),
            "tags": form.words("tags"),
        },
        "skipIfExists": "skip" in form,
    }
    if said_parser == dict(parser):
        return {**said, "mapping": [form.text(f"column.{place}") or None for place in range(count)]}
    return {**said, "parser": said_parser}


def _with_said(before: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """As somebody typed it, to be mended."""
    mapping = said.get("mapping") or [column["field"] for column in before["columns"]]
    columns = [{**column, "field": field} for column, field in zip(before["columns"], mapping, strict=True)]
    return {**before, "columns": columns, "defaults": said["defaults"], "skipIfExists": said["skipIfExists"],
            "parser": {**before["parser"], **said.get("parser", {})}}  # fmt: skip


def _api(request: Request) -> str:
    return f"{API}/{request.path_params['id']}"


def _page(request: Request) -> str:
    return f"{PATH}/{request.path_params['id']}"
