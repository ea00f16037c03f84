"""Which companies a contact joins and leaves, and which one is its primary one then."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.folding import fold
from services.common.profile import Part, Profile
from services.contacts.people.change import Change, apply_change
from services.contacts.people.memberships import MAX_COMPANIES, MembershipChange, read_memberships

NOW = 1_800_000_000_000_000
NAMES = {7: "Seven", 8: "Eight"}


def applied(before: Profile, words: dict[int, bool], **said: Any) -> Profile:
    change = Change(memberships=MembershipChange(words, names=said.pop("names", NAMES), **said))
    after = apply_change(before, change, NOW, "admin")
    assert apply_change(after, change, NOW + 1, "admin") is after, "said again it changes nothing"
    return after


def shown(profile: Profile) -> tuple[list[int], int, Any]:
    view = fold(profile)
    return list(view.companies), view.company_id, view.fields.get("company")


def member(company_id: int, time_us: int) -> Part:
    return Part(added_us=1).with_company(company_id, time_us).with_primary(company_id, time_us)


@pytest.mark.parametrize(
    ("said", "ids"),
    [([7, "8"], [7, 8]), ({"0": "7"}, [7]), ([{"id": 7}], [7]), ([], []), ("", []), ([7, 7], [7])],
)
def test_ids_come_as_a_list_or_a_form(said: Any, ids: list[int]) -> None:
    assert read_memberships({"companies": said}) == MembershipChange(dict.fromkeys(ids, True), replaces=True)
    assert not read_memberships({}).says_something()


@pytest.mark.parametrize(
    "said", [7, "7", ["x"], [0], [-1], [[7]], ["9" * 99], [True], list(range(1, 9 + MAX_COMPANIES))]
)
def test_what_is_no_list_of_ids_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match="ids of companies"):
        read_memberships({"companies": said})


def test_the_first_company_becomes_primary_and_gives_its_name() -> None:
    first = applied(Profile(1), {7: True})
    assert shown(first) == ([7], 7, "Seven")
    assert shown(applied(first, {8: True})) == ([7, 8], 7, "Seven")


def test_when_the_primary_company_is_left_another_one_follows() -> None:
    both = applied(applied(Profile(1), {7: True}), {8: True})
    assert shown(applied(both, {7: False})) == ([8], 8, "Eight")
    assert shown(applied(both, {}, replaces=True)) == ([], 0, "")
    assert shown(applied(both, {7: False}, names={7: "Seven"})) == ([8], 8, ""), "8 was deleted: it gives no name"


def test_a_company_that_a_merged_contact_brought_can_be_left() -> None:
    merged = Profile(1, own=member(7, NOW + 5), losers={2: member(8, NOW + 9)})
    assert shown(merged)[:2] == ([7, 8], 8)
    assert shown(applied(merged, {8: False})) == ([7], 7, "Seven")
