"""Merges that had to wait: made once there is room, never of whom an undo has parted."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator

import pytest

from services.common import keys
from services.common.clickhouse import ClickHouseError
from services.common.merges import MergeStore
from services.common.profile import Part, Profile, Stamped
from services.common.profiles import ProfileStore
from services.common.redis_client import RedisClient, connect
from services.identity.identify import Rules
from services.identity.merge_queue import MergeQueue

_numbers = itertools.count(77_000_000)
NOW = time.time_ns() // 1_000


@pytest.fixture
async def redis(lone_redis_url: str) -> AsyncIterator[RedisClient]:
    client = connect(lone_redis_url)
    await client.delete(keys.QUEUED_MERGES)
    yield client
    await client.aclose()


class Projected:
    """In the place of ClickHouse: whom it was told of, unless it is away."""

    def __init__(self, error: Exception | None = None) -> None:
        self.ids, self._error = set[int](), error

    async def __call__(self, profiles: list[Profile]) -> None:
        if self._error:
            raise self._error
        self.ids.update(profile.id for profile in profiles)


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
    await queue.work_off(merges, Rules(), Projected())
    assert await queue.size() == 3, "not due yet"
    await let_come_due(redis)
    await queue.work_off(merges, Rules(max_merges=2), Projected())
    merged = (await store.load([winner]))[winner]
    assert merged is not None
    assert (len(merged.losers), await queue.size()) == (2, 1)
    await let_come_due(redis)
    projected = Projected()
    await queue.work_off(merges, Rules(), projected)
    assert await queue.size() == 0
    assert projected.ids >= {winner}
    assert {(await store.resolve(loser)).id for loser in losers} == {winner}  # type: ignore[union-attr]


async def test_a_merge_waits_in_the_queue_until_clickhouse_has_it(redis: RedisClient) -> None:
    store, queue = ProfileStore(redis), MergeQueue(redis)
    merges = MergeStore(store, nobody)
    winner, loser = await contacts(store, 2)
    await queue.put([(winner, loser)])
    await let_come_due(redis)
    with pytest.raises(ClickHouseError):
        await queue.work_off(merges, Rules(), Projected(ClickHouseError("away")))
    assert await queue.size() == 1
    version = (await store.load([winner]))[winner].version  # type: ignore[union-attr]
    projected = Projected()
    await queue.work_off(merges, Rules(), projected)
    assert (await queue.size(), projected.ids) == (0, {winner})
    assert (await store.load([winner]))[winner].version == version, "it was made before"  # type: ignore[union-attr]


async def test_what_may_not_be_merged_any_more_leaves_the_queue(redis: RedisClient) -> None:
    store, queue = ProfileStore(redis), MergeQueue(redis)
    merges = MergeStore(store, nobody)
    (one,), (other,) = await contacts(store, 1, email="a@x.org"), await contacts(store, 1, email="b@x.org")
    parted, apart = await contacts(store, 2)
    await merges.merge(parted, apart, "test")
    await merges.unmerge(apart, ("email",))
    await queue.put([(one, other), (parted, apart), (one, 5)])
    await let_come_due(redis)
    projected = Projected()
    await queue.work_off(merges, Rules(), projected)
    assert (await queue.size(), projected.ids) == (0, set())
    assert {(await store.resolve(contact_id)).id for contact_id in (one, other, parted, apart)} == {
        one,
        other,
        parted,
        apart,
    }  # type: ignore[union-attr]
