"""The loop of a resolver, on fakes of what fails: what it says of itself, and how much it takes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from services.common import keys
from services.common.clickhouse import ClickHouseError
from services.common.hit import BATCH_FIELD, Hit, encode_batch
from services.common.replication import Replicas
from services.identity.dead_letters import DeadLetters
from services.identity.faults import FaultPoints
from services.identity.metrics import IdentityMetrics
from services.identity.pipeline import Draft
from services.identity.placement import PlacementError
from services.identity.reader import BYTES_A_READ, ENTRIES_A_READ, FIRST_ENTRIES, Lane, Reader
from services.identity.slow_lane import SlowLane


def entry(hits: int, body: bytes = b"") -> bytes:
    hit = Hit(b"1" * 16, 1, 1, 0, "d" * 23, 1, False, "8.8.8.8", b"", body, b"", b"", b"")
    return encode_batch([hit] * hits)


class FakeLeases:
    held: frozenset[int] = frozenset({0})
    renewals = 0

    async def refresh(self) -> None:
        self.renewals += 1

    async def release(self) -> None: ...


class FakeRedis:
    """Each read gives up to `most` of such entries, or breaks."""

    def __init__(self, data: bytes = b"", most: int = 1) -> None:
        self.data, self.most = data, most
        self.counts: list[int] = []

    def register_script(self, _: str) -> None: ...

    async def xrange(self, *_: Any, **__: Any) -> list[Any]:
        return []

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

    async def enrich(self, hits: list[Hit]) -> list[Draft]:
        return [Draft(hit, "page.hit", b"") for hit in hits]

    async def resolve(self, drafts: list[Draft]) -> None:
        self.batches.append(len(drafts))


def make(redis: Any, resolver: Any, *, batch_hits: int = 1, batch_seconds: float = 0.01) -> tuple[Reader, FakeLeases]:
    leases = FakeLeases()
    reader = Reader(
        redis, leases, resolver, DeadLetters(redis, Replicas(redis, 0, 1.0)), IdentityMetrics(), FaultPoints("", 1),
        Lane(keys.hits, SlowLane(redis, 1, IdentityMetrics()), is_slow=False),
        batch_hits=batch_hits, batch_seconds=batch_seconds, lease_seconds=0.04,
    )  # type: ignore[arg-type] # fmt: skip
    return reader, leases


async def run_until(is_done: Callable[[], bool], reader: Reader) -> None:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(reader.run())
        while not is_done():
            await asyncio.sleep(0.001)
        reader.stop()


async def batches_of(redis: FakeRedis, count: int, batch_hits: int) -> list[int]:
    """How many hits each of so many batches has."""
    resolver = FakeResolver()
    reader, _ = make(redis, resolver, batch_hits=batch_hits)
    await run_until(lambda: len(resolver.batches) >= count, reader)
    return resolver.batches


async def test_a_lease_that_is_renewed_does_not_hide_that_no_batch_gets_through() -> None:
    reader, leases = make(FakeRedis(), FakeResolver())
    await run_until(lambda: leases.renewals > 2, reader)  # the first read takes a tenth of the time between two
    assert reader.trouble == "ConnectionError"
    assert reader._metrics.retries.counts["redis"] >= 1


def test_a_batch_that_is_tried_again_is_counted_by_who_failed() -> None:
    metrics = IdentityMetrics()
    for error in (RedisConnectionError(), ClickHouseError(), PlacementError(), TimeoutError()):
        metrics.count_retry(error)
    assert metrics.retries.counts == {"redis": 1, "clickhouse": 1, "other": 2}


async def test_large_entries_are_read_a_few_at_a_time_and_small_ones_many() -> None:
    large, small = FakeRedis(entry(1, b"x" * (BYTES_A_READ // 10))), FakeRedis(entry(1))
    reader, _ = make(large, FakeResolver())
    await run_until(lambda: len(large.counts) >= 2, reader)
    assert reader.trouble is None
    assert large.counts[:2] == [FIRST_ENTRIES, 9]
    reader, _ = make(small, FakeResolver())
    await run_until(lambda: len(small.counts) >= 5, reader)
    assert small.counts[:5] == [20, 40, 80, 160, ENTRIES_A_READ]


async def test_a_batch_ends_before_the_entry_that_is_too_much_for_it() -> None:
    assert (await batches_of(FakeRedis(entry(3), most=5), 3, batch_hits=7))[:3] == [6, 6, 6]
    assert set(await batches_of(FakeRedis(entry(3), most=5), 10, batch_hits=1)) == {3}, "an entry is never cut"


class Stream:
    """A stream of entries of one hit, as a consumer group sees it: hit n is entry n. What is pending comes again."""

    def __init__(self, entries: int) -> None:
        self.left, self.last = list(range(1, entries + 1)), 0
        self.log: list[str] = []

    def register_script(self, _: str) -> None: ...

    async def xrange(self, *_: Any, **__: Any) -> list[Any]:
        return []

    async def xreadgroup(self, group: str, consumer: str, streams: dict[str, Any], count: int) -> Any:
        ((name, position),) = streams.items()
        after = self.last if position == ">" else int(position)
        found = [n for n in self.left if n > after and (position == ">" or n <= self.last)][:count]
        self.last = max([self.last, *found])
        return [[name, [(b"%d" % n, {BATCH_FIELD: numbered_entry(n)}) for n in found]]] if found else []

    def pipeline(self, **_: Any) -> Stream:
        return self

    def xack(self, _: str, __: str, *ids: bytes) -> None:
        self.left = [n for n in self.left if b"%d" % n not in ids]
        self.log.append(f"acknowledged {int(ids[0])}-{int(ids[-1])}")

    def xdel(self, *_: Any) -> None: ...

    async def execute(self) -> None: ...


def numbered_entry(number: int) -> bytes:
    return encode_batch([Hit(number.to_bytes(16, "big"), 1, 1, 0, "d" * 23, 1, False, "", b"", b"", b"", b"", b"")])


class SlowResolver(FakeResolver):
    """Takes its time for what it stores; `then` happens meanwhile, once."""

    def __init__(self, stream: Stream, then: Callable[[], None] = lambda: None) -> None:
        self.log, self._then = stream.log, then

    async def enrich(self, hits: list[Hit]) -> list[Draft]:
        self.log.append(f"enriched {_span(hits)}")
        return await super().enrich(hits)

    async def resolve(self, drafts: list[Draft]) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        then, self._then = self._then, lambda: None
        then()
        self.log.append(f"stored {_span([draft.hit for draft in drafts])}")


def _span(hits: list[Hit]) -> str:
    return f"{int.from_bytes(hits[0].event_id, 'big')}-{int.from_bytes(hits[-1].event_id, 'big')}"


async def batches(reader: Reader, count: int) -> None:
    for _ in range(count):
        await reader._guarded(reader._one_batch)


async def test_the_next_batch_is_enriched_meanwhile_and_stored_after_the_one_before_is_acknowledged() -> None:
    stream = Stream(50)
    reader, _ = make(stream, SlowResolver(stream), batch_hits=20)
    await batches(reader, 3)
    assert stream.log == [
        "enriched 1-20", "enriched 21-40", "stored 1-20", "acknowledged 1-20",
        "enriched 41-50", "stored 21-40", "acknowledged 21-40", "stored 41-50", "acknowledged 41-50",
    ]  # fmt: skip


async def test_what_was_read_ahead_of_a_batch_that_fails_comes_again_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.identity.reader.RETRY_SECONDS", 0)
    stream = Stream(40)

    def fail() -> None:
        raise RedisConnectionError("away")

    reader, _ = make(stream, SlowResolver(stream, fail), batch_hits=20)
    await batches(reader, 3)
    assert [line for line in stream.log if not line.startswith("enriched")] == [
        "stored 1-20", "acknowledged 1-20", "stored 21-40", "acknowledged 21-40",
    ]  # fmt: skip


async def test_what_was_read_ahead_of_a_stream_that_is_lost_meanwhile_is_left_to_its_new_reader() -> None:
    stream = Stream(40)

    def lose() -> None:
        leases.held = frozenset()

    reader, leases = make(stream, SlowResolver(stream, lose), batch_hits=20)
    await batches(reader, 2)
    assert stream.log == ["enriched 1-20", "enriched 21-40", "stored 1-20", "acknowledged 1-20"]
    assert stream.left == list(range(21, 41))


async def test_small_entries_make_full_batches_without_a_pause_while_more_are_there() -> None:
    stream = Stream(1_000)
    reader, _ = make(stream, FakeResolver(), batch_hits=100, batch_seconds=60)
    await asyncio.wait_for(batches(reader, 9), 10)
    assert len(stream.left) == 100


class QuietStreams:
    """Several streams; `lengths` says what they hold, and reads of them find nothing."""

    def __init__(self) -> None:
        self.lengths: dict[str, int] = {}
        self.reads: list[tuple[str, str]] = []
        self._asked: list[str] = []

    def register_script(self, _: str) -> None: ...

    async def xrange(self, *_: Any, **__: Any) -> list[Any]:
        return []

    async def xreadgroup(self, group: str, consumer: str, streams: dict[str, Any], count: int) -> Any:
        ((name, position),) = streams.items()
        self.reads.append((name, position if isinstance(position, str) else position.decode()))
        return []

    def pipeline(self, **_: Any) -> QuietStreams:
        self._asked = []
        return self

    def xlen(self, name: str) -> None:
        self._asked.append(name)

    async def execute(self) -> list[int]:
        return [self.lengths.get(name, 0) for name in self._asked]

    def taken(self) -> list[tuple[str, str]]:
        reads, self.reads = self.reads, []
        return reads


async def test_of_streams_that_rest_only_the_lengths_are_asked_for() -> None:
    streams = QuietStreams()
    reader, leases = make(streams, FakeResolver())
    leases.held = frozenset({0, 1})
    await batches(reader, 1)
    assert streams.taken() == [(keys.hits(one), position) for one in (0, 1) for position in ("0", ">")]
    await batches(reader, 3)
    assert streams.taken() == []
    streams.lengths[keys.hits(1)] = 1
    await batches(reader, 1)
    assert streams.taken() == [(keys.hits(1), ">")]
    streams.lengths.clear()
    leases.held = frozenset({0, 1, 2})
    await batches(reader, 2)
    assert streams.taken() == [(keys.hits(2), "0"), (keys.hits(2), ">")], "its last reader may have left something"
