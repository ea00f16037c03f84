"""Counts by the minute on a real Valkey: nothing is lost while Redis is away, and nothing counts twice."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.common import keys, minute_counts
from services.common.minute_counts import LIFE_SECONDS, MOST_MINUTES, Counts, MinuteCounts, load_counts
from services.common.redis_client import RedisClient, RedisError, connect

AWAY, UNHEARD = "away", "unheard"


class Breaking:
    """A client whose calls fail: before Redis has heard of them, or after."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis, self.fault = redis, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    def pipeline(self, **options: Any) -> Any:
        pipeline = self._redis.pipeline(**options)
        execute = pipeline.execute

        async def guarded(**said: Any) -> Any:
            if self.fault == AWAY:
                raise RedisError("away")
            answers = await execute(**said)
            if self.fault == UNHEARD:
                raise RedisError("unheard")
            return answers

        pipeline.execute = guarded
        return pipeline


_minutes = itertools.count(1_000_000, 10 * MOST_MINUTES)


class Clock:
    """Begins with a minute that no other test has."""

    def __init__(self) -> None:
        self.now = next(_minutes) * 60.0

    def __call__(self) -> float:
        return self.now

    @property
    def minute(self) -> int:
        return int(self.now // 60)


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[RedisClient]:
    client = connect(valkey_url)
    yield client
    await client.aclose()


async def test_the_counts_of_two_processes_add_up_minute_by_minute(redis: RedisClient) -> None:
    clock = Clock()
    counted: list[Counts] = [{"accepted": 0, "dropped:dnt": 0}, {"accepted": 0}]
    first, second = (MinuteCounts(redis, lambda each=each: each, clock) for each in counted)  # type: ignore[misc]
    counted[0].update({"accepted": 3, "dropped:dnt": 1})
    counted[1].update({"accepted": 5})
    for _ in range(2):  # what is written is not written again
        await first.write()
        await second.write()
    clock.now += 60
    await first.write()
    counted[0].update({"accepted": 10})
    await first.write()
    minutes = range(clock.minute - 2, clock.minute + 1)
    assert await load_counts(redis, minutes) == [{}, {"accepted": 8, "dropped:dnt": 1}, {"accepted": 7}]
    assert LIFE_SECONDS - 10 < await redis.ttl(keys.minute_counts(clock.minute)) <= LIFE_SECONDS


@pytest.mark.parametrize("fault", [AWAY, UNHEARD])
async def test_a_redis_that_is_away_or_does_not_answer_costs_no_count_and_makes_none(
    redis: RedisClient, fault: str
) -> None:
    clock, counted, breaking = Clock(), {"stored": 0}, Breaking(redis)
    counts = MinuteCounts(breaking, lambda: counted, clock)
    begin = clock.minute
    breaking.fault = fault
    for _ in range(30):
        counted["stored"] += 1
        await counts.write()
        clock.now += 6
    breaking.fault = ""
    await counts.write()
    assert await load_counts(redis, range(begin, clock.minute)) == [{"stored": 11}, {"stored": 10}, {"stored": 9}]


async def test_no_more_wait_than_the_minutes_of_a_day(redis: RedisClient) -> None:
    clock, counted, breaking = Clock(), {"stored": 0}, Breaking(redis)
    counts = MinuteCounts(breaking, lambda: counted, clock)
    breaking.fault = AWAY
    for _ in range(MOST_MINUTES + 100):
        counted["stored"] += 1
        await counts.write()
        clock.now += 60
    assert len(counts._waiting) == MOST_MINUTES


async def test_the_end_of_a_process_writes_what_is_left_and_waits_for_nobody(
    redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minute_counts, "CLOSE_SECONDS", 10.0)  # Redis is there, however slow this machine is
    clock, counted, breaking = Clock(), {"stored": 0}, Breaking(redis)
    counts = MinuteCounts(breaking, lambda: counted, clock)
    counted["stored"] = 4
    await counts.close()
    assert await load_counts(redis, [clock.minute]) == [{"stored": 4}]
    breaking.fault = AWAY
    counted["stored"] = 5
    await counts.close()
