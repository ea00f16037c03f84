"""What an overload is judged by."""

from __future__ import annotations

from loadtests.faults.overload import Verdict, judge
from loadtests.ledger import Ledger, check
from loadtests.traffic import Record, Traffic

SECONDS = [2.0, 4.0, 2.0]


def sent(at: float, *, wait: float = 0.01, refused: bool = False) -> Record:
    answered_us = 0 if refused else int((at + wait) * 1e6)
    troubled_us = int((at + wait) * 1e6) if refused or wait > 1 else 0
    wait_us = int(wait * 1e6)
    return Record(
        f"at {at}", int(at * 1e3), "v", False, False, True, answered_us, 1, int(refused), 0, wait_us, troubled_us
    )  # fmt: skip


def verdict(*records: Record, without_retry_after: int = 0, lost: int = 0) -> Verdict:
    traffic = Traffic([sent(100), *records], 1, 0.0, 0.0, {}, without_retry_after, 0.0)
    ledger: Ledger = check([], [], {}, {})._replace(lost=lost)
    return judge(traffic, ledger, SECONDS)


def test_refusals_and_short_waits_are_as_promised() -> None:
    found = verdict(sent(102.5, wait=0.6), sent(103, refused=True), sent(107))
    assert [(phase.sent, phase.accepted, phase.refused) for phase in found.phases] == [(1, 1, 0), (2, 1, 1), (1, 1, 0)]
    assert found.faults() == []


def test_long_waits_are_not() -> None:
    found = verdict(sent(102.5, wait=1.4), sent(103, refused=True))
    assert found.faults() == ["the p99 of accepted hits was 1.40 s"]


def test_a_generator_that_is_behind_has_no_say() -> None:
    late = sent(102.5, wait=0.9)
    late.longest_us = 100_000
    found = verdict(late, sent(103, refused=True))
    assert found.faults() == ["the generator was 0.8 s behind: this machine has too much else to do"]


def test_an_overload_that_refuses_nobody_was_none() -> None:
    assert verdict(sent(103)).faults() == ["nobody was refused: it was no overload"]


def test_full_speed_is_back_when_the_last_one_had_trouble() -> None:
    found = verdict(sent(103, refused=True), sent(107.5, refused=True), sent(112.5, refused=True))
    assert round(found.back_seconds, 1) == 6.5
    assert found.faults() == ["full speed was back after 6.5 s"]


def test_losses_and_refusals_without_a_word_are_named() -> None:
    found = verdict(sent(103, refused=True), without_retry_after=3, lost=2)
    assert found.faults() == ["2 accepted hits lost, 0 stored twice", "3 refusals without Retry-After"]
