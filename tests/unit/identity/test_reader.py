"""The loop of a resolver, on fakes of what fails: what it says of itself, and how much it takes at once."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from services.common.hit import BATCH_FIELD, Hit, encode_batch
from services.identity.dead_letters import DeadLetters
from services.identity.faults import FaultPoints
from services.identity.metrics import IdentityMetrics
from services.identity.reader import BYTES_A_READ, ENTRIES_A_READ, Reader

HIT = Hit(b"1" * 16, 1, 1, 0, "d" * 23, 1, False, "8.8.8.8", b"", b"x" * (BYTES_A_READ // 10), b"", b"", b"")


class FakeLeases:
    held = frozenset({0})

    async def refresh(self) -> None: ...

    async def release(self) -> None: ...


class FakeRedis:
    """Every read gives one large new entry, or breaks."""

    def __init__(self, *, is_away: bool) -> None:
        self.is_away = is_away
        self.counts: list[int] = []

    async def xgroup_create(self, *_: Any, **__: Any) -> None: ...

    async def xreadgroup(self, group: str, consumer: str, streams: dict[str, Any], count: int) -> Any:
        if self.is_away:
            raise RedisConnectionError("away")
        (name, position), *_ = streams.items()
        if position != ">":
            return []
        self.counts.append(count)
        return [[name, [(b"1-1", {BATCH_FIELD: encode_batch([HIT])})]]]

    def pipeline(self, **_: Any) -> FakeRedis:
        return self

    def xack(self, *_: Any) -> None: ...

    def xdel(self, *_: Any) -> None: ...

    async def execute(self) -> None:
        await asyncio.sleep(0.001)


class FakeResolver:
    async def resolve(self, hits: list[Hit]) -> None: ...


async def run_for_a_while(redis: Any) -> Reader:
    leases: Any = FakeLeases()
    resolver: Any = FakeResolver()
    reader = Reader(
        redis, leases, resolver, DeadLetters(redis), IdentityMetrics(), FaultPoints("", 1),
        batch_hits=1, batch_seconds=0.01, lease_seconds=0.04,
    )  # fmt: skip
    running = asyncio.create_task(reader.run())
    await asyncio.sleep(0.1)
    reader.stop()
    await running
    return reader


async def test_a_lease_that_is_renewed_does_not_hide_that_no_batch_gets_through() -> None:
    reader = await run_for_a_while(FakeRedis(is_away=True))
    assert reader.trouble == "ConnectionError"


async def test_large_entries_are_read_a_few_at_a_time() -> None:
    redis = FakeRedis(is_away=False)
    reader = await run_for_a_while(redis)
    assert reader.trouble is None
    assert redis.counts[:2] == [ENTRIES_A_READ, 9]
