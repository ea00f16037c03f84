"""Watches Redis' memory: what is above the share is the resolvers', or a full Redis could never drain.

Between two looks the buffer counts what it appends itself, so a burst ends at the share too. Other workers are seen at
the next look.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from services.common.redis_client import RedisClient, RedisError, is_cluster
from services.ingest.buffer import HitBuffer

LOOK_SECONDS = 0.25
SOONEST_LOOK_SECONDS = 0.02  # after the last one, when the room has been used up: a look costs Redis 0.1 ms


async def watch_memory(redis: RedisClient, buffer: HitBuffer, share: float) -> None:
    while True:
        buffer.filled.clear()
        appended = buffer.appended_bytes  # before the look: what is appended meanwhile counts against it
        try:
            buffer.limit_appends(appended + room_bytes(await _memory(redis), share))
        except RedisError:
            pass  # an append will find out by itself, and say so
        await asyncio.sleep(SOONEST_LOOK_SECONDS)
        try:
            await asyncio.wait_for(buffer.filled.wait(), LOOK_SECONDS - SOONEST_LOOK_SECONDS)
        except asyncio.TimeoutError:
            pass


async def find_weakness(redis: RedisClient) -> str | None:
    """Why this Redis may lose what it has acknowledged, or None. Raises `RedisError`."""
    if any(node.get("maxmemory_policy", "noeviction") != "noeviction" for node in await _memory(redis)):
        return "redis_evicts_keys"
    if not all(node.get("aof_enabled", 1) for node in await _info(redis, "persistence")):
        return "redis_keeps_no_append_only_file"
    return None


async def _memory(redis: RedisClient) -> list[dict[str, Any]]:
    return await _info(redis, "memory")


async def _info(redis: RedisClient, section: str) -> list[dict[str, Any]]:
    """INFO of the server, or of each node that takes hits."""
    if not is_cluster(redis):
        return [await redis.info(section)]
    info = await redis.info(section, target_nodes=redis.PRIMARIES)
    return list(info.values()) if info and all(isinstance(node, dict) for node in info.values()) else [info]


def room_bytes(nodes: list[dict[str, Any]], share: float) -> float:
    """What may be appended until the fullest node has reached its share of maxmemory; no end where there is no limit.

    All of it may go to that node.
    """
    limited = [node for node in nodes if node.get("maxmemory")]
    return min((share * node["maxmemory"] - node["used_memory"] for node in limited), default=math.inf)
