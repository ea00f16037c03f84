"""Makes the exports of schedules: each due time once, and of those that were missed the last one alone."""

from __future__ import annotations

import asyncio
import math
import time

import structlog

from services.common import caller
from services.common.envelope import STORES_AWAY, ApiError
from services.common.logins import Logins
from services.common.queries.query_error import QueryError
from services.export.access import may_export
from services.export.jobs.exporter import Exporter
from services.export.jobs.job import Job
from services.export.jobs.wish import read_wish
from services.export.metrics import ExportMetrics
from services.export.record_folder import RecordFolder
from services.export.schedules.schedule import Outcome, Schedule
from services.export.watching import watch

log = structlog.get_logger()

AGAIN_SECONDS = 10.0  # before another try of what may pass
_MAY_PASS = (429, 503, 507)
USER_GONE = "The user who made this schedule is gone, or may not log in."
NO_RIGHT = "The user who made this schedule may no longer export contacts."


class NotNowError(Exception):
    """It cannot be made at this moment; says why."""


class Scheduler:
    """Several processes may share the folder. Who holds the lock of a schedule makes what is due, under an id that
    follows from the due time, and then writes the next one: whoever comes after a crash in between finds the export
    made, and makes no second one."""

    def __init__(
        self, folder: RecordFolder[Schedule], exporter: Exporter, logins: Logins, metrics: ExportMetrics
    ) -> None:
        self._folder, self._exporter, self._logins, self._metrics = folder, exporter, logins, metrics
        self._server: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._server = asyncio.create_task(watch(self._folder, self._served, asyncio.Event()))

    async def close(self) -> None:
        if self._server:
            self._server.cancel()
            await asyncio.gather(self._server, return_exceptions=True)

    async def _served(self) -> float:
        """When to look again, even if nothing changes."""
        looks_again = math.inf
        for schedule in await asyncio.to_thread(self._folder.all):
            if schedule.is_due(time.time()):
                try:
                    await asyncio.create_task(self._make(schedule))  # in a context of its own: it enters a caller
                except Exception:  # of a zone that is no longer known, say: the others are made all the same
                    log.exception("schedule_broken", schedule=schedule.id)
                looks_again = min(looks_again, time.time() + AGAIN_SECONDS)
            elif not schedule.is_paused:
                looks_again = min(looks_again, schedule.due_at)
        return looks_again

    async def _make(self, known: Schedule) -> None:
        with self._folder.claimed(known) as is_mine:
            schedule = self._folder.one(known.id)  # as it is now that nobody else has it
            if not is_mine or schedule is None or not schedule.is_due(now := time.time()):
                return
            before = schedule.last
            schedule.due_at = due_at = schedule.rhythm.latest_due(schedule.due_at, now)
            try:
                schedule.last = await self._outcome(schedule, now)
                schedule.due_at = schedule.rhythm.next_due(now)
                self._metrics.scheduled.add(value="refused" if schedule.last.error else "made")
            except NotNowError as error:
                schedule.last = Outcome(due_at, now, error=str(error))
                if before and (before.due_at, before.error) == (due_at, str(error)):
                    return
            log.info("schedule_due", schedule=schedule.id, export=schedule.last.export_id, error=schedule.last.error)
            await asyncio.to_thread(self._folder.save, schedule)

    async def _outcome(self, schedule: Schedule, now: float) -> Outcome:
        """Raises `NotNowError`."""
        try:
            job = await self._export(schedule)
            return Outcome(schedule.due_at, now, export_id=job.id)
        except (ApiError, QueryError) as error:
            if isinstance(error, ApiError) and error.status in _MAY_PASS:
                raise NotNowError(str(error)) from error
            return Outcome(schedule.due_at, now, error=str(error))
        except STORES_AWAY as error:
            log.warning("schedule_waits", schedule=schedule.id, error=type(error).__name__)
            raise NotNowError("A database does not answer at the moment.") from error
        except Exception as error:
            log.exception("schedule_broken", schedule=schedule.id)
            return Outcome(schedule.due_at, now, error=f"an error of this service: {type(error).__name__}")

    async def _export(self, schedule: Schedule) -> Job:
        """By the rights that its user has now. Raises `ApiError`, `QueryError`, what the stores raise."""
        user = await self._logins.user_of(schedule.user_id)
        if user is None:
            raise ApiError(403, USER_GONE)
        if not may_export(user.rights):
            raise ApiError(403, NO_RIGHT)
        caller.enter(user)
        await asyncio.to_thread(self._exporter.forget, schedule.id)
        wish = read_wish(schedule.export, round(schedule.due_at * 1e6))
        return await self._exporter.create(wish, schedule.export_id(), schedule.id)
