"""Group commit: hits of many requests become one stream entry, and every request waits for Redis' word on it.

The guarantee is kept here: `keep` returns only after Redis has acknowledged the append, and raises otherwise.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from services.common import keys
from services.common.hit import BATCH_FIELD, Hit, encode_batch
from services.common.profile import decode_profile
from services.common.redis_client import RedisClient, RedisError, is_cluster, mget
from services.ingest.line import Command, Line

log = structlog.get_logger()

MAX_ENTRY_HITS = 1_000  # some 500 KB; a resolver reads entries whole
# A flush costs as much CPU as 5 hits in ingest, and in Redis as 20. So one begins at once after a quiet moment, else
# when enough hits have gathered, or this long after the last one.
GATHERED_HITS = 16
FLUSH_SECONDS = 0.003


class HitsNotKeptError(Exception):
    """Redis did not confirm the hit, or there is no room for more: the client is told to come again."""


Whereabouts = dict[int, int]  # the contact that a device was born as: the one it belongs to now, where that differs
Kept = asyncio.Future[Whereabouts]


class HitBuffer:
    """The hits of one worker on their way to Redis; at most `max_hits` wait at any time."""

    def __init__(self, redis: RedisClient, streams: int, max_hits: int, timeout_seconds: float) -> None:
        self._redis = redis
        self._streams = streams
        self._max_hits = max_hits
        self._waiting: list[list[Hit]] = [[] for _ in range(streams)]
        self._kept: list[Kept] = []  # what the requests of the next flush wait for
        self._flushing_hits = 0
        self._asked: set[int] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._flushes: set[asyncio.Task[None]] = set()
        # A cluster's client writes by several connections, which keep no order between two flushes.
        self._line = None if is_cluster(redis) else Line(redis, timeout_seconds)
        self._most_flushes = 1 if self._line is None else 2
        self.is_full = False  # Redis has too little memory left for more hits
        self.flushed = 0

    def start(self) -> None:
        self._new_future = asyncio.get_running_loop().create_future
        self._task = asyncio.create_task(self._flush_forever())

    async def close(self) -> None:
        """Flushes what waits, then stops."""
        while self.held:
            await asyncio.sleep(0.005)
        if self._task:
            self._task.cancel()
        if self._line:
            self._line.close()

    @property
    def held(self) -> int:
        return len(self._kept) + self._flushing_hits

    def keep(self, hit: Hit, *, asks_contact: bool = False) -> Kept:
        """A future that is done when the hit is safe, with what is known then of the contacts that were asked for.

        Raises `HitsNotKeptError` at once when there is no room.
        """
        kept = self._kept
        if self.is_full or len(kept) + self._flushing_hits >= self._max_hits:
            raise HitsNotKeptError
        self._waiting[hit.device_contact_id % self._streams].append(hit)
        if asks_contact:
            self._asked.add(hit.device_contact_id)
        # One future a request, so that one that hangs up cancels only its own.
        future: Kept = self._new_future()
        kept.append(future)
        if len(kept) == 1 or len(kept) == GATHERED_HITS:
            self._wake.set()
        return future

    async def _flush_forever(self) -> None:
        """Starts flushes in order, and Redis takes them in order, so that the hits of a device stay as they came."""
        loop = asyncio.get_running_loop()
        not_before = 0.0
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._kept:
                is_enough = len(self._kept) >= GATHERED_HITS
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
        self._flushing_hits += len(kept)
        flush = asyncio.create_task(self._flush(waiting, asked, kept))
        self._flushes.add(flush)
        flush.add_done_callback(self._flushes.discard)

    async def _flush(self, waiting: list[list[Hit]], asked: set[int], kept: list[Kept]) -> None:
        self.flushed += 1
        try:
            whereabouts = await self._append(waiting, asked)
        except Exception as error:  # whatever it was: these hits are not known to be safe, and the next may be
            log.warning("hits_not_kept", hits=len(kept), error=type(error).__name__)
            if not isinstance(error, (RedisError, OSError, asyncio.TimeoutError)):
                log.exception("flush_failed")
            for future in kept:
                if not future.done():
                    future.set_exception(HitsNotKeptError())
        else:
            for future in kept:
                if not future.done():
                    future.set_result(whereabouts)
        finally:
            self._flushing_hits -= len(kept)

    async def _append(self, waiting: list[list[Hit]], asked: set[int]) -> Whereabouts:
        """One entry a stream, and the questions, in one round trip."""
        entries = [
            (keys.hits(stream), encode_batch(hits[start : start + MAX_ENTRY_HITS]))
            for stream, hits in enumerate(waiting)
            for start in range(0, len(hits), MAX_ENTRY_HITS)
        ]
        appends = [("XADD", name, "*", BATCH_FIELD, data) for name, data in entries]
        questions = [keys.profile(contact_id) for contact_id in asked]
        if self._line is None:
            return await self._append_to_cluster(appends, questions)
        commands = [*appends, ("MGET", *questions)] if questions else appends
        answers = await self._line.call(commands)
        return _whereabouts(answers[-1]) if questions else {}

    async def _append_to_cluster(self, appends: list[Command], questions: list[str]) -> Whereabouts:
        pipeline: Any = self._redis.pipeline(transaction=False)
        for append in appends:
            pipeline.execute_command(*append)
        for question in questions:
            pipeline.get(question)
        return _whereabouts((await pipeline.execute())[len(appends) :])

    async def ask(self, contact_ids: list[int]) -> Whereabouts:
        """Where the devices born as these contacts belong now, where that differs. Raises `RedisError`."""
        return _whereabouts(await mget(self._redis, [keys.profile(contact_id) for contact_id in contact_ids]))


def _whereabouts(stored: list[bytes | None]) -> Whereabouts:
    """Where devices went, as far as their own profiles tell: a hint for the answer, resolved again by identity."""
    found = {}
    for profile in (decode_profile(value) for value in stored if value):
        contact_id = profile.moves[-1].contact_id if profile.moves else profile.alias
        if contact_id:
            found[profile.id] = contact_id
    return found
