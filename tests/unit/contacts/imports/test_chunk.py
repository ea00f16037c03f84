"""What is told of chunks when they are counted."""

from __future__ import annotations

from services.contacts.imports.chunk import Chunk, done_of
from services.contacts.imports.document import Done, Window
from services.contacts.imports.failures import Failure
from services.contacts.imports.part_writer import Outcome
from services.contacts.imports.rows import Row

NEW, KNOWN, WRONG = Outcome(True), Outcome(False), Outcome(False, "no")


def chunk(first: int, *outcomes: Outcome) -> Chunk:
    """It begins in the line behind the header; rows have a line each."""
    rows = [Row(number + 2, [str(number)]) for number in range(first, first + len(outcomes))]
    made = Chunk(first, rows, first + len(outcomes) + 1, Window(0, 1, 1))
    made.take(dict(reversed(list(enumerate(outcomes, first)))))
    return made


def test_rows_that_failed_are_kept_in_their_order_with_their_cells() -> None:
    assert chunk(5, WRONG, NEW, WRONG).failures == [Failure(7, "no", ["5"]), Failure(9, "no", ["7"])]


def test_chunks_that_follow_each_other_are_counted_as_one() -> None:
    one, other = chunk(0, NEW, NEW, WRONG), chunk(3, NEW, KNOWN)
    one.failures.append(Failure(9, "not read", []))
    assert done_of([one]) == Done(0, 3, 4, 2, 0, 2)
    assert done_of([one, other]) == Done(0, 5, 6, 3, 1, 2)
