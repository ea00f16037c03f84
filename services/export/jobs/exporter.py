"""Runs exports: two at a time, each streamed from ClickHouse into a file that appears whole or not at all."""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import structlog

from services.common import caller
from services.common.clickhouse import ClickHouse
from services.common.envelope import STORES_AWAY, ApiError
from services.common.field_registry import Fields
from services.common.smtp import Answer, Outcome
from services.export.erased import ErasureMark
from services.export.files.row_stream import BrokenOffError, GoOn
from services.export.jobs.faults import disk_words, may_pass, words
from services.export.jobs.folder import JobFolder
from services.export.jobs.job import MAX_ATTEMPTS, NOTICE_SENT, NOTICE_WAITS, WAITING, Job, Status, new_id
from services.export.jobs.planning import Part, plan, total
from services.export.jobs.store import ObjectStore
from services.export.jobs.wish import To, Wish
from services.export.jobs.writer import NICE, JobWriter
from services.export.metrics import ExportMetrics
from services.export.notices import Notices
from services.export.watching import watch

log = structlog.get_logger()

RUNNING_AT_ONCE = 2
MAX_WAITING = 50
MAX_JOBS = 1_000
MAX_NOTICES = 10  # tries, over three minutes or more
MAX_AT_ONCE = 10_000  # rows of an export for which somebody waits
PAUSE_SECONDS = 2.0  # before a second look at a ClickHouse that was away, twice that before a third one
SAVE_SECONDS = 1.0  # between two words on how far a job is
DAY = 86_400.0
FORGOTTEN = "removed with an erasure"  # in the place of an error, which may quote somebody
_NOTICES = {NOTICE_SENT: "sent", NOTICE_WAITS: "later"}  # as they are counted


class Unwanted(Exception):
    """The export was removed, somebody was erased meanwhile, or this process ends."""


