"""The loss ledger finds what it is there to find."""

from __future__ import annotations

import pytest

from loadtests import ledger as ledgers
from loadtests.ledger import Ledger, Stored, survivor
from loadtests.traffic import Record


def sent(event_id: str, person: str = "visitor 1", *, is_bot: bool = False, answered_ms: int = 1_000) -> Record:
    return Record(event_id, 7, person, is_bot, False, False, answered_ms * 1_000, 1)


def stored(event_id: str, contact_id: int = 1, *, is_bot: bool = False, stored_ms: int = 1_100) -> Stored:
    return Stored(event_id, contact_id, 7, stored_ms, is_bot)


def check(
    records: list[Record],
    rows: list[Stored],
    aliases: dict[int, int],
    addresses: dict[int, str] | None = None,
) -> Ledger:
    """Without `addresses` every contact carries the address of whoever has events in it."""
    if addresses is None:
        people = {record.event_id: record.person for record in records}
        addresses = {survivor(row.contact_id, aliases): people.get(row.event_id, "") for row in reversed(rows)}
    return ledgers.check(records, rows, aliases, addresses)


def faults(ledger: Ledger) -> dict[str, int]:
    names = ("lost", "twice", "wrong_contact", "nameless", "wrong_table", "unknown", "late")
    return {name: getattr(ledger, name) for name in names if getattr(ledger, name)}


def test_clean_run_is_clean() -> None:
    ledger = check([sent("a"), sent("b", "x@y.z")], [stored("a", 1), stored("b", 2)], {})
    assert faults(ledger) == {}
    assert ledger.is_clean()


def test_answered_hit_that_is_not_stored_is_lost() -> None:
    assert faults(check([sent("a"), sent("b")], [stored("a")], {})) == {"lost": 1}


def test_unanswered_hit_may_be_stored_or_not() -> None:
    assert faults(check([sent("a", answered_ms=0), sent("b", answered_ms=0)], [stored("a")], {})) == {}


def test_event_under_two_contacts_is_stored_twice() -> None:
    ledger = check([sent("a"), sent("b")], [stored("a", 1), stored("a", 2), stored("b", 1)], {})
    assert faults(ledger) == {"twice": 1}
    assert not ledger.is_clean()


def test_person_in_two_contacts_is_misplaced() -> None:
    hits = [sent("a", "x@y.z"), sent("b", "x@y.z"), sent("c", "x@y.z")]
    assert faults(check(hits, [stored("a", 1), stored("b", 1), stored("c", 2)], {})) == {"wrong_contact": 1}


def test_person_in_two_contacts_that_were_merged_is_in_one() -> None:
    hits = [sent("a", "x@y.z"), sent("b", "x@y.z"), sent("c", "x@y.z")]
    assert faults(check(hits, [stored("a", 1), stored("b", 2), stored("c", 3)], {1: 2, 2: 3})) == {}


def test_two_people_in_one_contact_are_misplaced() -> None:
    hits = [sent("a", "x@y.z"), sent("b", "x@y.z"), sent("c", "other@y.z")]
    ledger = check(hits, [stored("a"), stored("b"), stored("c")], {})
    assert faults(ledger) == {"wrong_contact": 1, "nameless": 1}


def test_contact_that_does_not_carry_the_address_of_its_person_is_nameless() -> None:
    assert faults(check([sent("a", "x@y.z")], [stored("a")], {}, {1: "other@y.z"})) == {"nameless": 1}
    assert faults(check([sent("a", "visitor 1")], [stored("a")], {}, {})) == {}


def test_bot_among_people_and_person_among_bots() -> None:
    hits = [sent("a", is_bot=True), sent("b")]
    assert faults(check(hits, [stored("a"), stored("b", is_bot=True)], {})) == {"wrong_table": 2}


def test_event_that_nobody_sent_is_unknown() -> None:
    assert faults(check([], [stored("a")], {})) == {"unknown": 1}


def test_event_stored_more_than_a_second_after_its_answer_is_late() -> None:
    ledger = check([sent("a"), sent("b")], [stored("a", stored_ms=2_001), stored("b", stored_ms=2_000)], {})
    assert faults(ledger) == {"late": 1}
    assert ledger.is_clean()


def test_circle_of_aliases_is_an_error() -> None:
    with pytest.raises(ValueError, match="circle"):
        survivor(1, {1: 2, 2: 1})
