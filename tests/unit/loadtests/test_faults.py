"""What a row of the fault table says, and how the page is written."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from loadtests.faults import page
from loadtests.faults.catalogue import FAULTS, chosen, pairs, short
from loadtests.faults.fault import Fault, Lengths, Outcome, not_run, outcome, recovered_seconds
from loadtests.ledger import Stored, check
from loadtests.traffic import Record

FAULT = Fault("network", "Redis | is cut", lambda stage, seconds: "", Lengths(1, 2, 3))
BEGAN, ENDED = 100.0, 105.0


def sent(at: float, *, refused: int = 0, longest: float = 0.01, troubled: float = 0.0) -> Record:
    return Record(
        f"at {at}", int(at * 1e3), "visitor 1", False, False, True, int((at + longest) * 1e6), 1 + refused,
        refused, 0, int(longest * 1e6), int(troubled * 1e6),
    )  # fmt: skip


def stored(record: Record, after: float, contact_id: int = 1) -> Stored:
    return Stored(record.event_id, contact_id, record.time_ms, int(record.answered_us / 1e3 + after * 1e3), False)


def test_recovered_is_when_the_last_caller_had_trouble() -> None:
    records = [sent(99), sent(101, refused=3, troubled=106.5), sent(110)]
    rows = [stored(record, 0.5) for record in records]
    assert recovered_seconds(BEGAN, ENDED, records, rows) == pytest.approx(1.5)


def test_recovered_is_when_the_last_late_event_was_stored() -> None:
    records = [sent(99), sent(104), sent(106), sent(110)]
    rows = [stored(record, after) for record, after in zip(records, (0.5, 5.0, 2.0, 0.6), strict=True)]
    assert recovered_seconds(BEGAN, ENDED, records, rows) == pytest.approx(4.01)


def test_what_was_slow_before_the_fault_is_usual() -> None:
    records = [*(sent(80 + number) for number in range(10)), sent(110)]
    rows = [*(stored(record, 3.0) for record in records[:-1]), stored(records[-1], 5.0)]
    assert recovered_seconds(BEGAN, ENDED, records, rows) == 0


def test_a_fault_that_nobody_felt_is_over_at_once() -> None:
    assert recovered_seconds(BEGAN, ENDED, [sent(99)], [stored(sent(99), 0.4)]) == 0


def test_a_row_counts_answers_and_the_longest_wait() -> None:
    records = [sent(99), sent(101, refused=2, longest=4.5, troubled=104), sent(102)]
    rows = [stored(records[0], 0.5), stored(records[1], 0.5), stored(records[1], 0.5, contact_id=2)]
    row = outcome(FAULT, BEGAN, ENDED, records, rows, check(records, rows, {}, {}), "a note")
    assert (row.sent, row.refused, row.worst_answer_seconds, row.lasted_seconds) == (3, 2, 4.5, 5.0)
    assert (row.lost, row.twice, row.note, row.is_clean()) == (1, 1, "a note", False)


def test_what_was_not_run_is_said_loudly() -> None:
    row = not_run(FAULT, "no root here")
    assert "NOT RUN: no root here" in page.as_text([row])
    assert "NOT RUN: no root here" in page.as_markdown([row])


def test_a_family_is_named_once() -> None:
    row = Outcome("network", "cut", 1, 2, 3, 4, 5.0, 6.0, 0, 0, 0)
    text = page.as_markdown([row, row._replace(name="half-open")])
    assert text.count("**network**") == 1
    assert {line.count("|") for line in text.splitlines()} == {len(page.HEAD) + 1}


def test_a_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    mark = "<!-- soak: written by the verb -->"
    file.write_text(f"before\n{mark}\nold\n<!-- end of soak -->\nafter\n")
    page.write("soak", r"new \1", file)
    page.write("soak", r"newer \1", file)
    assert file.read_text() == f"before\n{mark}\n\nnewer \\1\n\n<!-- end of soak -->\nafter\n"
    with pytest.raises(ValueError, match="no section"):
        page.write("faults", "x", file)


def test_the_page_has_all_sections() -> None:
    text = page.PAGE.read_text()
    for section in ("faults", "faults, long", "overload", "soak"):
        page.put(text, section, "")


def test_faults_are_chosen_by_parts_of_their_names() -> None:
    names = {fault.name for fault in FAULTS}
    assert len(names) == len(FAULTS), "each has its own name"
    assert [fault.family for fault in chosen(FAULTS, ["DISK"])] == ["disk"] * 3
    assert chosen(FAULTS, []) == list(FAULTS)
    assert 3 <= len(short()) <= 5


def test_pairs_are_of_one_that_lasts_and_one_in_its_midst() -> None:
    names = [fault.name for fault in pairs()]
    assert "Redis is slow; kill -9 of ingest, restarted" in names
    assert "ClickHouse is down; an insert is done and its answer lost" not in names, "there is no insert"
    assert len(names) == len(set(names)) > 20


def test_a_fault_needs_nothing_around_it_unless_it_says_so() -> None:
    setting = FAULT.setting(None)  # type: ignore[arg-type]
    assert isinstance(setting, nullcontext)
