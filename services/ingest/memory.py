"""Watches Redis' memory: what is above the share is the resolvers', or a full Redis could never drain.

Between two looks the buffer counts what it appends itself, so a burst ends at the share too. Other workers are seen at
the next look.
"""

from __future__ import annotations

import asyncio
import math

from services.common.redis_client import RedisClient, RedisError
from services.common.redis_state import Info, load_info, load_redis_state
from services.ingest.buffer import HitBuffer

LOOK_SECONDS = 0.25
SOONEST_LOOK_SECONDS = 0.02  # after the last one, when the room has been used up: a look costs Redis 0.1 ms


async def watch_memory(redis: RedisClient, buffer: HitBuffer, share: float) -> None:
    while True:
        buffer.filled.clear()
        appended = buffer.appended_bytes  # before the look: what is appended meanwhile counts against it
        try:
            buffer.limit_appends(appended + room_bytes(await load_info(redis, "memory"), share))
        except RedisError:
            pass  # an append will find out by itself, and say so
        await asyncio.sleep(SOONEST_LOOK_SECONDS)
        try:
            await asyncio.wait_for(buffer.filled.wait(), LOOK_SECONDS - SOONEST_LOOK_SECONDS)
        except asyncio.TimeoutError:
            pass


async def find_weakness(redis: RedisClient) -> str | None:
    """Why this Redis may lose what it has acknowledged, or None. Raises `RedisError`."""
    state = await load_redis_state(redis)
    if state.evicts:
        return "redis_evicts_keys"
    return None if state.keeps_file else "redis_keeps_no_append_only_file"


def room_bytes(nodes: list[Info], share: float) -> float:
    """What may be appended until the fullest node has reached its share of maxmemory; no end where there is no limit.

    All of it may go to that node.
    """
    limited = [node for node in nodes if node.get("maxmemory")]
    return min((share * node["maxmemory"] - node["used_memory"] for node in limited), default=math.inf)
