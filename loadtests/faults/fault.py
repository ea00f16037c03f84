"""What a fault is, and what it does to those who call meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from loadtests.ledger import Ledger, Stored
from loadtests.report import percentile
from loadtests.traffic import Record

if TYPE_CHECKING:
    from loadtests.faults.stage import Stage

USUAL_DELAY_MS = 1_500.0  # from the answer to the store at most, where nothing is wrong: a resolver inserts every 0.5 s
USUAL_SHARE = 2.0  # of what the hits before the fault took


class NotRunError(Exception):
    """This fault cannot be done here, and why."""


class Lengths(NamedTuple):
    """Seconds that a fault lasts in the three forms of the suite."""

    short: float
    usual: float
    long: float


class Fault(NamedTuple):
    """`act(stage, seconds)` does it and ends it, and returns a word on what was seen, or "". `setting(stage)` is what
    it needs around it, before anybody calls and after everything is judged; it raises `NotRunError` where that cannot
    be had."""

    family: str
    name: str
    act: Callable[[Stage, float], str]
    lengths: Lengths
    is_short: bool = False  # part of the suite's short form
    on_cluster: bool = False
    setting: Callable[[Stage], AbstractContextManager[None]] = lambda _: nullcontext()


class Outcome(NamedTuple):
    """A row of the table."""

    family: str
    name: str
    lasted_seconds: float
    sent: int
    refused: int  # answers of 503
    broken: int  # tries without an answer
    worst_answer_seconds: float
    recovered_seconds: float  # after its end
    lost: int
    twice: int
    wrong: int  # contacts, names or tables
    note: str = ""
    not_run: str = ""  # why

    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.wrong)


def outcome(
    fault: Fault, began: float, ended: float, records: list[Record], rows: Iterable[Stored], ledger: Ledger, note: str
) -> Outcome:
    """`began` and `ended` are times of day in seconds."""
    return Outcome(
        fault.family,
        fault.name,
        ended - began,
        sent=ledger.sent,
        refused=sum(record.refused for record in records),
        broken=sum(record.broken for record in records),
        worst_answer_seconds=max((record.longest_us for record in records), default=0) / 1e6,
        recovered_seconds=recovered_seconds(began, ended, records, rows),
        lost=ledger.lost,
        twice=ledger.twice,
        wrong=ledger.wrong_contact + ledger.nameless + ledger.wrong_table + ledger.unknown,
        note=note,
    )


def not_run(fault: Fault, why: str) -> Outcome:
    return Outcome(fault.family, fault.name, 0, 0, 0, 0, 0, 0, 0, 0, 0, not_run=why)


def recovered_seconds(began: float, ended: float, records: Iterable[Record], rows: Iterable[Stored]) -> float:
    """From the end of a fault until the last caller had trouble, and the last hit was stored later than is usual."""
    records = list(records)
    stored = _first_stored(rows)
    usual_ms = usual_delay_ms(began, records, stored)
    troubled = [record.troubled_us / 1e6 for record in records]
    late = [
        stored_ms / 1e3
        for record in records
        if record.answered_us and (stored_ms := stored.get(record.event_id))
        if stored_ms - record.answered_us / 1e3 > usual_ms
    ]
    return max(0.0, max([*troubled, *late], default=0.0) - ended)


def usual_delay_ms(began: float, records: Iterable[Record], stored: Mapping[str, int]) -> float:
    """From an answer to its event in ClickHouse, as it was before the fault."""
    before = [
        stored_ms - record.answered_us / 1e3
        for record in records
        if 0 < record.answered_us < began * 1e6 and (stored_ms := stored.get(record.event_id))
        if stored_ms < began * 1e3
    ]
    return max(USUAL_DELAY_MS, USUAL_SHARE * percentile(before, 0.99))


def _first_stored(rows: Iterable[Stored]) -> dict[str, int]:
    stored: dict[str, int] = {}
    for row in rows:
        stored[row.event_id] = min(row.stored_ms, stored.get(row.event_id, row.stored_ms))
    return stored
