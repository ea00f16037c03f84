"""A job: one action on all contacts of a segment or a search, and how far it has come. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from services.common.documents import Document
from services.contacts.jobs import job_shapes
from services.contacts.jobs.action import Action
from services.contacts.objects import iso
from services.contacts.records.api import Resource

JOB = "job"
RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
MAX_ERRORS = 20  # that are kept of one job


class Target(msgspec.Struct, array_like=True, frozen=True):
    """A contact, and when it first came (microseconds) if it is an anonymous visitor, else 0."""

    id: int
    first_seen_us: int = 0


class Job(Document):
    """On whoever was there when it was made and belongs to the segment (or the search) when their turn comes.

    `pending` are those that are being worked on: after a crash they are worked on again, which changes nothing. `after`
    is the last one of them; ids rise.
    """

    action: Action
    search: str = ""
    segment_id: int = 0
    status: str = RUNNING
    total: int = 0
    done: int = 0
    failed: int = 0
    after: int = 0
    pending: list[Target] = []
    errors: dict[str, str] = {}  # by contact
    why: str = ""  # it failed as a whole
    ended_us: int = 0


class Counted(NamedTuple):
    """What became of the pending ones."""

    done: int = 0
    errors: dict[str, str] = {}


def advanced(stored: Job, read: Job, counted: Counted, coming: list[Target], now_us: int) -> Job:
    """The job after the pending ones of `read` were worked on, and with those that come next. Whoever else has done
    that meanwhile has counted them."""
    if stored.pending != read.pending or stored.after != read.after or stored.status == DONE:
        return stored
    done, failed = stored.done + counted.done, stored.failed + len(counted.errors)
    errors = {**counted.errors, **stored.errors} if counted.errors else stored.errors
    job = msgspec.structs.replace(
        stored, done=done, failed=failed, errors=dict(list(errors.items())[:MAX_ERRORS]), pending=[]
    )
    if stored.status != RUNNING:
        return job
    if not coming:  # who has left the segment meanwhile, or is gone, no longer counts
        return ended(msgspec.structs.replace(job, total=done + failed), DONE, now_us)
    return msgspec.structs.replace(job, pending=coming, after=coming[-1].id)


def ended(stored: Job, status: str, now_us: int, why: str = "") -> Job:
    """Without the search, which may name somebody."""
    if stored.status != RUNNING:
        return stored
    return msgspec.structs.replace(stored, status=status, why=why, ended_us=now_us, search="")


def show_job(_: str, job: Job) -> dict[str, Any]:
    return {
        "action": job.action.name,
        "segment": job.segment_id or None,
        "search": job.search or None,
        "status": job.status,
        "total": job.total,
        "done": job.done,
        "failed": job.failed,
        "errors": job.errors,
        "message": job.why or None,
        "dateEnded": iso(job.ended_us),
    }


JOBS = Resource(JOB, "job", "jobs", Job, None, show_job, shown=job_shapes.Job, said=job_shapes.BatchAction)
