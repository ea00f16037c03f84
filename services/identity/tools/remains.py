"""What Redis keeps of contacts beside their profiles: queues, dead letters, and hits that wait in the streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote, quote_plus

import msgspec
from redis.exceptions import ResponseError

from services.common import keys
from services.common.hit import Hit, decode_batch
from services.common.redis_client import RedisClient

ENTRIES_A_LOOK = 500


async def forget(redis: RedisClient, contact_ids: Sequence[int]) -> None:
    """What waits for them: tracking events, merges, and who joined them without cookies."""
    for contact_id in contact_ids:
        await redis.delete(keys.tracking_events(contact_id))
        await redis.delete(keys.brief_devices(contact_id))
    await redis.zrem(keys.TRACKING_EVENTS, *map(str, contact_ids))
    gone = set(contact_ids)
    async for member, _ in redis.zscan_iter(keys.QUEUED_MERGES):
        if not gone.isdisjoint(map(int, member.split(b":"))):
            await redis.zrem(keys.QUEUED_MERGES, member)


async def marks(redis: RedisClient, streams: int) -> dict[str, bytes]:
    """The last entry of each stream that there is, at this moment."""
    found = {}
    for stream in range(streams):
        for name in (keys.hits(stream), keys.slow_hits(stream)):
            newest = await redis.xrevrange(name, count=1)
            if newest:
                found[name] = newest[0][0]
    return found


async def are_passed(redis: RedisClient, marked: dict[str, bytes]) -> bool:
    """Whether all up to these entries is acknowledged, and so deleted."""
    for name, last in marked.items():
        try:
            if await redis.xrange(name, min="-", max=last, count=1):
                return False
        except ResponseError:
            continue
    return True


async def remove_dead_letters(redis: RedisClient, contact_ids: Sequence[int], values: Sequence[str]) -> int:
    """Those of their devices, and those that name one of the values. How many there were."""
    wanted, gone, after = set(contact_ids), 0, "-"
    spelt = [text.encode() for value in values for text in (value, quote(value, safe=""), quote_plus(value))]
    while entries := await redis.xrange(keys.DEAD_HITS, min=after, count=ENTRIES_A_LOOK):
        after = f"({entries[-1][0].decode()}"
        theirs = [entry_id for entry_id, fields in entries if _is_theirs(fields.get(b"h", b""), wanted, spelt)]
        if theirs:
            gone += await redis.xdel(keys.DEAD_HITS, *theirs)
    return gone


def _is_theirs(data: bytes, contact_ids: set[int], spelt: Iterable[bytes]) -> bool:
    if any(text.lower() in data.lower() for text in spelt):
        return True
    try:
        hits: list[Hit] = decode_batch(data)
    except msgspec.DecodeError:
        return False
    return any(hit.device_contact_id in contact_ids for hit in hits if hit.device_id)
