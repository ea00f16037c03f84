"""The loop of a resolver, on fakes of what fails: what it says of itself, and how much it takes at once."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from services.common.hit import BATCH_FIELD, Hit, encode_batch
from services.common.replication import Replicas
from services.identity.dead_letters import DeadLetters
from services.identity.faults import FaultPoints
from services.identity.metrics import IdentityMetrics
from services.identity.reader import BYTES_A_READ, ENTRIES_A_READ, FIRST_ENTRIES, Reader


def entry(hits: int, body: bytes = b"") -> bytes:
    hit = Hit(b"1" * 16, 1, 1, 0, "d" * 23, 1, False, "8.8.8.8", b"", body, b"", b"", b"")
    return encode_batch([hit] * hits)


class FakeLeases:
    held = frozenset({0})

    async def refresh(self) -> None: ...

    async def release(self) -> None: ...


class FakeRedis:
    """Each read gives up to `most` of such entries, or breaks."""

    def __init__(self, data: bytes = b"", most: int = 1) -> None:
        self.data, self.most = data, most
        self.counts: list[int] = []

    def register_script(self, _: str) -> None: ...

    async def xreadgroup(self, group: str, consumer: str, streams: dict[str, Any], count: int) -> Any:
        await asyncio.sleep(0.001)
        if not self.data:
            raise RedisConnectionError("away")
        (name, position), *_ = streams.items()
        if position != ">":
            return []
        self.counts.append(count)
        return [[name, [(b"1-1", {BATCH_FIELD: self.data})] * min(count, self.most)]]

    def pipeline(self, **_: Any) -> FakeRedis:
        return self

    def xack(self, *_: Any) -> None: ...

    def xdel(self, *_: Any) -> None: ...

    async def execute(self) -> None:
        await asyncio.sleep(0.001)


class FakeResolver:
    def __init__(self) -> None:
        self.batches: list[int] = []

    async def resolve(self, hits: list[Hit]) -> None:
        self.batches.append(len(hits))


async def run_for_a_while(redis: Any, *, batch_hits: int = 1) -> tuple[Reader, list[int]]:
    """The reader afterwards, and how many hits each batch had."""
    leases: Any = FakeLeases()
    resolver: Any = FakeResolver()
    reader = Reader(
        redis, leases, resolver, DeadLetters(redis, Replicas(redis, 0, 1.0)), IdentityMetrics(), FaultPoints("", 1),
        batch_hits=batch_hits, batch_seconds=0.01, lease_seconds=0.04,
    )  # fmt: skip
    running = asyncio.create_task(reader.run())
    await asyncio.sleep(0.1)
    reader.stop()
    await running
    return reader, resolver.batches


async def test_a_lease_that_is_renewed_does_not_hide_that_no_batch_gets_through() -> None:
    reader, _ = await run_for_a_while(FakeRedis())
    assert reader.trouble == "ConnectionError"


async def test_large_entries_are_read_a_few_at_a_time_and_small_ones_many() -> None:
    large, small = FakeRedis(entry(1, b"x" * (BYTES_A_READ // 10))), FakeRedis(entry(1))
    reader, _ = await run_for_a_while(large)
    assert reader.trouble is None
    assert large.counts[:2] == [FIRST_ENTRIES, 9]
    await run_for_a_while(small)
    assert small.counts[:5] == [20, 40, 80, 160, ENTRIES_A_READ]


async def test_a_batch_ends_before_the_entry_that_is_too_much_for_it() -> None:
    _, batches = await run_for_a_while(FakeRedis(entry(3), most=5), batch_hits=7)
    assert batches[:3] == [6, 6, 3]
    _, batches = await run_for_a_while(FakeRedis(entry(3), most=5), batch_hits=1)
    assert set(batches) == {3}, "an entry is never cut"
