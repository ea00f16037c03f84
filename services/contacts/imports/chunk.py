"""Some rows on their way: what they become, what they are about, and how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from services.contacts.imports.bulk import Lot
from services.contacts.imports.chunk_writer import Marks
from services.contacts.imports.document import Done, Window
from services.contacts.imports.failures import Failure
from services.contacts.imports.part_writer import Outcome, Todo
from services.contacts.imports.rows import Row

WRITTEN_AT_ONCE = 3  # chunks; others in hand are in Redis, and wait for ClickHouse


class Chunk:
    """`written`: until they are in Redis; `counted`: until they are in ClickHouse, too, and counted."""

    written: asyncio.Task[None]
    counted: asyncio.Task[None]

    def __init__(self, first: int, rows: Sequence[Row], line: int, window: Window) -> None:
        self.first, self.rows, self.line, self.window = first, rows, line, window
        self.to_row = first + len(rows)
        self.todo: list[Todo] = []
        self.failures: list[Failure] = []
        self.lot = Lot()
        self.is_stored = self.is_counted = False
        self.inserted = self.updated = 0
        self.marks: Marks = {}
        self._about: set[object] = set()

    def is_about(self, other: Chunk) -> bool:
        """Whether they have a contact in common, as far as they say."""
        return not self._about.isdisjoint(other._about)

    def tell(self, marks: Marks) -> None:
        """Whom its rows are about."""
        self.marks = marks
        self._about = {mark for some in marks.values() for mark in some}

    def take(self, outcomes: Mapping[int, Outcome]) -> None:
        """What became of those that were read. Nothing is kept of them but that."""
        wrong = sorted([(number, outcome.error) for number, outcome in outcomes.items() if outcome.error])
        for number, error in wrong:
            row = self.rows[number - self.first]
            self.failures.append(Failure(row.line, error, row.cells))
        self.inserted = sum([one.is_new for one in outcomes.values() if not one.error])
        self.updated = len(outcomes) - len(wrong) - self.inserted
        self.rows, self.todo, self.marks, self._about = [], [], {}, set()


def done_of(chunks: Sequence[Chunk]) -> Done:
    """What became of all rows of chunks that follow each other."""
    first, last = chunks[0], chunks[-1]
    inserted, updated = sum(one.inserted for one in chunks), sum(one.updated for one in chunks)
    return Done(first.first, last.to_row, last.line, inserted, updated, sum(len(one.failures) for one in chunks))


async def room(in_hand: Iterable[Chunk]) -> None:
    """Returns when few enough are being written."""
    written = {one.written for one in in_hand if not one.written.done()}
    if len(written) >= WRITTEN_AT_ONCE:
        await asyncio.wait(written, return_when=asyncio.FIRST_COMPLETED)
