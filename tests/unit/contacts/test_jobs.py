"""Actions as they are read, and jobs as they come along."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.contacts.batch import lanes, unique_marks
from services.contacts.jobs.action import Action, read_action
from services.contacts.jobs.job import (
    CANCELLED,
    DONE,
    FAILED,
    MAX_ERRORS,
    RUNNING,
    Counted,
    Job,
    Target,
    advanced,
    ended,
)
from services.contacts.people.change import Change, InvalidChangeError
from services.contacts.people.do_not_contact import CONTACTABLE, MANUAL, Refusal

NOW_US = 1_000
FIRST, SECOND = [Target(1), Target(2)], [Target(5, 9)]


@pytest.mark.parametrize(
    ("name", "body", "change"),
    [
        ("campaigns", {"add": [1, "2"], "remove": "3,4"}, Change(campaigns={1: True, 2: True, 3: False, 4: False})),
        ("categories", {"add": {"0": 1, "1": {"id": 2}}}, Change(categories={1: True, 2: True})),
        ("segments", {"remove": {"id": 7}}, Change(segments={7: False})),
        ("stages", {"add": 3}, Change(stage_id=3)),
        ("stages", {"remove": "3"}, Change(left_stage_id=3)),
        ("tags", {"add": "a, b", "remove": ["c"]}, Change(tags={"a": True, "b": True, "c": False})),
        ("owner", {"owner": {"id": 1}}, Change(owner_id=1)),
        ("owner", {"owner": None}, Change(owner_id=0)),
        ("dnc", {"reason": " by phone "}, Change(dnc={"email": Refusal(MANUAL, "by phone")})),
        ("dnc", {"channel": "SMS"}, Change(dnc={"sms": Refusal(MANUAL)})),
        (
            "channels",
            {"subscribe": "email", "unsubscribe": ["sms"]},
            Change(dnc={"email": Refusal(CONTACTABLE, is_careful=True), "sms": Refusal(MANUAL)}),
        ),
        ("delete", {}, None),
    ],
)
def test_an_action_is_a_change_also_after_it_was_kept(name: str, body: dict[str, Any], change: Change | None) -> None:
    action = read_action(name, body)
    kept = msgspec.json.decode(msgspec.json.encode(action), type=Action)
    assert action.change() == kept.change() == change


@pytest.mark.parametrize(
    ("name", "body", "key"),
    [
        ("campaigns", {"add": list(range(1, 102))}, "add"),
        ("campaigns", {"add": [0]}, "add"),
        ("campaigns", {"add": [[1]]}, "add"),
        ("campaigns", {"add": [1], "remove": [1]}, "remove"),
        ("stages", {"add": [1], "remove": [2]}, "add"),
        ("tags", {"add": [{"a": 1}]}, "add"),
        ("owner", {}, "owner"),
        ("channels", {}, "subscribe"),
    ],
)
def test_an_action_that_cannot_be_says_why(name: str, body: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        read_action(name, body)
    assert list(caught.value.details) == [key]


def job(**said: Any) -> Job:
    return Job(action=Action(name="delete"), **said)


def test_a_job_counts_what_was_done_and_goes_on() -> None:
    begun = advanced(job(total=4), job(total=4), Counted(), FIRST, NOW_US)
    assert (begun.pending, begun.after, begun.done, begun.status) == (FIRST, 2, 0, RUNNING)
    further = advanced(begun, begun, Counted(1, {"2": "why"}), SECOND, NOW_US)
    assert (further.pending, further.after, further.done, further.failed) == (SECOND, 5, 1, 1)
    over = advanced(further, further, Counted(1), [], NOW_US)
    assert (over.status, over.done, over.failed, over.total, over.pending) == (DONE, 2, 1, 3, [])
    assert (over.errors, over.ended_us) == ({"2": "why"}, NOW_US)


def test_what_another_one_has_counted_is_not_counted_again() -> None:
    begun = advanced(job(), job(), Counted(), FIRST, NOW_US)
    further = advanced(begun, begun, Counted(2), SECOND, NOW_US)
    assert advanced(further, begun, Counted(2), SECOND, NOW_US) is further
    over = advanced(further, further, Counted(1), [], NOW_US)
    assert advanced(over, further, Counted(1), [], NOW_US) is over


def test_what_was_under_way_when_it_was_cancelled_is_counted() -> None:
    begun = advanced(job(total=9), job(total=9), Counted(), FIRST, NOW_US)
    cancelled = ended(begun, CANCELLED, NOW_US)
    after = advanced(cancelled, begun, Counted(2), SECOND, NOW_US)
    assert (after.status, after.done, after.total, after.pending) == (CANCELLED, 2, 9, [])
    assert ended(after, FAILED, NOW_US, "x") is after, "it had ended"


def test_a_job_that_has_ended_names_nobody() -> None:
    begun = job(search="email:ada@example.org")
    assert advanced(begun, begun, Counted(), FIRST, NOW_US).search
    assert not advanced(begun, begun, Counted(), [], NOW_US).search and not ended(begun, CANCELLED, NOW_US).search


def test_errors_are_bounded() -> None:
    begun = advanced(job(), job(), Counted(), FIRST, NOW_US)
    many = advanced(begun, begun, Counted(0, {str(one): "why" for one in range(50)}), SECOND, NOW_US)
    assert (many.failed, len(many.errors)) == (50, MAX_ERRORS)


def test_items_that_may_mean_one_thing_are_in_one_lane() -> None:
    items = {
        "0": {"email": "A@x.org"}, "1": {"id": 3}, "2": {"email": "a@x.org", "id": "3"}, "3": {"email": "b@x"}, "4": 7,
    }  # fmt: skip
    assert lanes(items, unique_marks(("email",))) == [["0", "1", "2"], ["3"], ["4"]]
    assert lanes(items, lambda _: []) == [["0"], ["1", "2"], ["3"], ["4"]]
