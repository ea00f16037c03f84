"""Duties beside the requests: one process at a time, the next one when it goes, and none without its lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from services.common import keys
from services.common.background import Background, Duty
from services.contacts.stores import Stores


@asynccontextmanager
async def running(one: Background) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(one.run())
    yield task
    task.cancel()
    await asyncio.wait({task})


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def test_one_process_works_and_another_takes_over_when_it_goes(stores: Stores) -> None:
    done: list[str] = []

    def worker(name: str) -> Background:
        async def work() -> None:
            done.append(name)

        return Background(stores.redis, (Duty("test-turns", 0.01, work),))

    first, second = worker("first"), worker("second")
    async with running(first):
        await until(lambda: len(done) > 1)
        async with running(second):
            await until(lambda: len(done) > 10)
            assert set(done) == {"first"}
        # Its lease is there yet: it went without a word.
    async with running(second):
        await asyncio.sleep(0.1)
        assert set(done) == {"first"}
        await first.release()
        await until(lambda: "second" in done)
    await second.release()


async def test_who_has_lost_the_lease_stops_in_the_middle(stores: Stores) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with running(Background(stores.redis, (Duty("test-lost", 60, work),), lease_seconds=0.6)):
        async with asyncio.timeout(10):
            await began.wait()
            await stores.redis.set(keys.duty("test-lost"), "another", px=5_000)
            await ended.wait()
    assert await stores.redis.get(keys.duty("test-lost")) == b"another"


async def test_a_store_that_is_away_is_waited_for_and_a_fault_ends_it(stores: Stores) -> None:
    calls: list[int] = []

    async def work() -> None:
        calls.append(1)
        raise (ConnectionError if len(calls) < 3 else ZeroDivisionError)

    one = Background(stores.redis, (Duty("test-faults", 0.01, work),))
    broke_off: list[str] = []
    one.on_failure = broke_off.append
    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(one.run(), 10)
    assert raised.group_contains(ZeroDivisionError)
    assert len(calls) == 3
    assert broke_off == ["test-faults"] * 2
    await one.release()
