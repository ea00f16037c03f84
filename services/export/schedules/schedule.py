"""A schedule: whose it is, what is exported, when, and what became of it the last time."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from services.export.schedules.rhythm import Rhythm


class Outcome(msgspec.Struct, frozen=True):
    """Of one due time. Without an export `error` says why there is none."""

    due_at: float
    made_at: float
    export_id: str = ""
    error: str = ""


class Schedule(msgspec.Struct):
    """Times are seconds since 1970. `export` is kept as it was said: `yesterday` is another day each time."""

    id: str
    created_at: float
    user_id: int
    user: str
    name: str
    rhythm: Rhythm
    export: dict[str, Any]
    due_at: float
    is_paused: bool = False
    last: Outcome | None = None

    def is_due(self, now: float) -> bool:
        return not self.is_paused and self.due_at <= now

    def export_id(self) -> str:
        """Of the export of the time that is due: the same for whoever makes it, and for whoever begins again."""
        return hashlib.blake2b(f"{self.id} {self.due_at}".encode(), digest_size=16).hexdigest()
