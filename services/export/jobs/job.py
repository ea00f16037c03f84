"""One export: what was asked for, by whom, and how far it is."""

from __future__ import annotations

import secrets
from enum import StrEnum

import msgspec

from services.common.caller import Caller
from services.common.rights import NOTHING, Rights
from services.export.files.packing import ENDINGS
from services.export.jobs.wish import Wish

MAX_ATTEMPTS = 3


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


NOTICE_WAITS, NOTICE_SENT = "waiting", "sent"
WAITING = (Status.QUEUED, Status.RUNNING)  # one that runs in a process that died waits for another one


class Job(msgspec.Struct):
    """Times are seconds since 1970. `total` is how many rows there were when it was asked for."""

    id: str
    wish: Wish
    created_at: float
    total: int = 0
    status: Status = Status.QUEUED
    started_at: float = 0.0
    finished_at: float = 0.0
    expires_at: float = 0.0
    rows: int = 0
    bytes: int = 0
    attempts: int = 0
    error: str = ""
    user_id: int = 0  # whose it is
    user: str = ""
    rights: Rights = NOTHING
    notice_to: str = ""  # who gets a mail when it is done
    notice: str = ""  # what became of that mail: waiting, sent, or why not
    notice_tries: int = 0
    object: str = ""  # its address, where it goes into the store
    schedule_id: str = ""  # by which it was made
    erased: int = 0  # the mark of the last erasure before it began to read

    @property
    def file_name(self) -> str:
        return f"{self.id}.{self.wish.format}{ENDINGS[self.wish.packing]}"

    @property
    def shown_name(self) -> str:
        """What whoever downloads it calls it."""
        return f"{self.wish.of}-{self.id[:8]}.{self.wish.format}{ENDINGS[self.wish.packing]}"

    def is_of(self, user_id: int, name: str) -> bool:
        return (self.user_id, self.user) == (user_id, name)

    def as_caller(self) -> Caller:
        """Whoever asked for it: the file has what they might see then."""
        return Caller(f"user:{self.user_id}", self.user_id, self.user, self.rights)


def new_id() -> str:
    return secrets.token_hex(16)