class Exporter:
    def __init__(
        self, folder: JobFolder, metrics: ExportMetrics, fields: Fields, notices: Notices, store: ObjectStore,
        clickhouse_url: str, erased: ErasureMark, *, limit: int, days: float,
    ) -> None:  # fmt: skip
        """`limit`: how many rows an export may have, 0 for any; after `days` its file is removed."""
        self._folder, self._metrics, self._fields, self._notices = folder, metrics, fields, notices
        self._limit, self._days, self._store, self._erased = limit, days, store, erased
        self._clickhouse: ClickHouse | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._look = asyncio.Event()
        self._ends = threading.Event()
        self._beside: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(RUNNING_AT_ONCE, "export", _step_back)
        self._places = asyncio.Semaphore(RUNNING_AT_ONCE)  # for those that are made while somebody waits
        self.writer = JobWriter(folder, clickhouse_url, store)

    def open(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        watching = (watch(self._folder, self._served, self._look), self._erased.watch(self.forget_erased))
        self._beside = [asyncio.create_task(one) for one in watching]

    async def close(self) -> None:
        """What runs is left to whoever has room next."""
        self._ends.set()
        for one in self._beside:
            one.cancel()
        await asyncio.gather(*self._running.values(), *self._beside, return_exceptions=True)
        self._threads.shutdown()

    async def create(self, wish: Wish, job_id: str = "", schedule_id: str = "") -> Job:
        """A queued job; one that was made under this id already is that one. Raises `ApiError` 400, 429, 507, 503, and
        what `plan` raises."""
        if known := self._folder.one(job_id):
            return known
        jobs = await asyncio.to_thread(self._folder.all)
        if len(jobs) >= MAX_JOBS or sum(job.status in WAITING for job in jobs) >= MAX_WAITING + RUNNING_AT_ONCE:
            raise ApiError(429, "There are too many exports; delete some, or wait.")
        to = await self._notice_to(wish)
        job = Job(
            job_id or new_id(), wish, time.time(), await self._count(wish), user_id=caller.author_id(),
            user=caller.author(""), rights=caller.rights(), notice_to=to, schedule_id=schedule_id,
        )  # fmt: skip
        job.object = self._store.address_of(job) if wish.to is To.S3 else ""
        with storing("export"):
            await asyncio.to_thread(self._folder.add, job)
        self._look.set()
        return job

    async def check(self, wish: Wish) -> None:
        """Whether the caller might ask for it now. Raises what `create` raises of a wish."""
        await self._notice_to(wish)
        await self._count(wish)

    async def at_once(self, wish: Wish) -> Job:
        """A file that is whole, of a job that nobody knows: whoever asked removes it. Raises `ApiError` 400 for more
        than `MAX_AT_ONCE` rows, 503, 507, and what `plan` raises."""
        if wish.to is To.S3:
            text = "What is answered at once goes into no store."
            raise ApiError(400, text, {"to": [text]})
        parts = await self._parts(wish)
        job = Job(new_id(), wish, time.time(), await total(parts, self._clickhouse))
        if job.total > MAX_AT_ONCE:
            text = f"These are {job.total:,} rows; at once there are {MAX_AT_ONCE:,} at most. Ask for an export."
            raise ApiError(400, text, {"search": [text]})
        async with self._places:
            try:
                await asyncio.to_thread(self.writer.write, job, parts, lambda _: None)
            except Exception as error:
                self._folder.remove(job)
                if isinstance(error, (BrokenOffError, OSError, ValueError)):
                    raise ApiError(507 if isinstance(error, OSError) else 503, words(error)) from error
                raise
        return job

    async def retry(self, job: Job) -> Job:
        """One that failed, or whose file is gone, is queued again; whoever asked for it may see what they may see now.
        Raises `ApiError`."""
        is_gone = job.status is Status.DONE and not job.object and not self._folder.file(job).exists()
        if job.status not in (Status.FAILED, Status.EXPIRED) and not is_gone:
            raise ApiError(409, f"The export is {job.status}.")
        if job.is_of(caller.author_id(), caller.author("")):
            job.rights = caller.rights()
        job.status, job.error, job.attempts, job.rows, job.bytes = Status.QUEUED, "", 0, 0, 0
        job.notice, job.notice_tries = "", 0
        job.total = await self._count(job.wish)
        if not await asyncio.to_thread(self._folder.save, job):
            raise ApiError(404, "The export is gone.")
        self._look.set()
        return job

    async def _notice_to(self, wish: Wish) -> str:
        """Raises `ApiError` 400."""
        return await self._notices.address_of(caller.author_id()) if wish.notify else ""

    async def _count(self, wish: Wish) -> int:
        """How many rows it would have now. Raises `ApiError` 400 for more than an export may have, or a store that
        there is not."""
        if wish.to is To.S3:
            self._store.check()
        parts = await self._parts(wish)
        found = await total(parts, self._clickhouse)
        if self._limit and found > self._limit:
            text = f"These are {found:,} {wish.of}; an export has {self._limit:,} at most. Search for fewer."
            raise ApiError(400, text, {"search": [text]})
        return found

    async def forget_erased(self, mark: int) -> bool:
        """Removes what was read before this erasure. What runs begins again by itself, or ends before it sees that:
        then False, and it is to be called again. Raises `OSError`."""
        jobs = [job for job in await asyncio.to_thread(self._folder.all) if job.erased != mark]
        for job in jobs:
            if job.status not in WAITING:
                await asyncio.to_thread(self._forget, job, mark)
        await asyncio.to_thread(self._folder.open)  # what belongs to no export
        return not any(job.status is Status.RUNNING for job in jobs)

    def _forget(self, job: Job, mark: int) -> None:
        job.erased, job.error = mark, FORGOTTEN if job.error else ""
        if job.status is Status.DONE and not job.object:
            self._expire(job)
        else:
            self._folder.save(job)

    def forget(self, schedule_id: str) -> None:
        """What a schedule made so long ago that files of that time are gone; the bucket keeps its own."""
        before = time.time() - self._days * DAY if self._days else 0.0
        for job in self._folder.all():
            if job.schedule_id == schedule_id and job.status not in WAITING and job.finished_at < before:
                self._folder.remove(job)

    async def _parts(self, wish: Wish) -> list[Part]:
        if self._clickhouse is None:
            raise ApiError(503, "The service is starting.")
        return await plan(wish, self._clickhouse, self._fields)

    async def _served(self) -> float:
        """Takes what waits, oldest first, and removes what is too old. Returns when to look again."""
        looks_again = math.inf
        jobs = await asyncio.to_thread(self._folder.all)
        self._metrics.waiting.value = sum(job.status in WAITING for job in jobs)
        for job in jobs:
            if job.status in WAITING:  # also of a process that dies without a word
                looks_again = 0.0
                if job.id not in self._running and len(self._running) < RUNNING_AT_ONCE:
                    self._start(job.id, self._work)
            elif job.status is Status.DONE and job.notice == NOTICE_WAITS:
                looks_again = 0.0
                if job.id not in self._running:
                    self._start(job.id, self._tell)
            elif job.status is Status.DONE and job.expires_at:
                if job.expires_at < time.time():
                    await asyncio.to_thread(self._expire, job)
                else:
                    looks_again = min(looks_again, job.expires_at)
        return looks_again

    def _start(self, job_id: str, work: Callable[[str], Coroutine[None, None, None]]) -> None:
        task = asyncio.create_task(work(job_id))
        self._running[job_id] = task
        self._metrics.running.value = len(self._running)

        def ended(_: asyncio.Task[None]) -> None:
            del self._running[job_id]
            self._metrics.running.value = len(self._running)
            self._look.set()

        task.add_done_callback(ended)

    def _expire(self, job: Job) -> None:
        self._folder.file(job).unlink(missing_ok=True)
        job.status = Status.EXPIRED
        self._folder.save(job)

    async def _tell(self, job_id: str) -> None:
        """Sends the mail that says that it is done; tried again while it may help."""
        known = self._folder.one(job_id)
        if known is None:
            return
        with self._folder.claimed(known) as is_mine:
            job = self._folder.one(job_id)
            if not is_mine or job is None or job.notice != NOTICE_WAITS:
                return
            job.notice_tries += 1
            try:
                answer = await self._notices.tell(job)
            except Exception as error:
                log.exception("notice_broken", job=job.id)
                answer = Answer(Outcome.REFUSED, f"an error of this service: {type(error).__name__}")
            if answer.outcome is Outcome.SENT:
                job.notice = NOTICE_SENT
            elif answer.outcome is not Outcome.LATER or job.notice_tries >= MAX_NOTICES:
                job.notice = answer.reason or answer.outcome.value
            self._metrics.notices.add(value=_NOTICES.get(job.notice, "given_up"))
            await asyncio.to_thread(self._folder.save, job)
            if job.notice == NOTICE_WAITS:
                await asyncio.to_thread(self._ends.wait, job.notice_tries * PAUSE_SECONDS)

    async def _work(self, job_id: str) -> None:
        known = self._folder.one(job_id)
        if known is None:
            return
        with self._folder.claimed(known) as is_mine:
            job = self._folder.one(job_id)  # as it is now that nobody else has it
            if not is_mine or job is None or job.status not in WAITING:
                return
            job.attempts += 1
            job.status, job.started_at, job.rows, job.bytes, job.error = Status.RUNNING, time.time(), 0, 0, ""
            job.erased = await self._erased.read()
            try:
                if job.attempts > MAX_ATTEMPTS:
                    raise ValueError(f"interrupted {MAX_ATTEMPTS} times")
                await asyncio.to_thread(self._folder.save, job)
                caller.enter(job.as_caller())
                parts = await self._parts(job.wish)
                if job.object:  # ClickHouse does not say everywhere how many rows it wrote
                    job.total = await total(parts, self._clickhouse)
                await asyncio.get_running_loop().run_in_executor(
                    self._threads, self.writer.write, job, parts, self._progress(job)
                )
                job.rows = job.total if job.object else job.rows
                job.status, job.notice = Status.DONE, NOTICE_WAITS if job.notice_to else ""
            except Unwanted:
                job.status, job.attempts = Status.QUEUED, job.attempts - 1
            except (BrokenOffError, ApiError, ValueError, *STORES_AWAY) as error:
                job.status, job.error = Status.FAILED, words(error)
                if may_pass(error) and job.attempts < MAX_ATTEMPTS:
                    job.status = Status.QUEUED
            except Exception as error:
                log.exception("export_broken", job=job.id)
                job.status, job.error = Status.FAILED, f"an error of this service: {type(error).__name__}"
            await self._finish(job)
            if job.status is Status.QUEUED and job.error:
                await asyncio.to_thread(self._ends.wait, job.attempts * PAUSE_SECONDS)

    async def _finish(self, job: Job) -> None:
        if job.status is not Status.DONE:
            self._folder.part(job).unlink(missing_ok=True)
        if job.status in (Status.DONE, Status.FAILED):
            job.finished_at = time.time()
            job.expires_at = job.finished_at + self._days * DAY if self._days and not job.object else 0.0
            self._metrics.finished.add(value=job.status)
            self._metrics.rows.add(job.rows if job.status is Status.DONE else 0)
            self._metrics.bytes.add(job.bytes if job.status is Status.DONE else 0)
            self._metrics.seconds.observe(job.finished_at - job.started_at)
            log.info("export_finished", job=job.id, status=job.status, rows=job.rows, bytes=job.bytes)
        try:
            if not await asyncio.to_thread(self._folder.save, job):
                await asyncio.to_thread(self._folder.remove, job)
        except OSError as error:
            log.warning("export_not_saved", job=job.id, error=disk_words(error))

    def _progress(self, job: Job) -> GoOn:
        """Keeps how far the job is. It raises `Unwanted`."""
        last = time.monotonic()

        def go_on(_: int) -> None:
            nonlocal last
            if self._ends.is_set() or job.erased != self._erased.known:
                raise Unwanted
            if time.monotonic() - last < SAVE_SECONDS:
                return
            last = time.monotonic()
            if not self._folder.save(job, is_lasting=False):
                raise Unwanted

        return go_on


@contextmanager
def storing(what: str) -> Iterator[None]:
    """Raises `ApiError` 507 where the disk takes nothing."""
    try:
        yield
    except OSError as error:
        raise ApiError(507, f"The {what} cannot be stored: {disk_words(error)}.") from error


def _step_back() -> None:
    """Of the thread that runs."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
