"""Group commit: hits of many requests become one stream entry, and every request waits for Redis' word on it.

The guarantee is kept here: `keep` returns only after Redis has acknowledged the append, and raises otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from itertools import chain

import structlog

from services.common import keys
from services.common.hit import BATCH_FIELD, LOGGED_IDS, Hit, encode_batch, event_ids
from services.common.profile import decode_profile
from services.common.redis_client import RedisClient, RedisError, is_cluster, mget, ping
from services.common.replication import Replicas
from services.ingest.line import Line
from services.ingest.pace import Flight, Pace
from services.ingest.spill import Entries, Spill, SpillFullError

log = structlog.get_logger()

# A resolver reads entries whole, 200 at once: of usual hits some 500 KB each, of the largest ones 1 MB.
MAX_ENTRY_HITS = 1_000
MAX_ENTRY_BYTES = 1_048_576
# A usual hit takes 1.5 KB here, one with the longest body 90 KB: 20,000 may wait, and 80 MB of them.
BYTES_PER_HIT = 4_096
HIT_OVERHEAD_BYTES = 500  # beside what is long: short fields, Python's objects
# A flush costs as much CPU as 5 hits in ingest, and in Redis as 20. So one begins at once after a quiet moment, else
# when enough hits have gathered, or this long after the last one.
GATHERED_HITS = 16
FLUSH_SECONDS = 0.003
LOOK_SECONDS = 0.05  # at how long hits have waited


class HitsNotKeptError(Exception):
    """Redis did not confirm the hit, or there is no room for more: the client is told to come again."""


EXPECTED_ERRORS = (RedisError, OSError, asyncio.TimeoutError, SpillFullError)

Whereabouts = dict[int, int]  # the contact that a device was born as: the one it belongs to now, where that differs
Kept = asyncio.Future[Whereabouts]


class HitBuffer:
    """The hits of one worker on their way to Redis: at most `max_hits`, and 4 KB for each, wait at any time."""

    def __init__(
        self,
        redis: RedisClient,
        streams: int,
        max_hits: int,
        timeout_seconds: float,
        spill: Spill | None = None,
        replicas: Replicas | None = None,
    ) -> None:
        self._redis = redis
        self._timeout_seconds = timeout_seconds
        self._spill = spill
        self._replicas = replicas or Replicas(redis, 0, timeout_seconds)
        self._streams = streams
        self._max_hits = max_hits
        self._pace = Pace(max_hits)
        self._max_bytes = max(max_hits * BYTES_PER_HIT, MAX_ENTRY_BYTES)  # one hit always fits
        self._most_bytes: float = self._max_bytes  # that may be held now: Redis may have less room
        self._held_bytes = 0
        self._flushing_bytes = 0
        self._append_limit = math.inf
        self._waiting: list[list[Hit]] = [[] for _ in range(streams)]
        self._kept: list[Kept] = []  # what the requests of the next flush wait for
        self._batched_hits = 0  # of the next flush, beyond one for each request
        self._flushing_hits = 0
        self._asked: set[int] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._flushes: set[asyncio.Task[None]] = set()
        # A cluster's client writes by several connections, which keep no order between two flushes.
        self._line = None if is_cluster(redis) else Line(redis, timeout_seconds)
        self._most_flushes = 1 if self._line is None else 2
        self.appended_bytes = 0  # sent to Redis so far, whatever it answered
        self.filled = asyncio.Event()  # what was appended since the last look at Redis has used up its room
        self.on_flush: Callable[[int, float], None] = lambda *_: None  # told of hits that are safe, and in how long
        self._since = 0.0  # when the first hit of the next flush came
        self.spilled_hits = 0
        self.is_spilling = False  # Redis did not take the last hits: the next ones need not ask it

    def start(self) -> None:
        self._new_future = asyncio.get_running_loop().create_future
        self._names_all = log.is_enabled_for(logging.DEBUG)
        self._tasks = [asyncio.create_task(self._flush_forever()), asyncio.create_task(self._look_forever())]

    async def close(self) -> None:
        """Flushes what waits, then stops."""
        while self.held:
            await asyncio.sleep(0.005)
        for task in self._tasks:
            task.cancel()
        if self._line:
            self._line.close()

    @property
    def held(self) -> int:
        return len(self._kept) + self._batched_hits + self._flushing_hits

    @property
    def is_full(self) -> bool:
        """Redis has no room for one more hit, as far as is known here."""
        return self.appended_bytes + self._held_bytes + HIT_OVERHEAD_BYTES > self._append_limit

    def limit_appends(self, appended_bytes: float) -> None:
        """Takes no hit that would bring `self.appended_bytes` above this."""
        self._append_limit = appended_bytes
        if self._spill is None:
            self._most_bytes = min(self._max_bytes, appended_bytes - self.appended_bytes)

    def keep(self, hit: Hit, *, asks_contact: bool = False) -> Kept:
        """A future that is done when the hit is safe, with what is known then of the contacts that were asked for.

        Raises `HitsNotKeptError` at once when there is no room.
        """
        kept = self._kept
        waiting = len(kept) + 1
        held_bytes = self._held_bytes + _size(hit)
        held = waiting + self._batched_hits + self._flushing_hits
        if held_bytes > self._most_bytes or held > self._pace.most_hits:
            raise HitsNotKeptError
        self._held_bytes = held_bytes
        self._waiting[hit.device_contact_id % self._streams].append(hit)
        if asks_contact:
            self._asked.add(hit.device_contact_id)
        # One future a request, so that one that hangs up cancels only its own.
        future: Kept = self._new_future()
        kept.append(future)
        if waiting == 1:
            self._since = time.perf_counter()
            self._wake.set()
        elif waiting == GATHERED_HITS:
            self._wake.set()
        return future

    def keep_all(self, hits: list[Hit]) -> Kept:
        """The same for many hits of one request, all of them or none."""
        held_bytes = self._held_bytes + sum(map(_size, hits))
        held = self.held
        if held_bytes > self._most_bytes or held + len(hits) > self._max_hits or held > self._pace.most_hits:
            raise HitsNotKeptError
        self._held_bytes = held_bytes
        for hit in hits:
            self._waiting[hit.device_contact_id % self._streams].append(hit)
        self._batched_hits += len(hits) - 1
        if not self._kept:
            self._since = time.perf_counter()
        future: Kept = self._new_future()
        self._kept.append(future)
        self._wake.set()
        return future

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._pace.look(time.perf_counter())

    async def _flush_forever(self) -> None:
        """Starts flushes in order, and Redis takes them in order, so that the hits of a device stay as they came."""
        loop = asyncio.get_running_loop()
        not_before = 0.0
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._kept:
                is_enough = len(self._kept) + self._batched_hits >= GATHERED_HITS
                if self._flushes and (not is_enough or len(self._flushes) >= self._most_flushes):
                    await asyncio.wait(self._flushes, return_when=asyncio.FIRST_COMPLETED)
                elif not is_enough and (pause := not_before - loop.time()) > 0:
                    timer = loop.call_later(pause, self._wake.set)
                    await self._wake.wait()
                    self._wake.clear()
                    timer.cancel()
                else:
                    not_before = loop.time() + FLUSH_SECONDS
                    self._start_flush()

    def _start_flush(self) -> None:
        waiting, self._waiting = self._waiting, [[] for _ in range(self._streams)]
        asked, self._asked = self._asked, set()
        kept, self._kept = self._kept, []
        hits, self._batched_hits = len(kept) + self._batched_hits, 0
        size = self._held_bytes - self._flushing_bytes
        self._flushing_hits += hits
        self._flushing_bytes += size
        flight = self._pace.began(hits, self._since, time.perf_counter())
        flush = asyncio.create_task(self._flush(waiting, asked, kept, size, flight))
        self._flushes.add(flush)
        flush.add_done_callback(self._flushes.discard)

    async def _flush(
        self, waiting: list[list[Hit]], asked: set[int], kept: list[Kept], size: int, flight: Flight
    ) -> None:
        hits, is_kept = flight.hits, False
        try:
            entries = _entries(waiting)
            whereabouts = await self._append_or_spill(entries, asked, hits)
        except Exception as error:  # whatever it was: these hits are not known to be safe, and the next may be
            _tell_lost(waiting, hits, error)
            if not isinstance(error, EXPECTED_ERRORS):
                log.exception("flush_failed")
            _refuse(kept)
            if isinstance(error, asyncio.TimeoutError):
                self._refuse_waiting(error)  # they have waited as long, and would wait for another flush now
        else:
            for future in kept:
                if not future.done():
                    future.set_result(whereabouts)
            is_kept = True
            self.on_flush(hits, time.perf_counter() - flight.since)
            if self._names_all:
                log.debug("hits_kept", is_spilled=self.is_spilling, event_ids=event_ids(chain(*waiting)))
        finally:
            self._pace.ended(flight, time.perf_counter(), is_taken=is_kept and not self.is_spilling)
            self._flushing_hits -= hits
            self._flushing_bytes -= size
            self._held_bytes -= size
            self.limit_appends(self._append_limit)
            if self.is_full:
                self.filled.set()

    def _refuse_waiting(self, error: Exception) -> None:
        kept, self._kept = self._kept, []
        if kept:
            _tell_lost(self._waiting, len(kept) + self._batched_hits, error)
        self._waiting, self._asked, self._batched_hits = [[] for _ in range(self._streams)], set(), 0
        self._held_bytes = self._flushing_bytes
        _refuse(kept)

    async def _append_or_spill(self, entries: Entries, asked: set[int], hits: int) -> Whereabouts:
        if self._spill is None:
            return await self._append(entries, asked)
        if not self.is_spilling and not self.is_full:
            try:
                return await self._append(entries, asked)
            except (RedisError, OSError, asyncio.TimeoutError) as error:
                log.warning("hits_are_spilled", error=type(error).__name__)
                self.is_spilling = True
        await self._spill.keep(entries)
        self.spilled_hits += hits
        return {}

    async def replay(self) -> None:
        """Gives Redis what was spilled, if it takes hits again. Raises `RedisError`, `OSError`, `TimeoutError`, or
        `HitsNotKeptError` when Redis has no room."""
        assert self._spill is not None
        if self.is_spilling or (self._replicas.count and self._spill.size):
            await ping(self._redis)
            await self._replicas.learn()  # or the same hits would be appended in vain again and again
            self.is_spilling = False
        if count := await self._spill.replay(self._give):
            log.info("spill_replayed", batches=count)

    async def _give(self, entries: Entries) -> None:
        if self.is_spilling or self.is_full:
            raise HitsNotKeptError
        await self._append(entries, set())

    async def _append(self, entries: Entries, asked: set[int]) -> Whereabouts:
        """The entries and the questions in one round trip; it ends when the replicas that are waited for have them."""
        self.appended_bytes += sum(len(data) for _, data in entries)
        appends = [("XADD", name, "*", BATCH_FIELD, data) for name, data in entries]
        questions = [keys.profile(contact_id) for contact_id in asked]
        if self._line is None:
            commands = [*appends, *(("GET", question) for question in questions)]
            async with asyncio.timeout(self._timeout_seconds):
                return _whereabouts((await self._replicas.call(commands))[len(appends) :])
        asked_too = [*appends, ("MGET", *questions)] if questions else appends
        if not self._replicas.count:
            answers = await self._line.call(asked_too)
        else:
            *answers, reached = await self._line.call([*asked_too, self._replicas.wait_command])
            self._replicas.check(reached)
        return _whereabouts(answers[-1]) if questions else {}

    async def ask(self, contact_ids: list[int]) -> Whereabouts:
        """Where the devices born as these contacts belong now, where that differs. Raises `RedisError`."""
        return _whereabouts(await mget(self._redis, [keys.profile(contact_id) for contact_id in contact_ids]))


def _refuse(kept: list[Kept]) -> None:
    for future in kept:
        if not future.done():
            future.set_exception(HitsNotKeptError())


def _tell_lost(waiting: list[list[Hit]], hits: int, error: Exception) -> None:
    told = event_ids(chain(*waiting), LOGGED_IDS)
    log.warning("hits_not_kept", hits=hits, error=type(error).__name__, event_ids=told)


def _size(hit: Hit) -> int:
    said = len(hit.query) + len(hit.body) + len(hit.user_agent) + len(hit.referer) + len(hit.accept_language)
    return said + HIT_OVERHEAD_BYTES


def _entries(waiting: list[list[Hit]]) -> Entries:
    """(stream's key, a batch of hits): one entry a stream, more where it would be too large."""
    return [
        (keys.hits(stream), data)
        for stream, hits in enumerate(waiting)
        for start in range(0, len(hits), MAX_ENTRY_HITS)
        for data in _batches(hits[start : start + MAX_ENTRY_HITS])
    ]


def _batches(hits: list[Hit]) -> list[bytes]:
    """One batch; halves of it, in order, when that is too large. Rare, so usual hits are encoded once."""
    data = encode_batch(hits)
    if len(data) <= MAX_ENTRY_BYTES or len(hits) == 1:
        return [data]
    middle = len(hits) // 2
    return [*_batches(hits[:middle]), *_batches(hits[middle:])]


def _whereabouts(stored: list[bytes | None]) -> Whereabouts:
    """Where devices went, as far as their own profiles tell: a hint for the answer, resolved again by identity."""
    found = {}
    for profile in (decode_profile(value) for value in stored if value):
        contact_id = profile.moves[-1].contact_id if profile.moves else profile.alias
        if contact_id:
            found[profile.id] = contact_id
    return found
