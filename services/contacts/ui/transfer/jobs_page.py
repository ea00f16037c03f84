"""Jobs: what is done to many contacts in the background, watched and stopped."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.inner_api import things_of
from services.contacts.ui.paging import Paging, read_paging

PATH = "/ui/jobs"
ONE = f"{PATH}/{{id:id}}"


class JobsPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {PATH: {"GET": self.list}, ONE: {"GET": self.one}, f"{ONE}/cancel": {"POST": self.cancel}}

    async def list(self, request: Request) -> Response:
        paging = read_paging(request)
        found = await self._desk.api.get("/api/jobs", {**paging.query(), "orderBy": "id", "orderByDir": "DESC"})
        rows = things_of(found, "jobs")
        return self._desk.page(
            request, "transfer/jobs.html", block="jobs", jobs=rows, paging=Paging.of(paging, int(found["total"])),
            is_under_way=any(job["status"] == "running" for job in rows),
        )  # fmt: skip

    async def one(self, request: Request) -> Response:
        job = (await self._desk.api.get(f"/api/jobs/{request.path_params['id']}"))["job"]
        return self._desk.page(request, "transfer/job.html", block="progress", job=job)

    async def cancel(self, request: Request) -> Response:
        path = f"/jobs/{request.path_params['id']}"
        await self._desk.api.send("POST", f"/api{path}/cancel")
        return self._desk.go(request, f"/ui{path}", "Stopped; what it did is not undone.")
