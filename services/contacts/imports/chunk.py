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
    """`written`: until they are in Redis; `counted`: until all of them is done and counted."""

    written: asyncio.Task[None]
    counted: asyncio.Task[None]

    def __init__(self, first: int, rows: Sequence[Row], line: int, window: Window) -> None:
        self.first, self.rows, self.line, self.window = first, rows, line, window
        self._to_row = first + len(rows)
        self.todo: list[Todo] = []
        self.failures: list[Failure] = []
        self.lot = Lot()
        self._outcomes: Mapping[int, Outcome] = {}
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
        self._outcomes = outcomes
        for number, outcome in sorted(outcomes.items()):
            if outcome.error:
                row = self.rows[number - self.first]
                self.failures.append(Failure(row.line, outcome.error, row.cells))
        self.rows, self.todo, self.marks, self._about = [], [], {}, set()

    def result(self) -> Done:
        written = [one for one in self._outcomes.values() if not one.error]
        inserted = sum(one.is_new for one in written)
        return Done(self.first, self._to_row, self.line, inserted, len(written) - inserted, len(self.failures))


async def room(in_hand: Iterable[Chunk]) -> None:
    """Returns when few enough are being written."""
    written = {one.written for one in in_hand if not one.written.done()}
    if len(written) >= WRITTEN_AT_ONCE:
        await asyncio.wait(written, return_when=asyncio.FIRST_COMPLETED)
