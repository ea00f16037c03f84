"""Waits until all hits that are in the streams at a moment have been taken all the way by the resolvers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from services.common import keys
from services.common.hit_queue import EntryId, oldest_waiting, read_entry_id
from services.common.redis_client import RedisClient

POLL_SECONDS = 0.1


async def drain(redis: RedisClient, streams: int, seconds: float, say: Callable[[str], None]) -> int:
    """Returns how many streams still have something of what they have now: 0, or after so many seconds more.

    The slow lanes come second: while a hit passes over, it is in both. `say` is told once a second. Raises
    `RedisError`.
    """
    deadline = time.monotonic() + seconds
    for name in (keys.hits, keys.slow_hits):
        marks = await _marks(redis, [name(stream) for stream in range(streams)])
        if behind := await _wait(redis, marks, deadline, say):
            return behind
    return 0


async def _wait(redis: RedisClient, marks: Mapping[str, EntryId], deadline: float, say: Callable[[str], None]) -> int:
    said = time.monotonic()
    waiting = marks
    while waiting := {stream: mark for stream, mark in waiting.items() if not await _is_past(redis, stream, mark)}:
        now = time.monotonic()
        if now >= deadline:
            break
        if now - said >= 1:
            said = now
            say(f"waiting for the hits of {len(waiting)} streams, {deadline - now:,.0f} s at most")
        await asyncio.sleep(POLL_SECONDS)
    return len(waiting)


async def _marks(redis: RedisClient, streams: list[str]) -> dict[str, EntryId]:
    """The last entry of each that has any. None is deleted before it is acknowledged."""
    marks = {}
    for stream in streams:
        for entry_id, _ in await redis.xrevrange(stream, count=1):
            marks[stream] = read_entry_id(entry_id)
    return marks


async def _is_past(redis: RedisClient, stream: str, mark: EntryId) -> bool:
    """Whether the group has acknowledged everything up to this entry. One that a crash left acknowledged and not
    deleted stays in the stream, so what is in there does not tell."""
    oldest = await oldest_waiting(redis, stream)
    return oldest is None or oldest > mark
