"""How far the resolvers are behind: which hits, of all that were taken, have not been stored yet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from services.common import keys
from services.common.redis_client import RedisClient

EntryId = tuple[int, int]  # milliseconds since 1970, number


class Queue(NamedTuple):
    """What waits: entries of the streams, each with up to 1,000 hits, and for how long the oldest one has."""

    entries: int
    seconds: float


class _Position(NamedTuple):
    """Of the group in a stream."""

    delivered: EntryId  # up to here
    oldest_pending: EntryId | None


async def load_queue(redis: RedisClient, streams: int) -> Queue:
    """Of all streams and what waits beside them. Raises `RedisError`."""
    queues = await load_queues(redis, streams)
    return Queue(sum(one.entries for one in queues), max(one.seconds for one in queues))


async def load_queues(redis: RedisClient, streams: int) -> list[Queue]:
    """By stream, each with what waits beside it. Raises `RedisError`."""
    names = [name(stream) for name in (keys.hits, keys.slow_hits) for stream in range(streams)]
    lengths = await _all(redis, [("xlen", name) for name in names])
    oldest = await _oldest(redis, names, await _positions(redis, names))
    now_ms = time.time() * 1_000
    queues = [_queue(length, first, now_ms) for length, first in zip(lengths, oldest, strict=True)]
    pairs = zip(queues[:streams], queues[streams:], strict=True)
    return [Queue(fast.entries + slow.entries, max(fast.seconds, slow.seconds)) for fast, slow in pairs]


def _queue(length: int, oldest: EntryId | None, now_ms: float) -> Queue:
    """What is acknowledged is deleted, so all that is there waits; but for what a crash left between the two."""
    return Queue(length, max((now_ms - oldest[0]) / 1_000, 0.0)) if oldest else Queue(0, 0.0)


async def oldest_waiting(redis: RedisClient, name: str) -> EntryId | None:
    """The first entry of this stream that is not acknowledged. Raises `RedisError`."""
    return (await _oldest(redis, [name], await _positions(redis, [name])))[0]


def read_entry_id(text: bytes) -> EntryId:
    milliseconds, number = text.split(b"-")
    return int(milliseconds), int(number)


async def _positions(redis: RedisClient, names: Sequence[str]) -> list[_Position | None]:
    """None where there is no group yet: nobody has read from there."""
    asked = [call for name in names for call in (("xinfo_groups", name), ("xpending", name, keys.HITS_GROUP))]
    answers = await _all(redis, asked)
    return [_position(groups, pending) for groups, pending in zip(answers[::2], answers[1::2], strict=True)]


def _position(groups: Any, pending: Any) -> _Position | None:
    if isinstance(groups, ResponseError) or isinstance(pending, ResponseError):
        return None
    group = next(one for one in groups if one["name"] == keys.HITS_GROUP.encode())
    oldest = read_entry_id(pending["min"]) if pending["min"] else None
    return _Position(read_entry_id(group["last-delivered-id"]), oldest)


async def _oldest(
    redis: RedisClient, names: Sequence[str], positions: Sequence[_Position | None]
) -> list[EntryId | None]:
    """By stream. What was delivered first is first acknowledged, so what is pending is older than what follows."""
    found = [position.oldest_pending if position else None for position in positions]
    rest = [index for index, oldest in enumerate(found) if oldest is None]
    asked: list[tuple[Any, ...]] = []
    for index in rest:
        position = positions[index]
        after = f"({position.delivered[0]}-{position.delivered[1]}" if position else "-"
        asked.append(("xrange", names[index], after, "+", 1))
    for index, rows in zip(rest, await _all(redis, asked), strict=True):
        found[index] = read_entry_id(rows[0][0]) if rows else None
    return found


async def _all(redis: RedisClient, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    """In one round trip; that a stream or group is not there is an answer."""
    if not calls:
        return []
    pipeline = redis.pipeline(transaction=False)
    for name, *arguments in calls:
        getattr(pipeline, name)(*arguments)
    answers = await pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and not _is_absent(answer):
            raise answer
    return list(answers)


def _is_absent(error: Exception) -> bool:
    return isinstance(error, ResponseError) and ("NOGROUP" in str(error) or "no such key" in str(error))
