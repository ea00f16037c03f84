"""An import: a file, what its columns become, and how far it is. Pure.

Rows are counted in the order of the file. What is written of a row is made of its number: the id and the time that a
new contact gets stand in `windows` before its rows are begun, so that whoever does them again does the same.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from services.common.documents import IMPORT as IMPORT
from services.common.documents import Document
from services.common.rights import NOTHING, Rights
from services.contacts.imports.dialect import Dialect

WINDOW_ROWS = 50_000
KEPT_WINDOWS = 3
MAX_ATTEMPTS = 3


class Status(StrEnum):
    DRAFT = "draft"  # nobody has started it yet
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "imported"
    FAILED = "failed"  # as a whole
    CANCELLED = "cancelled"


UNDER_WAY = (Status.QUEUED, Status.RUNNING)
OVER = (Status.DONE, Status.CANCELLED)  # its file is removed


class Window(msgspec.Struct, array_like=True, frozen=True):
    """Rows from this number on get these ids, one each, and this time."""

    row: int
    first_id: int
    time_us: int


class Defaults(msgspec.Struct, frozen=True, omit_defaults=True):
    """What holds for all rows."""

    owner_id: int | None = None
    segments: list[int] = []
    tags: list[str] = []


class Import(Document, kw_only=True, omit_defaults=True):
    name: str  # of the file
    file: str  # where it is kept
    bytes: int = 0
    line_count: int = 0
    dialect: Dialect = Dialect()
    headers: list[str] = []
    columns: list[str] = []  # what each becomes, '' for nothing
    defaults: Defaults = Defaults()
    keeps_values: bool = False
    status: Status = Status.DRAFT
    rows: int = 0  # done, the header left out
    line: int = 0  # of the file, up to which they are done
    inserted: int = 0
    updated: int = 0
    failed: int = 0
    windows: list[Window] = []
    user_id: int = 0  # who started it, and what they might do then
    user: str = ""
    rights: Rights = NOTHING
    attempts: int = 0  # since it came on the last time
    started_us: int = 0
    ended_us: int = 0
    why: str = ""  # it failed as a whole


class Done(msgspec.Struct, frozen=True):
    """What became of the rows from one number up to another."""

    from_row: int
    to_row: int
    line: int
    inserted: int
    updated: int
    failed: int


def begun(stored: Import, now_us: int) -> Import:
    """Taken up by a process. One that was taken up too often without coming on fails."""
    if stored.status not in UNDER_WAY:
        return stored
    if stored.attempts >= MAX_ATTEMPTS:
        return ended(stored, Status.FAILED, now_us, f"It broke off {MAX_ATTEMPTS} times behind line {stored.line:,}.")
    return msgspec.structs.replace(
        stored, status=Status.RUNNING, attempts=stored.attempts + 1, started_us=stored.started_us or now_us
    )


def advanced(stored: Import, done: Done) -> Import:
    """After these rows; whoever else has counted them meanwhile has counted them."""
    if stored.rows != done.from_row:
        return stored
    return msgspec.structs.replace(
        stored,
        rows=done.to_row,
        line=done.line,
        inserted=stored.inserted + done.inserted,
        updated=stored.updated + done.updated,
        failed=stored.failed + done.failed,
        attempts=0,
    )


def with_window(stored: Import, window: Window) -> Import:
    """Whoever has said so of these rows meanwhile has said it for all."""
    if any(one.row == window.row for one in stored.windows):
        return stored
    return msgspec.structs.replace(stored, windows=sorted([*stored.windows, window], key=_row)[-KEPT_WINDOWS:])


def _row(window: Window) -> int:
    return window.row


def window_of(stored: Import, row: int) -> Window | None:
    start = row - row % WINDOW_ROWS
    return next((one for one in stored.windows if one.row == start), None)


def ended(stored: Import, status: Status, now_us: int, why: str = "") -> Import:
    if stored.status not in (*UNDER_WAY, Status.PAUSED, Status.DRAFT, Status.FAILED) or stored.status is status:
        return stored
    return msgspec.structs.replace(stored, status=status, ended_us=now_us, why=why)


def queued(stored: Import) -> Import:
    """From the beginning, or from where it was."""
    return msgspec.structs.replace(stored, status=Status.QUEUED, attempts=0, why="", ended_us=0)
