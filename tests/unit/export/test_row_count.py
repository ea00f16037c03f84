"""Rows are counted as they stream by, and what is no row is seen at the end."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.export.files.row_count import CsvCount, LineCount

rows = st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")), min_size=1,
                         max_size=3), max_size=8)  # fmt: skip


@given(rows, st.integers(1, 7))
def test_rows_are_counted_however_the_stream_is_cut(said: list[list[str]], size: int) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(said)
    data = text.getvalue().encode()
    count = CsvCount()
    for start in range(0, len(data), size):
        count.feed(data[start : start + size])
    assert count.rows == len(said)
    assert count.fault() is None


@given(rows.filter(bool), st.integers(1, 9))
def test_a_stream_that_is_cut_off_is_never_taken_for_a_whole_one(said: list[list[str]], missing: int) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([[*row, "end"] for row in said])
    count = CsvCount()
    count.feed(text.getvalue().encode()[: -min(missing, 5)])
    assert count.fault() is not None


def test_an_error_of_the_server_is_no_row() -> None:
    for count, row in ((CsvCount(), b'"1","a"\n'), (LineCount(), b'{"id":1}\n')):
        count.feed(row + b"Code: 241. DB::Exception: Memory limit")
        assert count.fault() == "Code: 241. DB::Exception: Memory limit"
    for count, row in ((CsvCount(), b'"1","a"\n"2","b'), (LineCount(), b'{"id":1}\n{"id"')):
        count.feed(row)
        assert count.fault() == "the last row is cut off"


@pytest.mark.parametrize("text", [b"a\nCode: 1. DB::Exception", b"x\n__exception__", b"\n__exception__\n", b'""\n""'])
def test_a_cell_that_reads_like_an_error_is_none(text: bytes) -> None:
    row = b'"1","' + text + b'"\n'
    for cut in range(len(row)):
        count = CsvCount()
        count.feed(row[:cut])
        assert bool(count.fault()) == (cut > 0)
        count.feed(row[cut:])
        assert (count.rows, count.fault()) == (1, None)
    count.feed(b"Code: 241. DB::Exception: Memory limit")
    assert count.fault() == "Code: 241. DB::Exception: Memory limit"
