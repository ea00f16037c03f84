"""Works jobs off, a few contacts of each in turn and so many a second at most; what broke off goes on where it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from services.common.caller import Caller, enter
from services.contacts.jobs.bulk import Bulk
from services.contacts.jobs.job import FAILED, JOB, RUNNING, Counted, Job, Target, advanced, ended
from services.contacts.jobs.targets import UNREADABLE, Targets
from services.contacts.records.record_writer import RecordWriter
from services.contacts.stores import Stores

log = structlog.get_logger()

CHUNK = 100  # contacts between two words on how far it has come
PAGE = 1_000  # contacts that are looked up at once: they are looked at again after some seconds at most
AT_ONCE = 10
EVERY_SECONDS = 1.0
_RUNNING = """
SELECT id FROM records FINAL
WHERE kind = {kind:String} AND JSONExtractString(data, 'status') IN ('', {running:String}) ORDER BY toUInt64OrZero(id)
"""


class AwayError(ConnectionError):
    """A store went away in the middle of a chunk, which is then done again."""


class JobRunner:
    """`work` is what a duty does. Any number of others may do the same job beside it: nothing is done twice."""

    def __init__(self, stores: Stores, contacts_per_second: int) -> None:
        self._stores, self._rate = stores, contacts_per_second
        self._targets = Targets(stores)
        self._ahead: dict[str, list[Target]] = {}  # of each job: who was looked up and comes next

    async def work(self) -> None:
        """Until nothing is left to do: also of jobs that come meanwhile, which may wait for no other job's end."""
        self._ahead.clear()  # it may be a while since
        while any([await self._step(job_id) for job_id in await self._running()]):
            pass

    async def _running(self) -> list[str]:
        parameters = {"kind": JOB, "running": RUNNING}
        rows = (await self._stores.clickhouse.query(_RUNNING, parameters=parameters)).result_rows
        return [str(job_id) for (job_id,) in rows]

    async def _step(self, job_id: str) -> bool:
        """Whether there is more to do."""
        job = await self._jobs("").one(job_id)
        if job is None or job.status != RUNNING:
            return False
        # What is mine is whose job it is, and that is who has changed what it changes.
        enter(Caller(f"job:{job_id}", job.created_by_id, job.created_by))
        began = time.monotonic()
        counted = await self._do(job) if job.pending else Counted()
        try:
            coming = await self._coming(job_id, job)
        except UNREADABLE as error:
            why = str(error)
            await self._change(job_id, job, lambda stored: ended(stored, FAILED, _now_us(), why))
            log.warning("job_failed", job=job_id, error=type(error).__name__)
            return False
        stored = await self._change(job_id, job, lambda old: advanced(old, job, counted, coming, _now_us()))
        spare = len(job.pending) / self._rate - (time.monotonic() - began)
        await asyncio.sleep(max(0.0, spare))
        return stored is not None and stored.status == RUNNING

    async def _do(self, job: Job) -> Counted:
        """Who is gone meanwhile needs nothing done to it."""
        outcomes = await Bulk(self._stores, job.created_by).do(job.action, job.pending, AT_ONCE)
        if any(outcome.is_away for outcome in outcomes):
            raise AwayError("a store went away in the middle of a job")
        errors = {
            str(target.id): outcome.error.message
            for target, outcome in zip(job.pending, outcomes, strict=True)
            if outcome.error and not outcome.is_gone
        }
        return Counted(len(outcomes) - len(errors), errors)

    async def _coming(self, job_id: str, job: Job) -> list[Target]:
        """Who comes next. Raises what `UNREADABLE` lists."""
        ahead = [target for target in self._ahead.get(job_id, []) if target.id > job.after]
        if not ahead:
            where = await self._targets.where_of(job)
            ahead = await self._targets.page(where, job.added_us, job.after, PAGE)
        self._ahead[job_id] = ahead[CHUNK:]
        return ahead[:CHUNK]

    async def _change(self, job_id: str, job: Job, apply: Callable[[Job], Job]) -> Job | None:
        return await self._jobs(job.created_by).change(job_id, apply)

    def _jobs(self, user: str) -> RecordWriter[Job]:
        return RecordWriter(self._stores, JOB, Job, user)


def _now_us() -> int:
    return time.time_ns() // 1_000
