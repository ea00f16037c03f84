"""The fold of a contact's parts."""

from __future__ import annotations

import msgspec

from services.common.folding import fold
from services.common.profile import MAX_POINTS, MAX_TAGS, Member, Part, Profile, Sources, decode_profile, encode_profile


def test_points_add_up_and_stay_within_their_column() -> None:
    many = Part(added_us=1, points=MAX_POINTS)
    assert fold(Profile(1, own=Part(added_us=1, points=3), losers={2: Part(added_us=1, points=4)})).points == 7
    assert fold(Profile(1, own=many, losers={2: many})).points == MAX_POINTS


def test_scores_add_up_by_their_group_and_stay_within_their_bounds() -> None:
    one, other = Part(added_us=1, scores={2: 3, 1: MAX_POINTS}), Part(added_us=1, scores={3: -4, 1: 5, 2: 1})
    assert fold(Profile(1, own=one, losers={2: other})).scores == {1: MAX_POINTS, 2: 4, 3: -4}


def test_a_contact_is_a_member_of_all_companies_of_its_parts_and_the_newest_word_is_primary() -> None:
    first = Part(added_us=1).with_company(7, 10).with_primary(7, 10)
    second = Part(added_us=1).with_company(8, 20).with_primary(8, 20).with_company(9, 5)
    for own, loser in ((first, second), (second, first)):
        view = fold(Profile(1, own=own, losers={2: loser}))
        assert list(view.companies.items()) == [(9, 5), (7, 10), (8, 20)]
        assert view.company_id == 8


def test_who_left_a_company_is_no_member_and_another_one_is_primary() -> None:
    joined = Part(added_us=1).with_company(7, 10).with_company(8, 20).with_primary(8, 20)
    left = Part(added_us=1, companies={8: Member(False, 30)})
    view = fold(Profile(1, own=joined, losers={2: left}))
    assert (view.companies, view.company_id) == ({7: 10}, 7)


def test_an_older_word_on_a_company_changes_nothing() -> None:
    part = Part(added_us=1, companies={7: Member(False, 30)}).with_primary(8, 30)
    assert part.with_company(7, 30) is part
    assert part.with_primary(9, 30) is part


def test_a_profile_without_companies_is_stored_as_before_there_were_any() -> None:
    profile = Profile(1, own=Part(added_us=1, points=3))
    assert msgspec.msgpack.decode(encode_profile(profile)) == {"id": 1, "own": {"added_us": 1, "points": 3}}
    joined = Profile(1, own=Part(added_us=1).with_company(7, 10).with_primary(7, 10))
    assert decode_profile(b"0000000000000000" + encode_profile(joined)) == joined


def test_a_profile_tells_how_it_came_to_be_only_where_that_was_no_hit() -> None:
    stored = {"id": 1, "own": {"added_us": 1, "created_by": "ada"}}
    old = decode_profile(b"0000000000000000" + msgspec.msgpack.encode(stored))
    assert old.own and old.own.sources is None
    assert msgspec.msgpack.decode(encode_profile(old)) == stored
    made = Profile(1, own=Part(added_us=1, sources=Sources("api", "form")))
    assert decode_profile(b"0000000000000000" + encode_profile(made)) == made


def test_hits_may_give_a_contact_only_so_many_tags() -> None:
    part = Part(added_us=1).with_tags({f"t{number}": True for number in range(MAX_TAGS + 5)}, 10)
    assert len(part.tags) == MAX_TAGS
    assert part.with_tags({"new": True}, 20) is part
    assert part.with_tags({"t0": False}, 20).tags["t0"] == Member(is_in=False, time_us=20), "what is there may change"
