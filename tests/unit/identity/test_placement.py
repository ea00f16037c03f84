"""How a plan is written: a claim is never left waiting for long, however large the batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from services.common.profile import Merge, Part, Profile, Stamped
from services.common.values import Claim, UniqueValue
from services.identity.faults import FaultPoints
from services.identity.identify import Rules, Sighting
from services.identity.placement import PROFILES_AT_ONCE, Placement
from tests.identity_in_memory import Clock, MemoryStore

HITS = PROFILES_AT_ONCE * 3 + 1


class FakeStore:
    """Takes everything, and counts how many claims wait for their contact to be written."""

    def __init__(self) -> None:
        self.waiting: set[int] = set()
        self.most = 0
        self.written = 0

    async def load(self, ids: Iterable[int]) -> dict[int, Profile | None]:
        return dict.fromkeys(ids)

    async def holders(self, values: Iterable[UniqueValue]) -> dict[UniqueValue, Claim | None]:
        return dict.fromkeys(values)

    async def claim(self, claims: list[tuple[UniqueValue, Claim | None, int]]) -> list[Claim | None]:
        self.waiting.update(contact_id for _, _, contact_id in claims)
        self.most = max(self.most, len(self.waiting))
        return [Claim(contact_id, 1) for _, _, contact_id in claims]

    async def write(self, profiles: list[Profile], claims: Mapping[int, Claim]) -> dict[int, int]:
        assert set(claims) == {profile.id for profile in profiles}, "each rests on its own claim"
        self.waiting.difference_update(claims)
        self.written += len(profiles)
        return {profile.id: 1 for profile in profiles}

    async def remember_brief(self, devices: Mapping[int, list[int]]) -> None:
        assert not devices


class FakeQueue:
    async def put(self, merges: Iterable[tuple[int, int]]) -> None:
        assert not list(merges)


class FakeIds:
    def __init__(self) -> None:
        self._numbers = itertools.count(10**6)

    async def take_surely(self) -> int:
        return next(self._numbers)


async def test_a_large_batch_of_new_addresses_is_claimed_and_written_some_at_a_time() -> None:
    store: Any = FakeStore()
    ids: Any = FakeIds()
    queue: Any = FakeQueue()
    sightings = [
        Sighting(number, False, number, number, number.to_bytes(16, "big"), {"email": f"{number}@x.org"}, {}, {}, "")
        for number in range(1, HITS + 1)
    ]
    placed = await Placement(store, ids, Rules(), FaultPoints("", 1), queue).place(sightings)
    assert len(placed.contacts) == store.written == HITS
    assert store.most <= PROFILES_AT_ONCE
    assert not store.waiting


async def test_a_follower_whose_own_step_was_lost_is_led_to_the_end_all_the_same() -> None:
    winner, loser, follower = 100, 200, 300
    own = Part(added_us=1)
    named = Part(added_us=1, fields={"email": Stamped("ada@x.org", 1)})

    class Overtaken(MemoryStore):
        async def write(self, profiles: list[Profile], claims: Mapping[int, Claim] | None = None) -> dict[int, int]:
            if [one.id for one in profiles] == [follower] and not self.was_lost:
                self.was_lost = True
                await super().write([one for one in (await self.load([follower])).values() if one])
            return await super().write(profiles, claims)

        was_lost = False

    store = Overtaken(Clock())
    await store.write(
        [
            Profile(winner, own=named),
            Profile(loser, own=own, losers={follower: own}, merges={follower: Merge(loser, 1)}),
            Profile(follower, own=own, alias=loser, merge=Merge(loser, 1)),
        ]
    )
    await store.claim([(UniqueValue("email", "ada@x.org"), None, winner)])
    ids: Any = FakeIds()
    queue: Any = FakeQueue()
    hit = Sighting(loser, False, 2, 2, b"1" * 16, {"email": "ada@x.org"}, {}, {}, "")
    await Placement(store, ids, Rules(), FaultPoints("", 1), queue).place([hit])
    loaded = await store.load([loser, follower])
    assert store.was_lost
    assert {one: profile and profile.alias for one, profile in loaded.items()} == {loser: winner, follower: winner}
