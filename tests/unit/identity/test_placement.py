"""How a plan is written: a claim is never left waiting for long, however large the batch."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import pytest

from services.common.profile import Merge, Part, Profile, Stamped
from services.common.values import VOID_CLAIM_US, Claim, UniqueValue
from services.identity.faults import FaultPoints
from services.identity.identify import Rules, Sighting
from services.identity.placement import PROFILES_AT_ONCE, SPARE_IDS, Placement
from tests.identity_in_memory import Clock, MemoryStore

HITS = PROFILES_AT_ONCE * 3 + 1
FIRST_NEW_ID = 10**6
ADDRESS = UniqueValue("email", "ada@x.org")


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

    async def time_us(self) -> int:
        return 1

    async def remember_brief(self, devices: Mapping[int, list[int]]) -> None:
        assert not devices


class FakeQueue:
    async def put(self, merges: Iterable[tuple[int, int]]) -> None:
        assert not list(merges)


class FakeIds:
    def __init__(self) -> None:
        self._numbers = itertools.count(FIRST_NEW_ID)

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


class Overtaken(MemoryStore):
    """Somebody else does something just before the first write of this contact alone."""

    def __init__(self, contact_id: int, deed: Callable[[Overtaken], Awaitable[None]]) -> None:
        super().__init__(Clock())
        self._contact_id, self._deed, self.is_done = contact_id, deed, False

    async def write(self, profiles: list[Profile], claims: Mapping[int, Claim] | None = None) -> dict[int, int]:
        if [one.id for one in profiles] == [self._contact_id] and profiles[0].version and not self.is_done:
            self.is_done = True
            await self._deed(self)
        return await super().write(profiles, claims)

    async def touch(self, *contact_ids: int) -> None:
        await super().write([one for one in (await self.load(contact_ids)).values() if one])


def placement(store: MemoryStore) -> Placement:
    ids: Any = FakeIds()
    queue: Any = FakeQueue()
    return Placement(store, ids, Rules(), FaultPoints("", 1), queue)


def named(email: str = "ada@x.org", time_us: int = 1) -> Part:
    return Part(added_us=1, fields={"email": Stamped(email, time_us)})


async def test_a_follower_whose_own_step_was_lost_is_led_to_the_end_all_the_same() -> None:
    winner, loser, follower = 100, 200, 300
    own = Part(added_us=1)
    store = Overtaken(follower, lambda store: store.touch(follower))
    await store.write(
        [
            Profile(winner, own=named()),
            Profile(loser, own=own, losers={follower: own}, merges={follower: Merge(loser, 1)}),
            Profile(follower, own=own, alias=loser, merge=Merge(loser, 1)),
        ]
    )
    await store.claim([(ADDRESS, None, winner)])
    await placement(store).place([Sighting(loser, False, 2, 2, b"1" * 16, {"email": "ada@x.org"}, {}, {}, "")])
    loaded = await store.load([loser, follower])
    assert store.is_done
    assert {one: profile and profile.alias for one, profile in loaded.items()} == {loser: winner, follower: winner}


async def test_a_contact_that_was_made_a_round_ago_and_changed_by_others_since_is_read_again() -> None:
    device, new, other = 100, FIRST_NEW_ID + SPARE_IDS - 1, 300

    async def overtake(store: Overtaken) -> None:
        await store.touch(device, new)
        await MemoryStore.write(store, [Profile(other, own=named())])
        store.claims[ADDRESS] = Claim(other, store.claims[ADDRESS].time_us + 1)

    store = Overtaken(device, overtake)
    await store.write([Profile(device, deleted_us=1)])
    hit = Sighting(device, False, 2, 2, b"1" * 16, {"email": "ada@x.org"}, {}, {}, "")
    placed = await placement(store).place([hit])
    assert store.is_done
    end = await store.resolve(new)
    assert placed.contacts == [new] and end and set(end.ids()) == {new, other}


async def test_a_contact_that_was_made_and_then_merged_into_one_that_is_deleted_gets_no_hits() -> None:
    device, holder = 100, 300

    async def delete(store: Overtaken) -> None:
        store.claims.clear()
        loaded = (await store.load([holder]))[holder]
        await MemoryStore.write(store, [Profile(holder, deleted_us=1, version=loaded.version if loaded else 0)])

    store = Overtaken(holder, delete)
    await store.write([Profile(device, deleted_us=1)])
    await MemoryStore.write(store, [Profile(holder, own=named())])
    await store.claim([(ADDRESS, None, holder)])
    hit = Sighting(device, False, 2, 2, b"1" * 16, {"email": "ada@x.org"}, {}, {}, "")
    placed = await placement(store).place([hit])
    assert store.is_done and isinstance(placed.contacts[0], int)
    end = await store.resolve(placed.contacts[0])
    assert end and not end.deleted_us and end.carries(*ADDRESS)


async def test_who_an_undo_takes_along_while_the_contact_is_deleted_is_not_stripped() -> None:
    gone, back, follower = 100, 200, 300
    own = Part(added_us=1)

    async def undo(store: Overtaken) -> None:
        loaded = (await store.load([back]))[back]
        assert loaded
        await MemoryStore.write(store, [Profile(back, own=own, losers={follower: named()}, version=loaded.version)])

    store = Overtaken(back, undo)
    await store.write(
        [
            Profile(gone, deleted_us=2),
            Profile(back, own=own, losers={follower: named()}, alias=gone, merge=Merge(gone, 1)),
            Profile(follower, own=named(), alias=gone, merge=Merge(back, 1)),
        ]
    )
    assert await store.strip([back, follower], gone) == []
    loaded = await store.load([follower])
    assert store.is_done and loaded[follower] and loaded[follower].own == named()


async def test_a_claim_is_void_by_redis_clock_whatever_ours_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours being an hour ahead, two contacts would get one address."""
    clock = Clock()
    store = MemoryStore(clock)
    await store.write([Profile(5, own=named("eve@x.org"))])
    await store.claim([(ADDRESS, None, 5)])
    monkeypatch.setattr(time, "time_ns", lambda: (clock.us + 3_600_000_000) * 1_000)
    sighting = Sighting(7, False, 2, 2, b"e" * 16, {"email": "ada@x.org"}, {}, {}, "")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(placement(store).place([sighting]), 0.3)
    clock.us += VOID_CLAIM_US
    assert (await placement(store).place([sighting])).contacts == [7]
