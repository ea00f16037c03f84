"""Exports: the SQL of a CSV, its rows counted as they stream by, the record of a job."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.export.csv_count import CsvCounter
from services.export.csv_query import COLUMNS, UnknownColumnError, csv_query
from services.export.job import Job, JobFolder, Status, new_id


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_has_a_cell_on_both_sides(column: str) -> None:
    query = csv_query("", [column])
    assert query.header == column.encode() + b"\n"
    assert query.sql is not None
    assert query.sql.count("SELECT") >= 2


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(UnknownColumnError):
        csv_query("", ["id", "email) FROM contacts --"])


def test_nothing_is_asked_when_nothing_can_match() -> None:
    assert csv_query("is:unpublished").sql is None


rows = st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")), min_size=1,
                         max_size=3), max_size=8)  # fmt: skip


@given(rows, st.integers(1, 7))
def test_rows_are_counted_however_the_stream_is_cut(said: list[list[str]], size: int) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(said)
    data = text.getvalue().encode()
    counter = CsvCounter()
    for start in range(0, len(data), size):
        counter.feed(data[start : start + size])
    assert counter.rows == len(said)
    assert counter.fault() is None


def test_an_error_of_the_server_is_no_row() -> None:
    counter = CsvCounter()
    counter.feed(b'"1","a"\nCode: 241. DB::Exception: Memory limit')
    assert "Memory limit" in (counter.fault() or "")
    counter = CsvCounter()
    counter.feed(b'"1","a"\n"2","b')
    assert counter.fault() == "the last row is cut off"


def test_a_job_that_a_crash_interrupted_is_failed_and_its_half_file_is_gone(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "exports")
    folder.open()
    running = Job(new_id(), "", ["id"], 1.0, Status.RUNNING)
    done = Job(new_id(), "", ["id"], 2.0, Status.DONE)
    lost = Job(new_id(), "", ["id"], 3.0, Status.DONE)
    for job in (running, done, lost):
        folder.save(job)
    folder.file(done.id).write_bytes(b"id\n")
    folder.part(running.id).write_bytes(b"id\n1")
    (folder.folder / "stranger.json").write_bytes(b"{")
    found = {job.id: job for job in folder.open()}
    assert (found[running.id].status, found[running.id].error) == (Status.FAILED, "interrupted")
    assert found[done.id].status is Status.DONE
    assert found[lost.id].status is Status.FAILED
    assert not folder.part(running.id).exists()


@pytest.mark.parametrize("text", [b"a\nCode: 1. DB::Exception", b"x\n__exception__", b"\n__exception__\n"])
def test_a_cell_that_reads_like_an_error_is_none(text: bytes) -> None:
    row = b'"1","' + text + b'"\n'
    for cut in range(len(row)):
        counter = CsvCounter()
        counter.feed(row[:cut])
        counter.feed(row[cut:])
        assert (counter.rows, counter.fault()) == (1, None)
    counter.feed(b"Code: 241. DB::Exception: Memory limit")
    assert counter.fault() == "Code: 241. DB::Exception: Memory limit"
