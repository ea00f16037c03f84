"""Points of rules are given once, however often they are told."""

from __future__ import annotations

import pytest

from services.common.folding import fold
from services.common.profile import MAX_POINTS, Part, Profile
from services.contacts.people.change import Change, InvalidChangeError, apply_change
from services.contacts.people.grants import MAX_EVENTS, Grant, Happened
from services.contacts.points.point_resource import read_point
from services.contacts.points.rule_sql import rule_sql

NOW = 1_700_000_000_000_000


def give(profile: Profile, *stored: int, until: int, repeatable: bool = True, rule: int = 1) -> Profile:
    events = tuple(Happened(ms * 10, ms) for ms in stored)
    change = Change(grant=Grant(rule, 5, repeatable, until, events))
    return apply_change(profile, change, NOW, "points")


def points(profile: Profile) -> int:
    return sum(part.points for part in profile.parts())


def known(contact_id: int = 1, **said: object) -> Profile:
    return Profile(contact_id, own=Part(added_us=NOW, **said))  # type: ignore[arg-type]


def test_a_rule_gives_once_unless_it_is_repeatable() -> None:
    once = give(known(), 1, 2, until=3, repeatable=False)
    assert points(once) == 5
    assert give(once, 1, 2, 4, until=9, repeatable=False) is once
    twice = give(known(), 1, 2, until=3)
    assert points(twice) == 10
    assert give(twice, 1, 2, until=3) is twice
    assert points(give(twice, 1, 2, 4, until=9)) == 15
    assert points(give(twice, 1, until=9, rule=2)) == 15


def test_an_event_that_is_stored_again_later_does_not_count_again() -> None:
    one = give(known(), 1, until=3)
    again = apply_change(one, Change(grant=Grant(1, 5, True, 9, (Happened(10, 8),))), NOW, "points")
    assert again is one
    many = give(known(), *range(1, 100), until=100)
    assert many.own is not None and len(many.own.granted[1].events) == MAX_EVENTS


def test_what_a_merged_contact_was_given_counts() -> None:
    loser = give(known(2), 1, until=3, repeatable=False)
    assert loser.own is not None
    merged = Profile(1, own=Part(added_us=NOW, points=7), losers={2: loser.own})
    assert give(merged, 2, until=5, repeatable=False) is merged
    assert points(give(merged, 2, until=5, rule=2)) == 17


def test_a_rule_of_a_group_gives_to_the_score_there_and_only_once() -> None:
    loser = Part(added_us=NOW, scores={4: 2})
    before = Profile(1, own=Part(added_us=NOW, points=7), losers={2: loser})
    change = Change(grant=Grant(1, 5, True, 3, (Happened(10, 1), Happened(20, 2))), group_id=4)
    after = apply_change(before, change, NOW, "points")
    assert (fold(after).scores, fold(after).points) == ({4: 12}, 7)
    assert apply_change(after, change, NOW, "points") is after
    full = known(scores={4: MAX_POINTS - 1})
    assert fold(apply_change(full, change, NOW, "points")).scores == {4: MAX_POINTS}


def test_how_a_rule_is_read() -> None:
    body = {
        "name": "R",
        "type": "url.hit",
        "delta": "-3",
        "repeatable": 1,
        "properties": {"page_url": "https://x.org/*"},
    }
    rule = read_point(body, None, NOW)
    assert (rule.delta, rule.is_repeatable, rule.url, rule.since_us) == (-3, True, "https://x.org/*", NOW)
    off = read_point({"isPublished": 0}, rule, NOW + 1)
    assert (off.since_us, read_point({"isPublished": 1}, off, NOW + 2).since_us) == (NOW, NOW + 2)
    form = read_point({"name": "R", "type": "form.submit", "delta": 1, "properties": {"forms": [4, "5"]}}, None)
    assert form.ids == ["4", "5"]
    for wrong in (
        {"type": "x"},
        {"delta": "many"},
        {"properties": {}},
        {"properties": {"page_url": "x", "page_hits": 5}},
    ):
        with pytest.raises(InvalidChangeError):
            read_point({**body, **wrong}, None)


def test_only_the_star_is_special_in_an_address() -> None:
    rule = read_point({"name": "R", "type": "url.hit", "properties": {"page_url": "https://x.org/a_b%/*"}}, None)
    assert rule_sql(rule).parameters["url"] == "https://x.org/a\\_b\\%/%"
