"""Exports: asked for by a form, watched, downloaded; and schedules, which ask for one again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.form import Form
from services.contacts.ui.transfer.export_client import ExportClient

PATH = "/ui/exports"
ONE = f"{PATH}/{{id}}"
UNDER_WAY = ("queued", "running")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Beside the fields of contacts; see the README of export.
MORE_COLUMNS = {
    "id": "ID", "points": "Points", "tags": "Tags", "owner": "Owner", "stage": "Stage", "ips": "IP addresses",
    "dnc": "Do not contact", "date_added": "Added", "date_modified": "Changed", "date_identified": "Identified",
    "last_active": "Last active",
}  # fmt: skip


class ExportsPage:
    def __init__(self, desk: Desk, client: ExportClient) -> None:
        self._desk, self._client = desk, client

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            PATH: {"GET": self.list},
            f"{PATH}/new": {"GET": self.new, "POST": self.create},
            f"{PATH}/schedules/{{id}}/{{what}}": {"POST": self.change_schedule},
            f"{ONE}/download": {"GET": self.download},
            f"{ONE}/{{what}}": {"POST": self.act},
        }

    async def list(self, request: Request) -> Response:
        exports, schedules = await asyncio.gather(
            self._client.get(request, "/exports"), self._client.get(request, "/schedules")
        )
        shown = sorted(exports["exports"], key=lambda one: -one["created_at"])
        return self._desk.page(
            request, "transfer/exports.html", block="exports", exports=shown[:100], total=len(shown),
            schedules=schedules["schedules"], is_under_way=any(one["status"] in UNDER_WAY for one in shown),
        )  # fmt: skip

    async def new(self, request: Request) -> Response:
        said = request.query_params
        ids = ",".join(one for one in said.getlist("ids") if one)
        search = said.get("grammar", "") if said.get("everybody") else f"ids:{ids}" if ids else said.get("search", "")
        asked = {"of": "person" if said.get("person") else said.get("of", "contacts"), "search": search,
                 "id": said.get("person", ""), "format": "csv", "header": "aliases", "columns": []}  # fmt: skip
        return await self._form(request, asked)

    async def create(self, request: Request) -> Response:
        form = await self._desk.form(request)
        wish = read_export(form)
        try:
            if form.text("every"):
                await self._client.send(request, "POST", "/schedules", {**read_rhythm(form), "export": wish})
                return self._desk.go(request, PATH, "It will be made when it is due.")
            await self._client.send(request, "POST", "/exports", wish)
        except ApiError as error:
            if error.status not in (400, 429, 507):
                raise
            return await self._form(request, {**wish, **read_rhythm(form)}, 422, error.message)
        return self._desk.go(request, PATH, "The export is under way.")

    async def act(self, request: Request) -> Response:
        export_id, what = request.path_params["id"], request.path_params["what"]
        if what == "retry":
            await self._client.send(request, "POST", f"/exports/{_safe(export_id)}/retry")
            return self._desk.go(request, PATH, "It begins again.")
        if what == "remove":
            await self._client.send(request, "DELETE", f"/exports/{_safe(export_id)}")
            return self._desk.go(request, PATH, "The export and its file are removed.")
        raise ApiError(404, "There is no such page.")

    async def change_schedule(self, request: Request) -> Response:
        path, what = f"/schedules/{_safe(request.path_params['id'])}", request.path_params["what"]
        if what in ("pause", "resume"):
            await self._client.send(request, "PATCH", path, {"paused": what == "pause"})
            return self._desk.go(request, PATH, "The schedule pauses." if what == "pause" else "The schedule goes on.")
        if what == "remove":
            await self._client.send(request, "DELETE", path)
            return self._desk.go(request, PATH, "The schedule is removed; what it has made stays.")
        raise ApiError(404, "There is no such page.")

    async def download(self, request: Request) -> Response:
        return await self._client.download(request, f"/exports/{_safe(request.path_params['id'])}/download")

    async def _form(self, request: Request, asked: Mapping[str, Any], status: int = 200, problem: str = "") -> Response:
        fields = await self._desk.api.things("/api/contacts/list/fields")
        columns = {**MORE_COLUMNS, **{field["alias"]: field["label"] for field in fields}}
        return self._desk.page(
            request, "transfer/export_new.html", status, block="form", asked=asked, columns=columns, days=DAYS,
            problem=problem, has_store=bool(self._desk.settings.export_s3_url),
            has_mail=bool(self._desk.settings.smtp_url and self._desk.settings.export_url),
            most=self._desk.settings.export_limit,
        )  # fmt: skip


def read_export(form: Form) -> dict[str, Any]:
    """The body of an export. What does not go with what it is of is left out, as the form hides it."""
    of = form.text("of", "contacts")
    said: dict[str, Any] = {"of": of, "format": form.text("format", "csv"), "header": form.text("header", "aliases")}
    if of == "person":
        said["id"] = form.text("id")
    else:
        said |= {"search": form.text("search"), "columns": form.all("columns") if of == "contacts" else []}
    if of == "events":
        said |= {name: form.text(name) for name in ("since", "until") if form.text(name)}
    if said["format"] in ("csv", "ndjson") and form.text("packing") and of != "person":
        said["packing"] = form.text("packing")
    if form.text("to") == "s3":
        said["to"] = "s3"
    elif "notify" in form:
        said["notify"] = True
    return said


def read_rhythm(form: Form) -> dict[str, Any]:
    """When a schedule is due."""
    every = form.text("every")
    said = {"name": form.text("name"), "every": every, "hour": form.number("hour"),
            "timezone": form.text("timezone") or "UTC"}  # fmt: skip
    return {**said, "weekday": form.text("weekday", "monday")} if every == "weekly" else said


def _safe(export_id: str) -> str:
    if not (export_id.isascii() and export_id.isalnum()):
        raise ApiError(404, "Item was not found.")
    return export_id
