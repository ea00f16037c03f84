"""What Redis has of contacts beside their profiles: what waits for them, mails too, and answers that show them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from services.common import keys
from services.common.hook_notes import NOTE_FIELD, decode_note
from services.common.redis_client import RedisClient, mget

KEYS_AT_ONCE = 1_000
SCAN_COUNT = 10_000  # all keys are looked at, some millions a second


async def remove(redis: RedisClient, ids: Collection[int]) -> int:
    """How many things are gone. Raises `RedisError`."""
    gone = await _remove_waiting(redis, ids)
    gone += await _remove_queued_merges(redis, ids)
    gone += await _remove_hook_notes(redis, ids)
    gone += await _remove_mails(redis, ids)
    await redis.delete(keys.LIVE)  # the last minutes' hits of everybody, whose pages may name one of them: not counted
    return gone + await _remove_answers(redis, ids)


async def _remove_waiting(redis: RedisClient, ids: Collection[int]) -> int:
    """Tracking events, and the devices that joined without cookies: their moves are forgotten by themselves."""
    pipeline = redis.pipeline(transaction=False)
    for contact_id in ids:
        pipeline.delete(keys.tracking_events(contact_id))
        pipeline.delete(keys.brief_devices(contact_id))
    gone = sum(await pipeline.execute())
    await redis.zrem(keys.TRACKING_EVENTS, *map(str, ids))
    return int(gone)


async def _remove_queued_merges(redis: RedisClient, ids: Collection[int]) -> int:
    gone = []
    async for member, _ in redis.zscan_iter(keys.QUEUED_MERGES, count=SCAN_COUNT):
        if any(int(one) in ids for one in member.split(b":")):
            gone.append(member)
    return int(await redis.zrem(keys.QUEUED_MERGES, *gone)) if gone else 0


async def _remove_hook_notes(redis: RedisClient, ids: Collection[int]) -> int:
    """What webhooks were to be told of them."""
    gone = 0
    async for name in redis.scan_iter(match=keys.HOOKS, count=SCAN_COUNT):
        after = "-"
        while keys.is_hook_stream(name) and (rows := await redis.xrange(name, min=after, count=KEYS_AT_ONCE)):
            after = f"({rows[-1][0].decode()}"
            theirs = [entry_id for entry_id, said in rows if decode_note(said[NOTE_FIELD]).is_about(ids)]
            gone += int(await redis.xdel(name, *theirs)) if theirs else 0
    return gone


async def _remove_mails(redis: RedisClient, ids: Collection[int]) -> int:
    """Those that are to be sent to one of these: whose they are stands before the dash."""
    gone = []
    async for member, _ in redis.zscan_iter(keys.MAILS, count=SCAN_COUNT):
        if int(member.partition(b"-")[0]) in ids:
            gone.append(member.decode())
    for start in range(0, len(gone), KEYS_AT_ONCE):
        piece = gone[start : start + KEYS_AT_ONCE]
        await redis.zrem(keys.MAILS, *piece)
        await redis.delete(*map(keys.mail, piece))  # of one slot
    return len(gone)


async def _remove_answers(redis: RedisClient, ids: Collection[int]) -> int:
    """Those that are kept for a day under an idempotency key, and name one of these ids."""
    names = [name async for name in redis.scan_iter(match=keys.IDEMPOTENT, count=SCAN_COUNT)]
    gone = 0
    for start in range(0, len(names), KEYS_AT_ONCE):
        piece = names[start : start + KEYS_AT_ONCE]
        stored = await mget(redis, piece)
        pipeline = redis.pipeline(transaction=False)
        for name in [name for name, kept in zip(piece, stored, strict=True) if kept and _names(kept, ids)]:
            pipeline.delete(name)
        gone += sum(await pipeline.execute())
    return gone


def _names(kept: bytes, ids: Collection[int]) -> bool:
    try:
        body = msgspec.json.decode(kept).get("body") or "null"
        return _has(msgspec.json.decode(body), ids)
    except msgspec.DecodeError:
        return False


def _has(said: Any, ids: Collection[int]) -> bool:
    """Whether one of the ids is anywhere in it."""
    if isinstance(said, dict | list):
        return any(_has(one, ids) for one in (said.values() if isinstance(said, dict) else said))
    return isinstance(said, int) and not isinstance(said, bool) and said in ids
