"""The HTTP interface of schedules: create, list, one, change and pause, remove."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response

from services.common.caller import author, author_id, rights
from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.export.access import exporting
from services.export.jobs.exporter import Exporter, storing
from services.export.jobs.folder import JobFolder
from services.export.jobs.job import new_id
from services.export.jobs.wish import read_wish
from services.export.record_folder import RecordFolder
from services.export.schedules.draft import read_draft
from services.export.schedules.schedule import Schedule
from services.export.schedules.shapes import LastTime, NewSchedule, ScheduleChange, ShownSchedule

MAX_SCHEDULES = 100
TRIES, PAUSE_SECONDS = 50, 0.1  # for the lock of one that is being made

_ID = (Parameter("id", "The schedule", str, "0123456789abcdef0123456789abcdef", "path"),)
_BUSY = {409: "It is being made at this moment", 507: "The disk is full"}
LIST = Operation("The schedules, oldest first", {"schedules": list[ShownSchedule]})
CREATE = Operation(
    "Have an export made daily or weekly",
    ShownSchedule,
    body=NewSchedule,
    success={201: "Kept, with Location"},
    errors={429: "Too many are kept", 507: "The disk is full"},
)
ONE = Operation("One schedule: when it is due, and what became of it the last time", ShownSchedule, _ID)
CHANGE = Operation("Change a schedule, pause it, let it go on", ShownSchedule, _ID, body=ScheduleChange, errors=_BUSY)
REMOVE = Operation("Remove a schedule; what it has made stays", ShownSchedule, _ID, errors=_BUSY)


class SchedulesApi:
    def __init__(self, folder: RecordFolder[Schedule], jobs: JobFolder, exporter: Exporter) -> None:
        self._folder, self._jobs, self._exporter = folder, jobs, exporter

    def routes(self) -> list[DescribedRoute]:
        return [
            described("/schedules", exporting(self.list), get=LIST),
            described("/schedules", exporting(self.create), post=CREATE),
            described("/schedules/{id}", exporting(self.one), get=ONE),
            described("/schedules/{id}", exporting(self.change), patch=CHANGE),
            described("/schedules/{id}", exporting(self.remove), delete=REMOVE),
        ]

    async def list(self, _: Request) -> Response:
        found = await asyncio.to_thread(self._folder.all)
        return json_response({"schedules": [self._shown(one) for one in found if _is_mine(one)]})

    async def one(self, request: Request) -> Response:
        return json_response(self._shown(self._find(request)))

    async def create(self, request: Request) -> Response:
        draft = read_draft(await read_object(request))
        if not author_id():
            raise ApiError(403, "A schedule is a user's; tokens of services and of applications are nobody's.")
        if len(await asyncio.to_thread(self._folder.all)) >= MAX_SCHEDULES:
            raise ApiError(429, f"There are {MAX_SCHEDULES} schedules; delete some.")
        await self._exporter.check(read_wish(draft.export))
        now = time.time()
        schedule = Schedule(
            new_id(), now, author_id(), author(""), draft.name, draft.rhythm, draft.export,
            draft.rhythm.next_due(now), draft.is_paused,
        )  # fmt: skip
        with storing("schedule"):
            await asyncio.to_thread(self._folder.add, schedule)
        return json_response(self._shown(schedule), 201, {"Location": f"/schedules/{schedule.id}"})

    async def change(self, request: Request) -> Response:
        body = await read_object(request)
        async with self._held(request) as schedule:
            draft, now = read_draft(body, schedule), time.time()
            if draft.export != schedule.export:
                await self._exporter.check(read_wish(draft.export))
            if draft.rhythm != schedule.rhythm or schedule.is_paused:  # what was missed in a pause is not made
                schedule.due_at = draft.rhythm.next_due(now)
            schedule.name, schedule.rhythm, schedule.export, schedule.is_paused = draft
            with storing("schedule"):
                await asyncio.to_thread(self._folder.save, schedule)
        return json_response(self._shown(schedule))

    async def remove(self, request: Request) -> Response:
        async with self._held(request) as schedule:
            await asyncio.to_thread(self._folder.remove, schedule)
        return json_response(self._shown(schedule))

    def _find(self, request: Request) -> Schedule:
        schedule = self._folder.one(request.path_params["id"])
        if schedule is None or not _is_mine(schedule):
            raise ApiError(404, NOT_FOUND)
        return schedule

    @asynccontextmanager
    async def _held(self, request: Request) -> AsyncIterator[Schedule]:
        """As it is while nobody else writes it. Raises `ApiError` 404, 409."""
        for _ in range(TRIES):
            with self._folder.claimed(self._find(request)) as is_mine:
                if is_mine:
                    yield self._find(request)
                    return
            await asyncio.sleep(PAUSE_SECONDS)
        raise ApiError(409, "The schedule is being made at this moment; try again.")

    def _shown(self, schedule: Schedule) -> ShownSchedule:
        rhythm = schedule.rhythm
        return ShownSchedule(
            schedule.id, schedule.name, rhythm.every, rhythm.hour, rhythm.weekday, rhythm.timezone, schedule.is_paused,
            schedule.export, schedule.user_id, schedule.user, schedule.created_at,
            None if schedule.is_paused else schedule.due_at, self._last(schedule),
        )  # fmt: skip

    def _last(self, schedule: Schedule) -> LastTime | None:
        """With the export as it is now."""
        if (last := schedule.last) is None:
            return None
        job = self._jobs.one(last.export_id)
        status = job.status.value if job else "removed" if last.export_id else "not_made"
        rows, error = (job.rows, job.error) if job else (0, last.error)
        return LastTime(last.due_at, last.made_at, last.export_id or None, status, rows, error)


def _is_mine(schedule: Schedule) -> bool:
    """Others' schedules say what they look for; the admin sees all."""
    return rights().is_admin or schedule.user_id == author_id()
