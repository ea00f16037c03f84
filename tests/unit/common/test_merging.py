"""How contacts become one and are parted again."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from services.common.folding import fold
from services.common.merging import are_separated, conflicts, follow, freeze_into, survivor, take_in, take_out
from services.common.profile import DoNotContact, ExternalLink, FrequencyRule, Member, Part, Profile, Sources, Stamped

NOW = 1_000_000


def contact(number: int, email: str = "", added_us: int = 1, **fields: str) -> Profile:
    said = {**fields, **({"email": email} if email else {})}
    stamped = {field: Stamped(value, number) for field, value in said.items()}
    return Profile(number, own=Part(added_us=added_us, fields=stamped))


def merge(winner: Profile, loser: Profile, time_us: int = NOW) -> tuple[Profile, Profile]:
    frozen = freeze_into(loser, winner, time_us)
    return take_in(winner, frozen), frozen


def told(profile: Profile, field: str, value: str, time_us: int) -> Profile:
    assert profile.own is not None
    return msgspec.structs.replace(profile, own=profile.own.with_fields({field: value}, time_us))


def test_who_is_alone_is_shown_as_with_somebody_who_brings_nothing() -> None:
    part = Part(
        added_us=5, modified_us=9, identified_us=7, fields={"email": Stamped("a@x.org", 3), "city": Stamped("", 4)},
        tags={"b": Member(True, 1), "a": Member(True, 2), "c": Member(False, 3)}, ips={"192.0.2.2": 8, "192.0.2.1": 6},
        dnc={"email": DoNotContact(1, "", 0, 4), "sms": DoNotContact(0, "", 0, 5)}, points=7, owner_id=2, stage_id=3,
        created_by="ada", modified_by="bob", created_by_id=4, modified_by_id=5, company_id=9, company_us=3,
        companies={8: Member(True, 1), 9: Member(True, 2), 7: Member(False, 3)}, owner_us=1, stage_us=2,
        segments={3: Member(True, 1), 2: Member(False, 1)}, campaigns={5: Member(True, 1), 6: Member(False, 1)},
        categories={1: Member(True, 1)}, frequency={"email": FrequencyRule(1, "DAY", True, "", "", 3)},
        image=Stamped("1-x", 3), preferred_image=Stamped("custom", 4), scores={1: 5},
        links={"crm:7": ExternalLink(True, "", 1, 2), "crm:8": ExternalLink(False, "", 1, 2)},
        sources=Sources("api", "form", "bob"),
    )  # fmt: skip
    alone = Profile(1, own=part, version=3)
    nothing = Part(added_us=1_000)
    assert fold(alone) == fold(msgspec.structs.replace(alone, losers={2: nothing}))
    assert fold(Profile(1, own=nothing)) == fold(Profile(1, own=nothing, losers={2: nothing}))


# ---- whose a value is ----


def test_a_person_with_two_addresses_is_known_by_both() -> None:
    whole, _ = merge(contact(1, "a@x.org"), contact(2, "b@x.org"))
    assert whole.carries("email", "a@x.org")
    assert whole.carries("email", "b@x.org")
    assert not whole.lacks("email", "a@x.org")
    assert whole.lacks("email", "c@x.org")
    assert whole.carried("email") == {"a@x.org", "b@x.org"}


def test_what_is_told_after_a_merge_ends_what_the_other_one_had_brought() -> None:
    whole, _ = merge(contact(1, "a@x.org"), contact(2, "b@x.org"))
    assert told(whole, "email", "c@x.org", NOW + 1).carried("email") == {"c@x.org"}
    assert told(whole, "email", "", NOW + 1).carried("email") == set()


def test_what_was_overwritten_before_the_next_merge_is_not_carried_on() -> None:
    inner, _ = merge(contact(2, "b@x.org"), contact(3, "c@x.org"))
    inner = told(inner, "email", "new@x.org", NOW + 1)
    whole, _ = merge(contact(1, "a@x.org"), inner, NOW + 2)
    assert whole.carried("email") == {"a@x.org", "new@x.org"}


def test_values_are_compared_however_they_are_spelt() -> None:
    profile = contact(1, twitter=" @Spoor ")
    assert profile.carries("twitter", "@spoor")
    assert not conflicts(profile, contact(2, twitter="@SPOOR"), ("twitter",))
    assert conflicts(profile, contact(2, twitter="@other"), ("twitter",))
    assert not conflicts(profile, contact(2), ("twitter",))


def test_the_older_contact_survives_then_the_smaller_id() -> None:
    assert survivor(contact(5, added_us=1), contact(2, added_us=2))[0].id == 5
    assert survivor(contact(5), contact(2))[0].id == 2


# ---- undo ----


def test_an_undo_gives_both_back_as_they_were() -> None:
    one, other = contact(1, "a@x.org", city="Rome"), contact(2, phone="12")
    whole, frozen = merge(one, other)
    parted = take_out(whole, frozen, NOW + 1)
    assert parted is not None
    assert (parted.back.own, parted.rest.own) == (other.own, one.own)
    assert (parted.back.alias, parted.back.merge, parted.rest.losers, parted.rest.merges) == (0, None, {}, {})
    assert are_separated(parted.back, parted.rest)
    assert take_out(parted.rest, parted.back, NOW + 2) is None


def test_an_undo_takes_along_who_had_merged_into_the_loser_before_and_nobody_else() -> None:
    inner, _ = merge(contact(2), contact(3))
    inner, frozen_four = merge(inner, contact(4), NOW + 1)
    whole, frozen_two = merge(contact(1), inner, NOW + 2)
    whole, _ = merge(whole, contact(5), NOW + 3)
    parted = take_out(whole, frozen_two, NOW + 4)
    assert parted is not None
    assert (sorted(parted.back.ids()), sorted(parted.rest.ids())) == ([2, 3, 4], [1, 5])
    deeper = take_out(whole, frozen_four, NOW + 4)
    assert deeper is not None
    assert (deeper.back.ids(), sorted(deeper.rest.ids())) == ([4], [1, 2, 3, 5])


@pytest.mark.parametrize("order", list(itertools.permutations([2, 3, 4])))
def test_undos_in_any_order_leave_the_same(order: tuple[int, ...]) -> None:
    whole, frozen = contact(1), {}
    for number in (2, 3, 4):
        whole, frozen[number] = merge(whole, contact(number), NOW + number)
    for number in order:
        parted = take_out(whole, frozen[number], NOW + 10)
        assert parted is not None
        assert parted.back.own == contact(number).own
        whole = parted.rest
    assert (whole.losers, whole.own) == ({}, contact(1).own)


def test_who_was_parted_stays_so_when_others_merge_around_them() -> None:
    whole, frozen = merge(contact(1), contact(2))
    parted = take_out(whole, frozen, NOW + 1)
    assert parted is not None
    around, _ = merge(contact(7), parted.rest, NOW + 2)
    assert are_separated(around, parted.back)
    assert are_separated(parted.back, around)
    assert not are_separated(around, contact(9))
    again, _ = merge(around, parted.back, NOW + 3)
    assert 2 not in again.separated
    assert 1 not in again.separated


# ---- where a chain leads ----


def test_a_chain_is_made_flat_and_its_end_takes_in_whoever_it_lacks() -> None:
    inner, three = merge(contact(2), contact(3))
    two = freeze_into(inner, contact(1), NOW + 1)  # and its winner was never written
    lead = follow([three, two, contact(1)])
    assert lead.survivor is not None
    assert sorted(lead.survivor.losers) == [2, 3]
    assert lead.changed == [two, lead.survivor], "who is taken in is written again: it may have been taken out since"
    after = follow([three, two, lead.survivor])
    assert [(one.id, one.alias) for one in after.changed] == [(3, 1)], "only then: it must not come there on its own"


def test_a_cycle_is_read_as_its_smallest_id() -> None:
    one, other = freeze_into(contact(1), contact(2), NOW), freeze_into(contact(2), contact(1), NOW)
    for chain in ([one, other], [other, one]):
        lead = follow(chain)
        assert lead.survivor is not None
        assert (lead.survivor.id, lead.survivor.alias, list(lead.survivor.losers)) == (1, 0, [2])


def test_who_leads_into_a_cycle_from_outside_is_not_its_survivor() -> None:
    """Whoever comes to it from elsewhere must choose the same one."""
    outside = freeze_into(contact(1), contact(3), NOW)
    two, three = freeze_into(contact(2), contact(3), NOW), freeze_into(contact(3), contact(2), NOW)
    for chain in ([outside, three, two], [two, three]):
        lead = follow(chain)
        assert lead.survivor is not None
        assert lead.survivor.id == 2


def test_who_was_taken_out_along_with_another_is_led_to_that_one_again() -> None:
    inner, three = merge(contact(2), contact(3))
    whole, two = merge(contact(1), inner, NOW + 1)
    parted = take_out(whole, two, NOW + 2)
    assert parted is not None
    flat = msgspec.structs.replace(three, alias=1)  # as the merge had left it
    lead = follow([flat, parted.rest])
    assert lead.survivor is None
    assert [(one.id, one.alias) for one in lead.changed] == [(3, 2)]
    assert follow([lead.changed[0], parted.back]).survivor == parted.back


def test_who_was_taken_out_along_with_another_is_led_there_also_from_within_a_chain() -> None:
    inner, three = merge(contact(2), contact(3))
    four, _ = merge(contact(4), inner, NOW + 1)
    whole, four = merge(contact(1), four, NOW + 2)
    led = msgspec.structs.replace(three, alias=4)  # as the first merge left it
    parted = take_out(whole, freeze_into(inner, contact(1), NOW + 1), NOW + 3)
    assert parted is not None
    lead = follow([led, four, parted.rest])
    assert lead.survivor is None
    assert [(one.id, one.alias) for one in lead.changed] == [(3, 2)]


def test_a_merge_made_again_after_an_undo_is_completed_by_whoever_sees_it() -> None:
    whole, frozen = merge(contact(1), contact(2))
    parted = take_out(whole, frozen, NOW + 1)
    assert parted is not None
    half_done = freeze_into(parted.back, contact(1), NOW + 2)
    lead = follow([half_done, parted.rest])
    assert lead.survivor is not None
    assert list(lead.survivor.losers) == [2]


def test_who_seems_to_have_merged_before_an_undo_is_written_again_before_it_is_taken_in() -> None:
    """It was read before the undo: its version is no longer stored, and the write refuses."""
    whole, frozen = merge(contact(1), contact(2))
    parted = take_out(whole, frozen, NOW + 5)
    assert parted
    lead = follow([frozen, parted.rest])
    assert [one.id for one in lead.changed] == [2, 1] and lead.changed[0].version == frozen.version
    assert lead.changed[0].merge and lead.changed[0].merge.time_us > NOW + 5
    assert follow(lead.changed).changed == [], "by a clock that is behind it had merged again: once is enough"


def test_a_chain_that_ends_nowhere_is_nobody() -> None:
    assert follow([]) == follow([freeze_into(contact(1), contact(9), NOW)]) == (None, [])


# ---- what a merge folds ----


def test_a_merge_folds_everything() -> None:
    one = Part(
        added_us=5, modified_us=7, identified_us=9, points=3, owner_id=0, stage_id=4,
        fields={"city": Stamped("Rome", 1), "phone": Stamped("", 9)}, tags={"old": Member(True, 1)},
        ips={"1.1.1.1": 2}, segments={1: Member(True, 1), 2: Member(False, 5)}, campaigns={1: Member(True, 1)},
        categories={1: Member(True, 1)}, dnc={"email": DoNotContact(3, "asked", 0, 1)},
        frequency={"email": FrequencyRule(1, "DAY", True, "", "", 1)}, image=Stamped("one.png", 1),
    )  # fmt: skip
    other = Part(
        added_us=4, modified_us=8, identified_us=6, points=4, owner_id=2, stage_id=5,
        fields={"city": Stamped("Paris", 2), "phone": Stamped("12", 3)}, tags={"old": Member(False, 2)},
        ips={"2.2.2.2": 1}, segments={1: Member(False, 2), 2: Member(True, 1)}, campaigns={2: Member(True, 1)},
        categories={1: Member(False, 2)}, dnc={"email": DoNotContact(1, "clicked", 7, 3)},
        frequency={"email": FrequencyRule(2, "WEEK", False, "", "", 2), "sms": FrequencyRule(1, "", False, "", "", 1)},
        image=Stamped("", 2),
    )  # fmt: skip
    view = fold(Profile(1, own=one, losers={2: other}))
    assert view.fields == {"city": "Paris", "phone": ""}, "the newest word, and a deliberate blank is one"
    assert (view.tags, view.ips, view.points) == ([], ["2.2.2.2", "1.1.1.1"], 7)
    assert (view.segments, view.campaigns, view.categories) == ({1: False, 2: False}, [1, 2], [])
    assert (view.dnc["email"].reason, view.owner_id, view.stage_id) == (1, 2, 4)
    assert (view.frequency["email"].time_unit, sorted(view.frequency), view.image) == ("WEEK", ["email", "sms"], "")
    assert (view.added_us, view.modified_us, view.identified_us) == (4, 8, 6)


def test_who_became_contactable_again_is_free_of_what_was_said_before() -> None:
    barred, freed = DoNotContact(1, "", 0, 5), DoNotContact(0, "", 0, 6)
    parts = Part(added_us=1, dnc={"email": freed}), Part(added_us=1, dnc={"email": barred})
    assert fold(Profile(1, own=parts[0], losers={2: parts[1]})).dnc == {}
    assert fold(Profile(1, own=parts[1], losers={2: parts[0]})).dnc == {}
    later = msgspec.structs.replace(parts[1], dnc={"email": DoNotContact(2, "", 0, 7)})
    assert fold(Profile(1, own=later, losers={2: parts[0]})).dnc["email"].reason == 2


def test_an_owner_that_was_taken_away_from_the_survivor_stays_away() -> None:
    loser = Part(added_us=1, owner_id=2)
    assert fold(Profile(1, own=Part(added_us=1), losers={2: loser})).owner_id == 2
    assert fold(Profile(1, own=Part(added_us=1, owner_us=9), losers={2: loser})).owner_id == 0
