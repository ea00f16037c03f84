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

log = structlog.get_logger()

MAX_ENTRY_HITS = 1_000  # some 500 KB; a resolver reads entries whole


class HitsNotKeptError(Exception):
    """Redis did not confirm the hit, or there is no room for more: the client is told to come again."""


Whereabouts = dict[int, int]  # the contact that a device was born as: the one it belongs to now, where that differs


class Flushed(asyncio.Future[Whereabouts]):
    """The word on one flush, shared by all requests in it: one that hangs up must not cancel it for the others."""

    def cancel(self, msg: object = None) -> bool:
        return False


class HitBuffer:
    """The hits of one worker on their way to Redis; at most `max_hits` wait at any time."""

    def __init__(self, redis: RedisClient, streams: int, max_hits: int) -> None:
        self._redis = redis
        self._streams = streams
        self._max_hits = max_hits
        self._waiting: list[list[Hit]] = [[] for _ in range(streams)]
        self._waiting_hits = 0
        self._flushing_hits = 0
        self._flushed: Flushed | None = None
        self._asked: set[int] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.is_full = False  # Redis has too little memory left for more hits
        self.flushes = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._flush_forever())

    async def close(self) -> None:
        """Flushes what waits, then stops."""
        while self._waiting_hits or self._flushing_hits:
            await asyncio.sleep(0.005)
        if self._task:
            self._task.cancel()

    @property
    def held(self) -> int:
        return self._waiting_hits + self._flushing_hits

    def keep(self, hit: Hit, *, asks_contact: bool = False) -> Flushed:
        """A future that is done when the hit is safe, with what is known then of the contacts that were asked for.

        Raises `HitsNotKeptError` at once when there is no room.
        """
        if self.is_full or self._waiting_hits + self._flushing_hits >= self._max_hits:
            raise HitsNotKeptError
        self._waiting[hit.device_contact_id % self._streams].append(hit)
        self._waiting_hits += 1
        if asks_contact:
            self._asked.add(hit.device_contact_id)
        if self._flushed is None:
            self._flushed = Flushed()
            self._wake.set()
        return self._flushed

    async def _flush_forever(self) -> None:
        """One flush at a time, so that the hits of a device are appended in the order in which they came."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (flushed := self._flushed) is not None:
                waiting, self._waiting = self._waiting, [[] for _ in range(self._streams)]
                asked, self._asked = self._asked, set()
                self._flushing_hits, self._waiting_hits, self._flushed = self._waiting_hits, 0, None
                await self._flush(waiting, asked, flushed)
                self._flushing_hits = 0

    async def _flush(self, waiting: list[list[Hit]], asked: set[int], flushed: Flushed) -> None:
        self.flushes += 1
        try:
            whereabouts = await self._append(waiting, asked)
        except Exception as error:  # whatever it was: these hits are not known to be safe, and the next may be
            log.warning("hits_not_kept", hits=self._flushing_hits, error=type(error).__name__)
            flushed.set_exception(HitsNotKeptError())
            flushed.exception()  # a client that hung up leaves nobody to look at it
            if not isinstance(error, (RedisError, OSError, asyncio.TimeoutError)):
                log.exception("flush_failed")
        else:
            flushed.set_result(whereabouts)

    async def _append(self, waiting: list[list[Hit]], asked: set[int]) -> Whereabouts:
        """One entry a stream, and the questions, in one round trip."""
        entries = [
            (keys.hits(stream), encode_batch(hits[start : start + MAX_ENTRY_HITS]))
            for stream, hits in enumerate(waiting)
            for start in range(0, len(hits), MAX_ENTRY_HITS)
        ]
        if len(entries) == 1 and not asked:
            name, data = entries[0]
            await self._redis.execute_command("XADD", name, "*", BATCH_FIELD, data)
            return {}
        pipeline: Any = self._redis.pipeline(transaction=False)
        for name, data in entries:
            pipeline.execute_command("XADD", name, "*", BATCH_FIELD, data)
        questions = [keys.profile(contact_id) for contact_id in asked]
        if is_cluster(self._redis):
            for question in questions:
                pipeline.get(question)
        elif questions:
            pipeline.mget(questions)
        answers = (await pipeline.execute())[len(entries) :]
        return _whereabouts(answers if is_cluster(self._redis) or not questions else answers[0])

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
