"""Runs exports: two at a time, each streamed from ClickHouse into a file that appears whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable
from typing import Any

import structlog

from services.common.caller import author, author_id
from services.common.clickhouse import ClickHouse
from services.common.envelope import STORES_AWAY, ApiError
from services.common.queries.segments import load_memberships
from services.export.csv_count import CsvCounter
from services.export.csv_query import CsvQuery, csv_query
from services.export.job import Job, JobFolder, Status, new_id, private_file
from services.export.metrics import ExportMetrics

log = structlog.get_logger()

RUNNING_AT_ONCE = 2
MAX_WAITING = 50
MAX_JOBS = 1_000
WRITE_BYTES = 1 << 20  # so much is gathered before the disk is asked, in a thread

_SETTINGS = {
    # Spill to the server's disk instead of growing: an export has time.
    "max_bytes_before_external_group_by": 1 << 30,
    "max_bytes_before_external_sort": 1 << 30,
    # Both sides of the search see one state of `contacts`; else a visitor who is identified between them is on neither.
    # ClickHouse has it since 25.6, and newer versions by default.
    "enable_shared_storage_snapshot_in_query": 1,
}


class ExportError(Exception):
    """Why an export failed, in words for whoever asked for it."""


class Exporter:
    def __init__(self, folder: JobFolder, metrics: ExportMetrics) -> None:
        self._folder, self._metrics = folder, metrics
        self._clickhouse: ClickHouse | None = None
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(RUNNING_AT_ONCE)

    def open(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def recall(self) -> None:
        """Reads the jobs of earlier runs."""
        self._jobs = {job.id: job for job in self._folder.open()}

    async def close(self) -> None:
        """Stops what runs; it is marked as interrupted at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def jobs(self) -> list[Job]:
        """Newest first."""
        return sorted(self._jobs.values(), key=lambda job: (job.created_at, job.id), reverse=True)

    def job(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    async def create(self, search: str, columns: list[str]) -> Job:
        """A queued job. Raises `ApiError` 429, 507, 503, and what `csv_query` raises."""
        if self._clickhouse is None:
            raise ApiError(503, "The service is starting.")
        query = csv_query(search, columns, await load_memberships(self._clickhouse, search))
        if len(self._jobs) >= MAX_JOBS or len(self._tasks) >= MAX_WAITING + RUNNING_AT_ONCE:
            raise ApiError(429, "There are too many exports; delete some, or wait.")
        job = Job(new_id(), search, columns, time.time(), user_id=author_id(), user=author(""))
        try:
            await in_thread(self._folder.save, job)
        except OSError as error:
            raise ApiError(507, f"The export cannot be stored: {_disk_words(error)}.") from error
        self._jobs[job.id] = job
        task = asyncio.create_task(self._run(job, query))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))
        return job

    async def remove(self, job_id: str) -> Job | None:
        """Cancels it if it still runs, and removes its files."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return None
        if task := self._tasks.get(job_id):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(self._folder.remove, job_id)
        return job

    async def _run(self, job: Job, query: CsvQuery) -> None:
        async with self._places:
            job.status, job.started_at = Status.RUNNING, time.time()
            try:
                await in_thread(self._folder.save, job)
                await self._write(job, query)
                job.status = Status.DONE
            except ExportError as error:
                job.status, job.error = Status.FAILED, str(error)
            except STORES_AWAY as error:
                job.status, job.error = Status.FAILED, _words(error)
            finally:
                if job.status is not Status.DONE:
                    self._folder.part(job.id).unlink(missing_ok=True)
            await self._finish(job)

    async def _finish(self, job: Job) -> None:
        job.finished_at = time.time()
        self._metrics.finished.add(value=job.status)
        self._metrics.rows.add(job.rows if job.status is Status.DONE else 0)
        log.info("export_finished", job=job.id, status=job.status, rows=job.rows, bytes=job.bytes)
        try:
            await in_thread(self._folder.save, job)
        except OSError as error:
            job.status, job.error = Status.FAILED, _disk_words(error)

    async def _write(self, job: Job, query: CsvQuery) -> None:
        """Flat memory: what has been written is forgotten. The name appears only after the fsync."""
        counter = CsvCounter()
        file = _File(private_file(self._folder.part(job.id)))
        try:
            await file.write(query.header)
            if query.sql is not None:
                await self._copy(job, query, file, counter)
            if fault := counter.fault():
                raise ExportError(f"ClickHouse broke off: {fault}")
            await file.sync()
        finally:
            await file.close()
        job.rows, job.bytes = counter.rows, file.size
        os.replace(self._folder.part(job.id), self._folder.file(job.id))
        self._folder.sync()

    async def _copy(self, job: Job, query: CsvQuery, file: _File, counter: CsvCounter) -> None:
        assert self._clickhouse is not None
        stream = await self._clickhouse.raw_stream(
            query.sql, parameters=query.parameters, fmt="CSV", settings=_SETTINGS
        )
        async with stream:
            async for chunk in stream:
                counter.feed(chunk)
                await file.write(chunk)
                job.rows, job.bytes = counter.rows, file.size


class _File:
    """Gathers chunks and writes them in a thread, so that a slow disk holds up nobody else."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()
        self.size = 0

    async def write(self, chunk: bytes) -> None:
        self._buffer += chunk
        self.size += len(chunk)
        if len(self._buffer) >= WRITE_BYTES:
            await self._flush()

    async def sync(self) -> None:
        await self._flush()
        await in_thread(os.fsync, self._descriptor)

    async def close(self) -> None:
        os.close(self._descriptor)

    async def _flush(self) -> None:
        data, self._buffer = bytes(self._buffer), bytearray()
        await in_thread(_write_all, self._descriptor, data)


async def in_thread(work: Callable[..., None], *arguments: Any) -> None:
    """Blocking work in a thread. A cancelled caller waits for its end: the file must not be closed under it."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _words(error: Any) -> str:
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EFBIG,
    ):
        return _disk_words(error)
    return f"ClickHouse does not answer: {str(error)[:300] or type(error).__name__}"


def _disk_words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    return f"the disk refuses: {error.strerror or error}"
