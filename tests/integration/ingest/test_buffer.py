"""Group commit on a real Valkey: what is held, and what is written, is bounded in bytes too."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import redis
from structlog.testing import capture_logs

from loadtests.faults.proxy import Proxy
from services.common import keys
from services.common.hit import BATCH_FIELD, Hit, decode_batch
from services.common.redis_client import connect
from services.ingest.buffer import BYTES_PER_HIT, MAX_ENTRY_BYTES, HitBuffer, HitsNotKeptError, Kept
from services.ingest.pace import FEWEST_HITS
from tests.processes import free_port

BODY = b"x" * 60_000


@asynccontextmanager
async def open_buffer(url: str, *, max_hits: int = 20_000, timeout_seconds: float = 5.0) -> AsyncIterator[HitBuffer]:
    client = connect(url)
    await client.delete(keys.hits(0))
    buffer = HitBuffer(client, 1, max_hits, timeout_seconds)
    buffer.start()
    try:
        yield buffer
    finally:
        await buffer.close()
        await client.aclose()


def hit(number: int, body: bytes = BODY) -> Hit:
    return Hit(
        number.to_bytes(16, "big"), number, number, 0, "device", 1, False, "192.0.2.1", b"", body, b"", b"", b""
    )  # fmt: skip


def keep_until_refused(buffer: HitBuffer, most: int) -> list[Kept]:
    """In one go, so that nothing is flushed meanwhile."""
    kept: list[Kept] = []
    for number in range(most):
        try:
            kept.append(buffer.keep(hit(number)))
        except HitsNotKeptError:
            break
    return kept


def entries(url: str) -> list[bytes]:
    with redis.Redis.from_url(url) as client:
        stored: Any = client.xrange(keys.hits(0))
    return [fields[BATCH_FIELD] for _, fields in stored]


async def test_hits_that_wait_are_bounded_in_bytes(lone_redis_url: str) -> None:
    async with open_buffer(lone_redis_url, max_hits=1_000) as buffer:
        kept = keep_until_refused(buffer, 1_000)
        assert len(kept) == 1_000 * BYTES_PER_HIT // (len(BODY) + 500) == 67
        for future in kept:
            await future
        await buffer.keep(hit(0))


async def test_a_batch_of_large_hits_is_written_as_several_entries(lone_redis_url: str) -> None:
    async with open_buffer(lone_redis_url) as buffer:
        for future in [buffer.keep(hit(number)) for number in range(100)]:
            await future
    stored = entries(lone_redis_url)
    assert max(map(len, stored)) <= MAX_ENTRY_BYTES
    assert [one.time_us for data in stored for one in decode_batch(data)] == list(range(100))


async def test_usual_hits_stay_one_entry(lone_redis_url: str) -> None:
    async with open_buffer(lone_redis_url) as buffer:
        for future in [buffer.keep(hit(number, b"x" * 300)) for number in range(1_000)]:
            await future
    assert [len(decode_batch(data)) for data in entries(lone_redis_url)] == [1_000]


async def test_no_hit_waits_longer_than_the_one_before_it_when_redis_hangs(lone_redis_url: str) -> None:
    async with open_buffer(lone_redis_url, timeout_seconds=2.0) as buffer:
        await buffer.keep(hit(1, b""))
        with redis.Redis.from_url(lone_redis_url) as client:
            client.execute_command("CLIENT", "PAUSE", 6_000, "ALL")
        with capture_logs() as lines:
            first = buffer.keep(hit(2, b""))
            await asyncio.sleep(0.3)
            second = buffer.keep(hit(3, b""))
            await asyncio.wait({first})
            assert second.done()
        assert [type(future.exception()) for future in (first, second)] == [HitsNotKeptError] * 2
        assert [(line["event"], line["event_ids"]) for line in lines] == [
            ("hits_not_kept", [str(UUID(int=2))]), ("hits_not_kept", [str(UUID(int=3))])
        ]  # fmt: skip
        with redis.Redis.from_url(lone_redis_url) as client:
            client.ping()
        await buffer.keep(hit(4, b""))


async def test_a_flush_tells_how_many_hits_are_safe_and_how_long_that_took(lone_redis_url: str) -> None:
    told: list[tuple[int, float]] = []
    async with open_buffer(lone_redis_url) as buffer:
        buffer.on_flush = lambda hits, seconds: told.append((hits, seconds))
        with capture_logs() as lines:
            await asyncio.gather(*[buffer.keep(hit(number, b"")) for number in (1, 2, 3)])
        await buffer.keep_all([hit(4, b""), hit(5, b"")])
    assert [hits for hits, _ in told] == [3, 2]
    assert all(0 < seconds < 5 for _, seconds in told)
    assert lines[0]["event_ids"] == [str(UUID(int=number)) for number in (1, 2, 3)]


@pytest.mark.skipif("TEST_ON_CLUSTER" in os.environ, reason="the nodes of a cluster name each other, and no proxy")
async def test_a_redis_that_takes_fewer_hits_than_come_has_only_so_many_wait(lone_redis_url: str) -> None:
    port = int(lone_redis_url.rpartition(":")[2].partition("/")[0])
    proxy = Proxy(port, free_port())
    async with open_buffer(lone_redis_url.replace(f":{port}/", f":{proxy.port}/")) as buffer:
        await buffer.keep(hit(0, b""))
        proxy.bytes_a_second = 500_000  # 1,000 of these hits
        kept: list[Kept] = []
        refused = most = 0
        started = time.monotonic()
        while refused <= 10_000:
            for _ in range(10):
                try:
                    kept.append(buffer.keep(hit(len(kept), b"x" * 400)))
                except HitsNotKeptError:
                    refused += 1
            most = max(most, buffer.held)
            taken = 1_200 * (time.monotonic() - started)
            assert len(kept) < taken + 3 * FEWEST_HITS, "the others are refused at once"
            await asyncio.sleep(0.003)
        await asyncio.gather(*kept)
    proxy.close()
    assert most < 3 * FEWEST_HITS, "of 20,000 that the buffer would hold"
