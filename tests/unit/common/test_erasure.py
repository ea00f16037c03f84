"""How an erasure goes on: what it found is told although it was killed, and what breaks off for ever ends."""

from __future__ import annotations

from services.common.erasure import (
    DONE,
    FAILED,
    MAX_ATTEMPTS,
    RUNNING,
    WAITING,
    Erasure,
    asked_again,
    begun,
    broken_off,
    swept,
)

FOUND = {"contacts": 1, "events": 7}


def test_who_was_killed_in_between_tells_what_was_found_at_first() -> None:
    again = begun(begun(Erasure(), FOUND), {"contacts": 0, "events": 2})
    assert (again.status, again.removed) == (RUNNING, FOUND)
    done = swept(again, {"contacts": 0, "events": 9}, 0, 5)
    assert (done.status, done.removed, done.ended_us) == (DONE, {"contacts": 1, "events": 9}, 5)


def test_it_goes_on_while_hits_of_before_wait() -> None:
    waits = swept(begun(Erasure(), FOUND), FOUND, 2, 5)
    assert (waits.status, waits.why, waits.ended_us) == (RUNNING, "2 streams still have hits of before.", 0)
    assert swept(waits, {}, 0, 6).why == ""


def test_what_breaks_off_is_tried_again_for_a_while() -> None:
    erasure = begun(Erasure(), FOUND)
    for attempt in range(1, MAX_ATTEMPTS):
        erasure = broken_off(erasure, "Redis is away.", 5)
        assert (erasure.status, erasure.attempts, erasure.why) == (RUNNING, attempt, "Redis is away.")
    assert broken_off(erasure, "Redis is away.", 5).status == FAILED
    assert broken_off(begun(Erasure(), FOUND), "No.", 5, is_final=True).status == FAILED


def test_who_asks_again_begins_what_has_ended_anew_and_nothing_else() -> None:
    running = begun(Erasure(owner_id=3), FOUND)
    assert asked_again(running, 4) is running
    failed = asked_again(broken_off(running, "No.", 5, is_final=True), 0)
    assert (failed.status, failed.removed, failed.owner_id, failed.attempts, failed.why) == (WAITING, FOUND, 3, 0, "")
    assert asked_again(swept(running, FOUND, 0, 5), 4) == Erasure(owner_id=4)
