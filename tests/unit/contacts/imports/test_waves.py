"""Which rows of a chunk are written beside each other, and which one behind the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.common.values import UniqueValue
from services.contacts.imports.chunk_writer import waves
from services.contacts.imports.part_writer import Todo
from services.contacts.imports.row_change import RowChange
from services.contacts.people.change import Change

NAMES = st.lists(st.sampled_from("abcdef"), max_size=2, unique=True)


def todo(number: int, names: list[str], contact: int) -> Todo:
    values = [UniqueValue("email", name) for name in names]
    return Todo(number, number + 2, 1_000 + number, RowChange(contact, Change(), {}), values)


def marks_of(rows: list[Todo]) -> dict[int, list[object]]:
    return {one.number: [*one.values, *([one.row.id] if one.row.id else [])] for one in rows}


@given(st.lists(st.tuples(NAMES, st.integers(0, 3)), max_size=12))
def test_rows_about_the_same_contact_keep_their_order(said: list[tuple[list[str], int]]) -> None:
    rows = [todo(number, *one) for number, one in enumerate(said)]
    marks = marks_of(rows)
    found = waves(rows, marks)
    assert sorted(one.number for wave in found for one in wave) == list(range(len(rows)))
    place = {one.number: number for number, wave in enumerate(found) for one in wave}
    for later in rows:
        for earlier in rows[: later.number]:
            if set(marks[earlier.number]) & set(marks[later.number]):
                assert place[earlier.number] < place[later.number]


def test_a_file_in_which_everybody_stands_twice_takes_two_waves() -> None:
    rows = [todo(number, [str(number // 2)], 0) for number in range(100)]
    assert [len(wave) for wave in waves(rows, marks_of(rows))] == [50, 50]
