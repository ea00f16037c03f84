"""The HTTP interface of exports: create, list, one, retry, download, remove."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import IO, Any

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from services.common.caller import author, author_id, rights
from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.export.access import exporting
from services.export.files.packing import Packing
from services.export.files.row_stream import CHUNK
from services.export.jobs.exporter import Exporter
from services.export.jobs.folder import JobFolder
from services.export.jobs.job import Job, Status
from services.export.jobs.wish import Format, read_wish
from services.export.links import Links
from services.export.shapes import Export, Id, NewExport

MEDIA_TYPES = {
    Format.CSV: "text/csv",
    Format.NDJSON: "application/x-ndjson",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PARQUET: "application/vnd.apache.parquet",
}
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
PACKED_TYPES = {Packing.GZIP: "application/gzip", Packing.ZIP: "application/zip"}

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
RETRY = Operation(
    "Try one again that failed, or whose file is gone",
    {"id": Id, "status": str},
    _ID,
    success={202: "Queued"},
    errors={409: "It did not fail"},
)
REMOVE = Operation("Stop and remove an export, with its file", Export, _ID)
AT_ONCE = Operation(
    "The file itself, of up to 10,000 rows",
    str,
    body=NewExport,
    media_type="text/csv",
    errors={507: "The disk is full"},
)
_LINK = Parameter("link", "What the mail about the export has there: then only its user may come", str, "")
DOWNLOAD = Operation("The file", str, (*_ID, _LINK), errors={409: "It is not whole"}, media_type="text/csv")


class ExportsApi:
    def __init__(self, exporter: Exporter, folder: JobFolder, links: Links) -> None:
        self._exporter, self._folder, self._links = exporter, folder, links

    def routes(self) -> list[DescribedRoute]:
        return [
            described("/exports", exporting(self.list), get=LIST),
            described("/exports", exporting(self.create), post=CREATE),
            described("/exports/download", exporting(self.at_once), post=AT_ONCE),
            described("/exports/{id}", exporting(self.one), get=ONE),
            described("/exports/{id}", exporting(self.remove), delete=REMOVE),
            described("/exports/{id}/retry", exporting(self.retry), post=RETRY),
            described("/exports/{id}/download", exporting(self.download), get=DOWNLOAD),
        ]

    async def create(self, request: Request) -> Response:
        job = await self._exporter.create(read_wish(await read_object(request)))
        return _queued(job)

    async def retry(self, request: Request) -> Response:
        return _queued(await self._exporter.retry(self._find(request)))

    async def list(self, _: Request) -> Response:
        jobs = reversed(await asyncio.to_thread(self._folder.all))
        return json_response({"exports": [job_object(job) for job in jobs if _is_mine(job)]})

    async def one(self, request: Request) -> Response:
        return json_response(job_object(self._find(request)))

    async def download(self, request: Request) -> Response:
        """Parts of it, too (`Range`). The link of a mail is for its user alone, not even for the admin."""
        job = self._find(request)
        link = request.query_params.get("link")
        if link is not None and not self._links.is_of(link, job, author_id()):
            raise ApiError(403, "This link is another user's, or none.")
        if job.status is not Status.DONE:
            raise ApiError(410 if job.status is Status.EXPIRED else 409, f"The export is {job.status}.")
        if job.object:
            raise ApiError(404, f"The file of this export is in the store: {job.object}")
        path = self._folder.file(job)
        if not path.exists():
            raise ApiError(404, "The file of this export is gone.")
        return FileResponse(path, media_type=_media_type(job), filename=job.shown_name, headers=_HEADERS)

    async def at_once(self, request: Request) -> Response:
        """A file for which nobody has to come back; it is whole before its first byte is sent."""
        job = await self._exporter.at_once(read_wish(await read_object(request)))
        file = await asyncio.to_thread(self._folder.taken, job)
        headers = {**_HEADERS, "Content-Length": str(job.bytes)}
        headers["Content-Disposition"] = f'attachment; filename="{job.shown_name}"'
        return StreamingResponse(_chunks(file), media_type=_media_type(job), headers=headers)

    async def remove(self, request: Request) -> Response:
        """It stops within a second or two, if it still runs."""
        job = self._find(request)
        await asyncio.to_thread(self._folder.remove, job)
        return json_response({**job_object(job), "status": "removed"})

    def _find(self, request: Request) -> Job:
        job = self._folder.one(request.path_params["id"])
        if job is None or not _is_mine(job):
            raise ApiError(404, NOT_FOUND)
        return job


def _is_mine(job: Job) -> bool:
    """Others' files hold what they may see; the admin sees all."""
    return rights().is_admin or job.is_of(author_id(), author(""))


def _media_type(job: Job) -> str:
    return PACKED_TYPES.get(job.wish.packing) or MEDIA_TYPES[job.wish.format]


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


def _queued(job: Job) -> Response:
    return json_response({"id": job.id, "status": job.status}, 202, {"Location": f"/exports/{job.id}"})


def job_object(job: Job) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(job)
    for name in ("rights", "notice_tries", "erased"):
        del body[name]
    wish = body.pop("wish")
    download = f"/exports/{job.id}/download" if job.status is Status.DONE and not job.object else None
    return {"person_id": wish.pop("id"), **wish, **body, "download": download}
