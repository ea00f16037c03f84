"""Merges that had to wait: made once there is room, never of whom an undo has parted."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator

import pytest

from services.common import keys
from services.common.merges import MergeStore
from services.common.profile import Part, Profile, Stamped
from services.common.profiles import ProfileStore
from services.common.redis_client import RedisClient, connect
from services.identity.identify import Rules
from services.identity.merge_queue import MergeQueue

_numbers = itertools.count(77_000_000)
NOW = time.time_ns() // 1_000


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[RedisClient]:
    client = connect(valkey_url)
    await client.delete(keys.QUEUED_MERGES)
    yield client
    await client.aclose()


async def nobody(_: int) -> int:
    return 0


async def contacts(store: ProfileStore, count: int, **fields: str) -> list[int]:
    told = {field: Stamped(value, NOW) for field, value in fields.items()}
    profiles = [Profile(next(_numbers), own=Part(added_us=NOW, fields=told)) for _ in range(count)]
    await store.write(profiles)
    return [profile.id for profile in profiles]


async def let_come_due(redis: RedisClient) -> None:
    for member in await redis.zrange(keys.QUEUED_MERGES, 0, -1):
        await redis.zadd(keys.QUEUED_MERGES, {member: 1})


async def test_queued_merges_are_made_as_the_cap_allows_and_each_once(redis: RedisClient) -> None:
    store, queue = ProfileStore(redis), MergeQueue(redis)
    merges = MergeStore(store, nobody)
    winner, *losers = await contacts(store, 4)
    await queue.put([(winner, loser) for loser in losers])
    await queue.put([(winner, losers[0])])
    assert (await queue.size(), await queue.work_off(merges, Rules())) == (3, []), "not due yet"
    await let_come_due(redis)
    await queue.work_off(merges, Rules(max_merges=2))
    merged = (await store.load([winner]))[winner]
    assert merged is not None
    assert (len(merged.losers), await queue.size()) == (2, 1)
    await let_come_due(redis)
    written = await queue.work_off(merges, Rules())
    assert await queue.size() == 0
    assert {profile.id for profile in written} >= {winner}
    assert {(await store.resolve(loser)).id for loser in losers} == {winner}  # type: ignore[union-attr]


async def test_what_may_not_be_merged_any_more_leaves_the_queue(redis: RedisClient) -> None:
    store, queue = ProfileStore(redis), MergeQueue(redis)
    merges = MergeStore(store, nobody)
    (one,), (other,) = await contacts(store, 1, email="a@x.org"), await contacts(store, 1, email="b@x.org")
    parted, apart = await contacts(store, 2)
    await merges.merge(parted, apart, "test")
    await merges.unmerge(apart, ("email",))
    await queue.put([(one, other), (parted, apart), (one, 5)])
    await let_come_due(redis)
    assert await queue.work_off(merges, Rules()) == []
    assert await queue.size() == 0
    assert {(await store.resolve(contact_id)).id for contact_id in (one, other, parted, apart)} == {
        one,
        other,
        parted,
        apart,
    }  # type: ignore[union-attr]
