"""The jobs on disk: one file says what each is, one is its file when it is whole, and a lock says who works on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from services.export.jobs.job import Job

OLD_SECONDS = 3_600.0
_ID = re.compile(r"[0-9a-f]{32}")
_encode = msgspec.json.encode


class JobFolder:
    """Several processes may share it: what is on the disk is what is so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Removes what nobody asked for, or nobody finished: what is young may be another process's."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known, old = {job.id for job in self.jobs()}, time.time() - OLD_SECONDS
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.name.partition(".")[0] not in known and path.is_file() and path.stat().st_mtime < old:
                    path.unlink()

    def changed_ns(self) -> int:
        """Another number whenever a job was added, saved or removed. Raises `OSError`."""
        return self.folder.stat().st_mtime_ns

    def jobs(self) -> list[Job]:
        """Oldest first."""
        found = [job for path in self.folder.glob("*.json") if (job := _read(path)) is not None]
        return sorted(found, key=lambda job: (job.created_at, job.id))

    def job(self, job_id: str) -> Job | None:
        return _read(self.folder / f"{job_id}.json") if _ID.fullmatch(job_id) else None

    def add(self, job: Job) -> None:
        """On the disk when this returns. Raises `OSError`."""
        self._write(job, is_new=True)

    def save(self, job: Job, *, is_lasting: bool = True) -> bool:
        """False where it has been removed meanwhile. Raises `OSError`."""
        if not (self.folder / f"{job.id}.json").exists():
            return False
        self._write(job, is_lasting=is_lasting)
        return True

    def file(self, job: Job) -> Path:
        return self.folder / job.file_name

    def part(self, job: Job) -> Path:
        return self.folder / f"{job.id}.part"

    def publish(self, job: Job) -> None:
        """Its file is whole from now on."""
        os.replace(self.part(job), self.file(job))
        self._sync()

    def taken(self, job: Job) -> IO[bytes]:
        """Its file, open, and no longer in the folder. Servers that are told a path read it later than that."""
        file = self.file(job).open("rb")
        self.remove(job)
        return file

    def remove(self, job: Job) -> None:
        """What says so first: whoever works on it then stops."""
        for path in (self.folder / f"{job.id}.json", self.part(job), self.file(job), self._lock(job.id)):
            path.unlink(missing_ok=True)

    @contextmanager
    def claimed(self, job: Job) -> Iterator[bool]:
        """Whether this process may work on it until the end of the block. A process that dies lets go."""
        descriptor = os.open(self._lock(job.id), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)

    def _lock(self, job_id: str) -> Path:
        return self.folder / f"{job_id}.lock"

    def _write(self, job: Job, *, is_new: bool = False, is_lasting: bool = True) -> None:
        path = self.folder / f"{job.id}.json"
        new = self.folder / f"{job.id}.json.{os.getpid()}"
        with open(new, "wb", opener=_private) as file:
            file.write(_encode(job))
            file.flush()
            if is_lasting:
                os.fsync(file.fileno())
        os.replace(new, path)
        if is_lasting:
            self._sync()

    def _sync(self) -> None:
        """A rename is on the disk only when its folder is."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read(path: Path) -> Job | None:
    try:
        job = msgspec.json.decode(path.read_bytes(), type=Job)
    except (msgspec.MsgspecError, OSError):
        return None
    return job if _ID.fullmatch(job.id) and job.id == path.stem else None
