"""Several resolvers and writers of contacts at once on a real Valkey: whatever the order, nothing is wrong then."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from services.common.contact_ids import ContactIds
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.redis_client import RedisClient, connect
from services.common.values import Claim, Operator, UniqueValue
from tests.identity_in_memory import Identity
from tests.model import Hit
from tests.model_compare import wrong

UNIQUE = ("email",)
ROUNDS, LIVES, WRITERS, DEVICES = 20, 2, 2, 8
_lives, _numbers = itertools.count(1), itertools.count(1)


class SlowStore(ProfileStore):
    """Others may come between any two of its steps."""

    def __init__(self, redis: RedisClient, chance: random.Random, ids: set[int]) -> None:
        super().__init__(redis)
        self._chance, self._ids = chance, ids

    async def load(self, contact_ids: Iterable[int], *decode: Any) -> dict[int, Profile | None]:
        await self._pause()
        return await super().load(contact_ids, *decode)

    async def write(self, profiles: list[Profile], claims: Mapping[int, Claim] | None = None) -> dict[int, int]:
        await self._pause()
        self._ids.update(profile.id for profile in profiles)
        return await super().write(profiles, claims)

    async def claim(self, claims: list[tuple[UniqueValue, Claim | None, int]]) -> list[Claim | None]:
        await self._pause()
        return await super().claim(claims)

    async def _pause(self) -> None:
        for _ in range(self._chance.choice((0, 0, 1, 2, 5))):
            await asyncio.sleep(0)


class Crowd:
    def __init__(self, redis: RedisClient, chance: random.Random, operator: Operator) -> None:
        life = next(_lives)
        self.values = [f"{letter}{life}@x.org" for letter in "abc"]
        self.devices = range(7_000_000_000 + life * 1_000, 7_000_000_000 + life * 1_000 + DEVICES)
        self.ids = set(self.devices)
        self._redis, self._chance, self._operator = redis, chance, operator

    async def actor(self) -> Identity:
        ids = ContactIds(self._redis)
        await ids.open()
        return Identity(SlowStore(self._redis, self._chance, self.ids), ids, UNIQUE, self._operator, {})

    async def visit(self, actor: Identity, device: int) -> None:
        said = {"email": self._chance.choice(self.values)} if self._chance.random() < 0.7 else {}
        hit = Hit(device, time.time_ns() // 1_000, next(_numbers), said, self._chance.choice(("", "Ada", "Bob")))
        await actor.hits([(hit, hit.time)])

    async def write(self, actor: Identity) -> None:
        who, whom = self._chance.choices(sorted(self.ids), k=2)
        said = {"email": self._chance.choice(self.values)}
        deeds = (
            actor.create(said),
            actor.edit(who, said),
            actor.merge(who, whom),
            actor.unmerge(who),
            actor.delete(who),
        )
        chosen = self._chance.choices(range(len(deeds)), (3, 3, 3, 3, 1))[0]
        for number, deed in enumerate(deeds):
            if number == chosen:
                await deed
            else:
                deed.close()

    async def check(self) -> None:
        store = ProfileStore(self._redis)
        for contact_id in sorted(self.ids):
            await store.resolve(contact_id)  # what one was too late for is completed by whoever reads it
        profiles = await store.load(self.ids)
        claims = await store.holders([UniqueValue("email", value) for value in self.values])
        assert wrong(profiles, claims, UNIQUE) == []
        owners = [one for one in profiles.values() if one and one.is_known() for one in one.ids()]
        assert len(owners) == len(set(owners)), "an event is read by one contact"


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("resolvers", [1, 2, 4])
async def test_whatever_is_done_at_once_check_identity_finds_nothing(
    valkey_url: str, resolvers: int, operator: Operator
) -> None:
    async with connect(valkey_url) as redis:
        for seed in range(LIVES):
            chance = random.Random(seed)
            crowd = Crowd(redis, chance, operator)
            actors = [await crowd.actor() for _ in range(resolvers + WRITERS)]
            for _ in range(ROUNDS):
                visits = [
                    crowd.visit(one, chance.choice(crowd.devices[number::resolvers]))
                    for number, one in enumerate(actors[:resolvers])
                ]
                await asyncio.gather(*visits, *(crowd.write(one) for one in actors[resolvers:]))
                await crowd.check()
