"""One export: what was asked for, and how far it is. Kept as JSON beside its file."""

from __future__ import annotations

import os
import re
import secrets
from enum import StrEnum
from pathlib import Path

import msgspec

_ID = re.compile(r"[0-9a-f]{32}")


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(msgspec.Struct):
    """Times are seconds since 1970."""

    id: str
    search: str
    columns: list[str]
    created_at: float
    status: Status = Status.QUEUED
    started_at: float = 0.0
    finished_at: float = 0.0
    rows: int = 0
    bytes: int = 0
    error: str = ""
    user_id: int = 0  # whose it is
    user: str = ""


def new_id() -> str:
    return secrets.token_hex(16)


class JobFolder:
    """The files of all jobs: `<id>.json` always, `<id>.csv` only when it is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> list[Job]:
        """All jobs, oldest first; what a crash left half done is marked as failed, and its half file removed."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in (*self.folder.glob("*.part"), *self.folder.glob("*.json.new")):
            left.unlink(missing_ok=True)
        jobs = [job for path in self.folder.glob("*.json") if (job := _read(path)) is not None]
        for job in jobs:
            if job.status in (Status.QUEUED, Status.RUNNING):
                job.status, job.error = Status.FAILED, "interrupted"
                self.save(job)
            elif job.status is Status.DONE and not self.file(job.id).exists():
                job.status, job.error = Status.FAILED, "the file is gone"
                self.save(job)
        known = {job.id for job in jobs}
        for path in self.folder.glob("*.csv"):
            if path.stem not in known:
                path.unlink(missing_ok=True)
        return sorted(jobs, key=lambda job: (job.created_at, job.id))

    def save(self, job: Job) -> None:
        path = self.folder / f"{job.id}.json"
        new = path.with_suffix(".json.new")
        with open(new, "wb", opener=_private) as file:
            file.write(msgspec.json.encode(job))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        self.sync()

    def file(self, job_id: str) -> Path:
        return self.folder / f"{job_id}.csv"

    def part(self, job_id: str) -> Path:
        return self.folder / f"{job_id}.csv.part"

    def remove(self, job_id: str) -> None:
        for path in (self.folder / f"{job_id}.json", self.part(job_id), self.file(job_id)):
            path.unlink(missing_ok=True)

    def sync(self) -> None:
        """A rename is on the disk only when its folder is."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def private_file(path: Path) -> int:
    """A new file that only its owner reads: it will hold addresses."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read(path: Path) -> Job | None:
    try:
        job = msgspec.json.decode(path.read_bytes(), type=Job)
    except (msgspec.MsgspecError, OSError):
        return None
    return job if _ID.fullmatch(job.id) and job.id == path.stem else None
