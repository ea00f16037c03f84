"""The HTTP interface of exports: create, list, one, download, remove."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.export.csv_query import COLUMNS, DEFAULT_COLUMNS, UnknownColumnError
from services.export.exporter import Exporter
from services.export.job import Job, JobFolder, Status
from services.export.shapes import Export, Id, NewExport

MAX_COLUMNS = 200

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
            described("/exports", self.list, get=LIST),
            described("/exports", self.create, post=CREATE),
            described("/exports/{id}", self.one, get=ONE),
            described("/exports/{id}", self.remove, delete=REMOVE),
            described("/exports/{id}/download", self.download, get=DOWNLOAD),
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
        return json_response({"exports": [job_object(job) for job in self._exporter.jobs()]})

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
        if job is None:
            raise ApiError(404, NOT_FOUND)
        return job


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
