"""The loop of a resolver: lease streams, read them in order, resolve, acknowledge; and what to do when that fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import structlog
from redis.exceptions import ResponseError

from services.common import keys
from services.common.faults import FaultPoints
from services.common.hit import BATCH_FIELD, Hit, decode_batch
from services.common.redis_client import RedisClient, RedisError, load_script
from services.identity.dead_letters import DeadLetters
from services.identity.leases import Leases
from services.identity.metrics import IdentityMetrics
from services.identity.pipeline import Draft
from services.identity.resolver import PASSING_TROUBLES, Resolver
from services.identity.slow_lane import SlowLane

log = structlog.get_logger()

IDLE_SECONDS = 0.02
RETRY_SECONDS = 0.5
LEASE_REFRESHES = 4  # within the life of a lease
ENTRIES_A_READ = 200  # at most: a stream is read 20 entries at once at first, then twice as many each time
FIRST_ENTRIES = 20
BYTES_A_READ = 16_000_000  # of one stream: as many fewer entries as those of its last read were large
NEW = ">"
DONE = b"done"  # what the last reader of a stream had left is read


class Entry(NamedTuple):
    stream: int
    id: bytes
    hits: list[Hit]
    bytes: int


class Lane(NamedTuple):
    """What a reader reads of each stream: what comes from the door, or what waits apart (`slow_lane.py`)."""

    name: Callable[[int], str]  # of a stream's key
    slow: SlowLane
    is_slow: bool


class Batch(NamedTuple):
    entries: list[Entry]
    drafts: list[Draft]  # what their hits say
    has_successor: bool  # more waits in the streams already


class Reader:
    def __init__(
        self,
        redis: RedisClient,
        leases: Leases,
        resolver: Resolver,
        dead_letters: DeadLetters,
        metrics: IdentityMetrics,
        faults: FaultPoints,
        lane: Lane,
        *,
        batch_hits: int,
        batch_seconds: float,
        lease_seconds: float,
    ) -> None:
        self._redis, self._leases, self._resolver = redis, leases, resolver
        self._make_group = load_script(redis, "create_group", allow_oom=True)
        self._dead_letters, self._metrics, self._faults = dead_letters, metrics, faults
        self._lane = lane
        self._batch_hits, self._batch_seconds = batch_hits, batch_seconds
        self._lease_seconds = lease_seconds
        self._inherited: dict[int, bytes] = {}  # stream: what its last reader left is read up to here
        self._waiting: list[Entry] = []  # read, and more than one batch
        self._has_more = False  # a stream gave all the entries that it was asked for
        self._ahead: asyncio.Task[Batch] | None = None  # the next batch is read while the one before it is stored
        self._counts: dict[int, int] = {}  # stream: how many entries are read next
        self._stopping = asyncio.Event()
        self._troubles: dict[str, str | None] = {"_one_batch": "starting", "refresh": "starting"}  # by step

    @property
    def trouble(self) -> str | None:
        """Why hits are not getting through right now, or None."""
        return next((trouble for trouble in self._troubles.values() if trouble), None)

    def stop(self) -> None:
        """Ends the loops after the batch at hand."""
        self._stopping.set()

    async def run(self) -> None:
        """With the leases: takes them, renews them, and gives them up at the end."""
        renewing = asyncio.create_task(self._renew_forever())
        try:
            await self.read()
        finally:
            self.stop()
            await renewing  # or it would take the leases again
            try:
                await self._leases.release()
            except RedisError:
                log.warning("leases_left_to_expire")

    async def read(self) -> None:
        """From the streams whose leases are held at any moment."""
        try:
            while not self._stopping.is_set():
                await self._guarded(self._one_batch)
        finally:
            await self._forget()

    async def _renew_forever(self) -> None:
        """Beside the batches, so that a long one does not cost the lease."""
        while not self._stopping.is_set():
            await self._guarded(self._leases.refresh)
            self._metrics.streams.value = len(self._leases.held)
            await self._sleep(self._lease_seconds / LEASE_REFRESHES)

    async def _guarded(self, step: Any) -> None:
        try:
            await step()
            self._troubles[step.__name__] = None
        except PASSING_TROUBLES as error:
            self._troubles[step.__name__] = type(error).__name__
            self._metrics.count_retry(error)
            await self._forget()
            log.warning("batch_is_tried_again", error=type(error).__name__, text=str(error)[:200])
            await self._sleep(RETRY_SECONDS)

    async def _forget(self) -> None:
        """What was read and not finished is pending: it is read again from the start."""
        if self._ahead:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)
            self._ahead = None
        self._inherited.clear()
        self._waiting.clear()

    async def _one_batch(self) -> None:
        """Where more waits already, the next batch is read and enriched meanwhile. It is stored after this one."""
        started = time.monotonic()
        batch = await self._take()
        if not batch.entries:
            await self._sleep(IDLE_SECONDS)
            return
        if batch.has_successor and not self._stopping.is_set():
            self._ahead = asyncio.create_task(self._prepare())
        if batch.drafts:
            await self._resolver.resolve(batch.drafts)
            self._tell_lag(batch.drafts)
        await self._acknowledge(batch.entries)
        self._faults.pass_by("after_ack")
        is_small = not batch.has_successor and len(batch.drafts) < self._batch_hits // 2
        if is_small or self._lane.is_slow:
            await self._sleep(self._batch_seconds - (time.monotonic() - started))  # inserts cost by the piece

    def _tell_lag(self, drafts: list[Draft]) -> None:
        if not self._lane.is_slow:
            oldest_us = min(draft.hit.received_us for draft in drafts)
            self._metrics.lag_seconds.value = max(0.0, time.time() - oldest_us / 1e6)

    async def _take(self) -> Batch:
        """The batch that was read ahead, if this resolver still is the one to read its streams, or the next one."""
        if self._ahead is None:
            return await self._prepare()
        batch = await self._ahead
        self._ahead = None
        if self._leases.held.issuperset(entry.stream for entry in batch.entries):
            return batch
        await self._forget()
        return await self._prepare()

    async def _prepare(self) -> Batch:
        entries = await self._next_entries()
        drafts = await self._resolver.enrich([hit for entry in entries for hit in entry.hits]) if entries else []
        return Batch(entries, drafts, self._has_more or bool(self._waiting))

    async def _next_entries(self) -> list[Entry]:
        """Up to a batch of hits from the leased streams, but one whole entry at least."""
        held = self._leases.held
        if not self._lane.is_slow:
            await self._lane.slow.follow(held)
        for stream in [stream for stream in self._inherited if stream not in held]:
            del self._inherited[stream]  # when it comes back, others have read from it
        self._waiting = [entry for entry in self._waiting if entry.stream in held]
        streams = await self._filled()
        self._has_more = True
        while self._has_more and not self._is_enough(self._waiting):
            self._waiting += await self._read(streams)
        hits = count = 0
        for entry in self._waiting:
            hits += len(entry.hits)
            if count and hits > self._batch_hits:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _filled(self) -> list[int]:
        """The leased streams that may have something to read. Several are asked for their lengths at once: to read each
        of them in vain was most of what a resolver did that had nothing to do."""
        streams = sorted(self._leases.held)
        if self._lane.is_slow and not self._lane.slow.slow:
            return []  # it need not ask Redis
        if self._has_more or self._waiting or len(streams) < 2:
            return streams
        pipeline = self._redis.pipeline(transaction=False)
        for stream in streams:
            pipeline.xlen(self._lane.name(stream))
        lengths = await pipeline.execute()
        return [
            stream
            for stream, length in zip(streams, lengths, strict=True)
            if length or self._inherited.get(stream) != DONE
        ]

    async def _read(self, streams: list[int]) -> list[Entry]:
        """From each stream first what its last reader left unfinished."""
        entries: list[Entry] = []
        self._has_more = False
        for stream in streams:
            if self._is_enough(entries):
                break
            if stream in self._leases.held:
                entries += await self._read_stream(stream)
        return entries

    def _is_enough(self, entries: list[Entry]) -> bool:
        return (
            sum(len(entry.hits) for entry in entries) >= self._batch_hits
            or sum(entry.bytes for entry in entries) >= BYTES_A_READ
        )

    async def _read_stream(self, stream: int) -> list[Entry]:
        position: bytes | str = self._inherited.get(stream, b"0")
        if position != DONE:
            left = await self._read_group(stream, position)
            self._inherited[stream] = left[-1][0] if left else DONE
            if left:
                return await self._decode(stream, left)
        return await self._decode(stream, await self._read_group(stream, NEW))

    async def _read_group(self, stream: int, position: bytes | str) -> list[tuple[bytes, Any]]:
        count = self._counts.get(stream, FIRST_ENTRIES)
        arguments = keys.HITS_GROUP, keys.HITS_CONSUMER, {self._lane.name(stream): position}, count
        try:
            answer = await self._redis.xreadgroup(*arguments)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            await self._create_group(stream)
            answer = await self._redis.xreadgroup(*arguments)
        if not answer:
            return []
        found = answer.values() if isinstance(answer, dict) else [rows for _, rows in answer]
        first = next(iter(found))
        rows = list(first[0] if first and isinstance(first[0], list) else first)
        self._has_more |= len(rows) >= count
        return rows

    async def _decode(self, stream: int, rows: list[tuple[bytes, Any]]) -> list[Entry]:
        entries = []
        largest = 1
        for entry_id, fields in rows:
            data = (fields or {}).get(BATCH_FIELD, b"")
            largest = max(largest, len(data))
            try:
                entries.append(Entry(stream, entry_id, decode_batch(data), len(data)))
            except msgspec.DecodeError as error:
                await self._dead_letters.put_raw(data, str(error))
                self._metrics.dead.add(value="undecodable_entry")
                entries.append(Entry(stream, entry_id, [], len(data)))
        if rows:
            doubled = self._counts.get(stream, FIRST_ENTRIES) * 2
            self._counts[stream] = max(1, min(doubled, ENTRIES_A_READ, BYTES_A_READ // largest))
        return entries

    async def _acknowledge(self, entries: list[Entry]) -> None:
        """Only what is acknowledged is ever deleted from a stream."""
        by_stream: dict[int, list[bytes]] = {}
        for entry in entries:
            by_stream.setdefault(entry.stream, []).append(entry.id)
        pipeline = self._redis.pipeline(transaction=False)
        for stream, ids in by_stream.items():
            pipeline.xack(self._lane.name(stream), keys.HITS_GROUP, *ids)
            pipeline.xdel(self._lane.name(stream), *ids)
        await pipeline.execute()
        if self._lane.is_slow:
            for entry in entries:
                self._lane.slow.done(entry.stream, entry.hits)

    async def _create_group(self, stream: int) -> None:
        await self._make_group(keys=[self._lane.name(stream)], args=[keys.HITS_GROUP])

    async def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            try:
                await asyncio.wait_for(self._stopping.wait(), seconds)
            except asyncio.TimeoutError:
                return
