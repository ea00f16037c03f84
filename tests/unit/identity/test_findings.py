"""What merges, undoes, moves and deletions leave is in order, in any sequence; and each thing that breaks is found."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.merging import freeze_into, take_in, take_out
from services.common.profile import Move, Part, Profile, with_move
from services.common.tables import AliasRow, alias_rows
from services.common.values import Claim, UniqueValue
from services.identity.tools.checking import findings as kinds
from services.identity.tools.checking.findings import Finding, Picture, contact_findings
from services.identity.tools.checking.suspects import Suspects
from services.identity.tools.claims import bearer, carried
from services.identity.tools.leads import survivor_of

FIELDS = ("email", "mobile")
IDS = tuple(range(1, 7))
EARLY, NOW = 1_000, 1_000_000


class World:
    """Six contacts, and all that is kept of them."""

    def __init__(self) -> None:
        self.now = NOW
        self.profiles: dict[int, Profile | None] = {}
        self.rows: dict[int, AliasRow] = {}
        for number in IDS:
            told = {"email": f"{number}@x.org", "mobile": str(number)}
            self.write(Profile(number, own=Part(added_us=number).with_fields(dict(told), EARLY)))

    def write(self, *profiles: Profile) -> None:
        for profile in profiles:
            self.now += 1
            profile.version = self.now
            self.profiles[profile.id] = profile
            self.rows.update({row.loser: row for row in alias_rows(profile)})

    def one(self, number: int) -> Profile:
        profile = survivor_of(self.profiles, number)
        assert profile is not None
        return profile

    def merge(self, first: int, second: int) -> None:
        winner, loser = self.one(first), self.one(second)
        if winner.id != loser.id and winner.is_known() and loser.is_known():
            frozen = freeze_into(loser, winner, self.now)
            self.write(frozen, take_in(winner, frozen))
            self._lead(loser.losers, loser.id, winner.id)

    def unmerge(self, number: int, _: int) -> None:
        stored = self.profiles[number]
        assert stored
        whole = self.one(number)
        if stored.alias and (parted := take_out(whole, stored, self.now)):
            self.write(parted.back, parted.rest)
            self._lead(parted.back.losers, whole.id, number)

    def move(self, number: int, target: int) -> None:
        stored = self.profiles[number]
        assert stored
        self.write(with_move(stored, Move(self.now, b"e", target)))

    def delete(self, number: int, _: int) -> None:
        profile = self.one(number)
        if profile.is_known():
            self.write(msgspec.structs.replace(profile, own=None, losers={}, deleted_us=self.now))

    def _lead(self, contact_ids: dict[int, Part], before: int, after: int) -> None:
        for one in [self.profiles[number] for number in contact_ids]:
            if one and one.alias == before:
                self.write(msgspec.structs.replace(one, alias=after))

    def picture(self) -> Picture:
        claims: dict[UniqueValue, Claim | None] = {}
        for profile in self.profiles.values():
            for value in carried(profile, FIELDS) if profile else ():
                assert profile
                claims[value] = Claim(bearer(profile, value), EARLY)
        projected = {number: profile.version for number, profile in self.profiles.items() if profile}
        return Picture(dict(self.profiles), claims, projected, dict(self.rows), set())


def look(picture: Picture) -> list[Finding]:
    return [found for number in IDS for found in contact_findings(picture, number, FIELDS)]


def found_kinds(picture: Picture) -> set[str]:
    return {found.kind for found in look(picture)}


DEEDS: list[Callable[[World, int, int], None]] = [World.merge, World.unmerge, World.move, World.delete]
deeds = st.lists(st.tuples(st.sampled_from(DEEDS), st.sampled_from(IDS), st.sampled_from(IDS)), max_size=20)


def world_after(done: list[tuple[Callable[[World, int, int], None], int, int]]) -> World:
    world = World()
    for deed, first, second in done:
        deed(world, first, second)
    return world


@given(done=deeds)
def test_what_is_done_whole_is_in_order(done: list[tuple[Callable[[World, int, int], None], int, int]]) -> None:
    assert look(world_after(done).picture()) == []


@given(done=deeds, number=st.sampled_from(IDS))
def test_a_profile_that_redis_lost_is_found(
    done: list[tuple[Callable[[World, int, int], None], int, int]], number: int
) -> None:
    picture = world_after(done).picture()
    picture.profiles[number] = None
    assert Finding(kinds.PROJECTION_AHEAD, number, seen=(0, picture.projected[number])) in look(picture)


@given(done=deeds, number=st.sampled_from(IDS))
def test_each_of_their_values_must_be_claimed(
    done: list[tuple[Callable[[World, int, int], None], int, int]], number: int
) -> None:
    world = world_after(done)
    picture, profile = world.picture(), world.one(number)
    for value in carried(profile, FIELDS):
        broken = picture._replace(claims={**picture.claims, value: None})
        assert [(one.kind, one.subject, one.about) for one in look(broken)] == [
            (kinds.VALUE_UNCLAIMED, profile.id, value.field)
        ]


@given(done=deeds, number=st.sampled_from(IDS))
def test_a_survivor_that_lacks_a_loser_or_whose_row_is_missing_is_found(
    done: list[tuple[Callable[[World, int, int], None], int, int]], number: int
) -> None:
    world = world_after(done)
    stored, whole = world.profiles[number], world.one(number)
    assert stored
    if stored.alias and whole.is_known():
        picture = world.picture()
        del picture.alias_rows[number]
        assert found_kinds(picture) == {kinds.ALIAS_ROW_WRONG}
        del whole.losers[number]
        assert kinds.MERGE_HALF_DONE in found_kinds(world.picture())


def merged() -> World:
    """3 into 2, both into 1."""
    world = World()
    world.merge(2, 3)
    world.merge(1, 2)
    assert look(world.picture()) == []
    return world


def change(world: World, number: int, **said: object) -> Picture:
    """A profile that somebody has spoilt; what follows of it, its row and its version, is as it should be."""
    old = world.profiles[number]
    assert old
    picture = world.picture()
    picture.profiles[number] = msgspec.structs.replace(old, **said)
    return picture


@pytest.mark.parametrize(
    ("number", "said", "kind", "subjects"),
    [
        (3, {"alias": 2}, kinds.ALIAS_CHAIN, {3}),
        (1, {"alias": 3}, kinds.ALIAS_CYCLE, {1}),
        (2, {"alias": 99}, kinds.ALIAS_NOWHERE, {2}),
        (2, {"alias": 2}, kinds.ALIAS_CYCLE, {2}),
        (2, {"alias": 0}, kinds.LOSER_ELSEWHERE, {1, 2}),  # and 3, which 2 has too, leads to 1
        (2, {"alias": 4}, kinds.MERGE_HALF_DONE, {2}),
        (4, {"moves": [Move(1, b"", 99)]}, kinds.MOVE_NOWHERE, {4}),
        (5, {"version": 1}, kinds.PROJECTION_AHEAD, {5}),
        (5, {"version": NOW * 2}, kinds.PROJECTION_BEHIND, {5}),
    ],
)
def test_what_is_spoilt_is_found(number: int, said: dict[str, object], kind: str, subjects: set[int]) -> None:
    picture = change(merged(), number, **said)
    assert {found.subject for found in look(picture) if found.kind == kind} == subjects


def test_a_value_of_two_is_shared_and_a_claim_through_a_loser_is_right() -> None:
    world = merged()
    first, other = world.one(1), world.one(4)
    assert other.own
    world.write(msgspec.structs.replace(other, own=other.own.with_fields({"mobile": "1"}, NOW)))
    picture = world.picture()
    value = UniqueValue("mobile", "1")
    picture.claims[value] = Claim(first.id, EARLY)
    assert [(found.kind, found.subject) for found in look(picture)] == [(kinds.VALUE_SHARED, 4)]
    picture.claims[value] = Claim(4, EARLY)
    assert [(found.kind, found.subject) for found in look(picture)] == [(kinds.VALUE_SHARED, 1)]


def test_devices_may_move_to_visitors_and_callers_without_cookies_are_not_projected() -> None:
    picture = change(World(), 4, moves=[Move(1, b"", 99)])
    assert look(picture._replace(visited={99})) == []
    brief = change(World(), 4, own=None, is_brief=True, version=5, moves=[Move(1, b"", 1)])
    assert look(brief) == []


def test_a_finding_is_another_one_once_somebody_has_written() -> None:
    world = World()
    picture = change(world, 2, alias=99)
    again = change(world, 2, alias=99, version=NOW * 2)
    again.projected[2] = NOW * 2
    assert found_kinds(picture) == found_kinds(again) and not set(look(picture)) & set(look(again))


def test_suspects_wait_and_come_in_their_order_some_at_a_time() -> None:
    suspects = Suspects(10)
    assert suspects.next_due() is None
    suspects.add([Finding("a", number) for number in (1, 2, 1)], now=5)
    suspects.add([Finding("b", number) for number in range(50_000)], now=7)
    assert suspects.next_due() == 15 and suspects.is_full
    assert suspects.take() == [Finding("a", 1), Finding("a", 2)]
    assert suspects.next_due() == 17 and len(suspects.take()) == 1_000 and not suspects.is_full
