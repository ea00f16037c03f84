"""Watches Redis' memory once a second: what is above the share is the resolvers', or a full Redis could never drain."""

from __future__ import annotations

import asyncio
from typing import Any

from services.common.redis_client import RedisClient, RedisError
from services.ingest.buffer import HitBuffer

SECONDS = 1.0


async def watch_memory(redis: RedisClient, buffer: HitBuffer, share: float) -> None:
    while True:
        try:
            buffer.is_full = _fullest(await redis.info("memory")) >= share
        except RedisError:
            pass  # an append will find out by itself, and say so
        await asyncio.sleep(SECONDS)


def _fullest(info: dict[str, Any]) -> float:
    """The used share of maxmemory, of the fullest node in a cluster; 0 where there is no limit."""
    nodes = [info] if "used_memory" in info else list(info.values())
    return max((node["used_memory"] / node["maxmemory"] for node in nodes if node.get("maxmemory")), default=0.0)
