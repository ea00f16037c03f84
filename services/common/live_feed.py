"""A bounded stream of what becomes of hits as they arrive, kept only while somebody watches.

Whoever watches renews a key; each process looks for it once a second, so a hit that nobody watches costs the look at a
flag. Nothing that goes wrong here, whatever it is, disturbs a hit: it is counted, and what was to be told is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from services.common import keys
from services.common.live_hit import LiveHit, decode_live_hit, encode_live_hit
from services.common.metrics import Counter
from services.common.redis_client import RedisClient

LOOK_SECONDS = 1.0
FLUSHES_A_LOOK = 4
MOST_A_SECOND = 200  # of one process
MOST_KEPT = 2_000  # about; each takes 300 bytes
WATCH_SECONDS = 15  # that somebody is taken to watch after each call
LIFE_SECONDS = 60  # of the stream, after the last entry
_HIT, _SKIPPED = b"h", b"s"


class LiveFeed:
    """What one process tells. `skipped` hits are those of which it told no more than that they were."""

    def __init__(self, redis: RedisClient, errors: Counter) -> None:
        self._redis, self._errors = redis, errors
        self.is_watched = False
        self.room = 0  # for so many hits until the next look
        self._waiting: list[LiveHit] = []
        self._skipped = 0

    def tell(self, make: Callable[..., LiveHit], *told: Any) -> None:
        """Of the hit that `make` makes of these. To be called while the feed is watched."""
        if not self.room:
            self._skipped += 1
            return
        self.room -= 1
        try:
            self._waiting.append(make(*told))
        except Exception:  # the hit itself must not be disturbed
            self._errors.add()

    def skip(self, hits: int) -> None:
        """These are not told of one by one."""
        self._skipped += hits

    async def run_forever(self) -> None:
        while True:
            await self._guarded(self._look)
            for _ in range(FLUSHES_A_LOOK if self.is_watched else 1):
                await asyncio.sleep(LOOK_SECONDS / FLUSHES_A_LOOK if self.is_watched else LOOK_SECONDS)
                await self._guarded(self._flush)

    async def _guarded(self, step: Callable[[], Any]) -> None:
        try:
            await step()
        except Exception:  # a full Redis, one that is away, a cluster that fails over: then nobody is told
            self._errors.add()
            self.is_watched, self.room = False, 0

    async def _look(self) -> None:
        self.is_watched = bool(await self._redis.exists(keys.LIVE_WATCHED))
        self.room = MOST_A_SECOND if self.is_watched else 0

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        skipped, self._skipped = self._skipped, 0
        entries: list[dict[bytes, Any]] = [{_HIT: encode_live_hit(hit)} for hit in waiting]
        if skipped:
            entries.append({_SKIPPED: skipped})
        if not entries:
            return
        pipeline: Any = self._redis.pipeline(transaction=False)
        for entry in entries:
            pipeline.xadd(keys.LIVE, entry, maxlen=MOST_KEPT, approximate=True)
        pipeline.expire(keys.LIVE, LIFE_SECONDS)
        await pipeline.execute()


class LiveEntry(NamedTuple):
    """One entry of the stream: a hit, or how many were skipped."""

    id: str
    hit: LiveHit | None
    skipped: int


async def watch(redis: RedisClient) -> None:
    """From now on, for a while, somebody does. Raises `RedisError`."""
    await redis.set(keys.LIVE_WATCHED, 1, ex=WATCH_SECONDS)


async def load_entries(redis: RedisClient, after: str = "") -> list[LiveEntry]:
    """All that there are, in their order; or those after this id. Raises `RedisError`."""
    return [_entry(*told) for told in await redis.xrange(keys.LIVE, min=f"({after}" if after else "-")]


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> LiveEntry:
    try:
        hit = decode_live_hit(fields[_HIT]) if _HIT in fields else None
    except msgspec.DecodeError:
        hit = None  # of another version, while services are replaced
    return LiveEntry(entry_id.decode(), hit, int(fields.get(_SKIPPED, 0)))
