"""What waits to be projected from Redis into ClickHouse: profiles and records that are written and not inserted."""

from __future__ import annotations

import time
from typing import NamedTuple

from services.common import keys
from services.common.redis_client import RedisClient


class Outbox(NamedTuple):
    waiting: int
    seconds: float  # since the oldest of them was written


async def load_outbox(redis: RedisClient) -> Outbox:
    """Of all slots, in one round trip: 5 milliseconds of Redis. Raises `RedisError`."""
    names = [keys.changes(slot) for slot in range(keys.CONTACT_SLOTS)]
    names += [keys.made(slot) for slot in range(keys.RECORD_SLOTS)]
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        pipeline.zcard(name)
    counts = await pipeline.execute()
    filled = [name for name, count in zip(names, counts, strict=True) if count]
    for name in filled:
        pipeline.zrange(name, 0, 0, withscores=True)
    oldest = [rows[0][1] for rows in (await pipeline.execute() if filled else []) if rows]
    seconds = time.time() - min(oldest) / 1e6 if oldest else 0.0
    return Outbox(sum(map(int, counts)), max(seconds, 0.0))
