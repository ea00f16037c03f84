"""The HTTP interface of exports: create, list, one, download, remove."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from services.common.caller import author, author_id, rights
from services.common.envelope import NOT_FOUND, ApiError, json_response, not_allowed, read_object
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.common.rights import ACCESS
from services.export.csv_query import COLUMNS, DEFAULT_COLUMNS, UnknownColumnError
from services.export.exporter import Exporter
from services.export.job import Job, JobFolder, Status
from services.export.shapes import Export, Id, NewExport

MAX_COLUMNS = 200
NEEDED = (ACCESS, "lead:export:enable", "lead:leads:viewown")

_ID = (Parameter("id", "The export", str, "0123456789abcdef0123456789abcdef", "path"),)
LIST = Operation("The exports, oldest first", {"exports": list[Export]})
CREATE = Operation(
    "Ask for an export",
    {"id": Id, "status": str},
    body=NewExport,
    success={202: "Queued, with Location"},
    errors={429: "Too many are kept, or wait", 507: "The disk is full"},
)
ONE = Operation("One export", Export, _ID)
REMOVE = Operation("Stop and remove an export, with its file", Export, _ID)
DOWNLOAD = Operation("The file", str, _ID, errors={409: "It is not whole"}, media_type="text/csv")


class ExportsApi:
    def __init__(self, exporter: Exporter, folder: JobFolder) -> None:
        self._exporter, self._folder = exporter, folder

    def routes(self) -> list[DescribedRoute]:
        return [
            described("/exports", _exporting(self.list), get=LIST),
            described("/exports", _exporting(self.create), post=CREATE),
            described("/exports/{id}", _exporting(self.one), get=ONE),
            described("/exports/{id}", _exporting(self.remove), delete=REMOVE),
            described("/exports/{id}/download", _exporting(self.download), get=DOWNLOAD),
        ]

    async def create(self, request: Request) -> Response:
        search, columns = read_request(await read_object(request))
        try:
            job = await self._exporter.create(search, columns)
        except UnknownColumnError as error:
            text = f"There is no column {str(error)[:60]}; there are {', '.join(COLUMNS)}."
            raise ApiError(400, text, {"columns": [text]}) from error
        return json_response({"id": job.id, "status": job.status}, 202, {"Location": f"/exports/{job.id}"})

    async def list(self, _: Request) -> Response:
        return json_response({"exports": [job_object(job) for job in self._exporter.jobs() if _is_mine(job)]})

    async def one(self, request: Request) -> Response:
        return json_response(job_object(self._find(request)))

    async def download(self, request: Request) -> Response:
        job = self._find(request)
        if job.status is not Status.DONE:
            raise ApiError(409, f"The export is {job.status}.")
        path = self._folder.file(job.id)
        if not path.exists():
            raise ApiError(404, "The file of this export is gone.")
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return FileResponse(path, media_type="text/csv", filename=f"contacts-{job.id[:8]}.csv", headers=headers)

    async def remove(self, request: Request) -> Response:
        job = await self._exporter.remove(self._find(request).id)
        if job is None:
            raise ApiError(404, NOT_FOUND)
        return json_response({**job_object(job), "status": "removed"})

    def _find(self, request: Request) -> Job:
        job = self._exporter.job(request.path_params["id"])
        if job is None or not _is_mine(job):
            raise ApiError(404, NOT_FOUND)
        return job


def _exporting(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Behind the rights that every export needs."""

    async def handle(request: Request) -> Response:
        if not all(rights().may(right) for right in NEEDED):
            raise not_allowed()
        return await handler(request)

    return handle


def _is_mine(job: Job) -> bool:
    """Others' files hold what they may see; the admin sees all."""
    return rights().is_admin or (job.user_id, job.user) == (author_id(), author(""))


def job_object(job: Job) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(job)
    body["download"] = f"/exports/{job.id}/download" if job.status is Status.DONE else None
    return body


def read_request(body: dict[str, Any]) -> tuple[str, list[str]]:
    """(search, columns). Raises `ApiError` 400."""
    if unknown := sorted(set(body) - {"search", "columns"}):
        name = unknown[0][:60]
        raise ApiError(400, f"{name} is nothing that an export can be told.", {name: ["search, columns"]})
    search, columns = body.get("search", ""), body.get("columns") or list(DEFAULT_COLUMNS)
    if not isinstance(search, str):
        raise ApiError(400, "search must be text.", {"search": ["This value is not valid."]})
    if isinstance(columns, str):
        columns = [column.strip() for column in columns.split(",")]
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise ApiError(400, "columns must be a list of names.", {"columns": ["This value is not valid."]})
    if len(columns) > MAX_COLUMNS:
        raise ApiError(400, f"There may be {MAX_COLUMNS} columns at most.", {"columns": ["This value is not valid."]})
    return search, list(dict.fromkeys(columns))
