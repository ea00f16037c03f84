"""What Redis says of itself: how full it is, and whether it may lose what it has acknowledged."""

from __future__ import annotations

from typing import Any, NamedTuple

from services.common.redis_client import RedisClient, is_cluster

Info = dict[str, Any]


class RedisState(NamedTuple):
    """Of the server, or of a cluster's masters the worst of each."""

    used_bytes: int  # of all
    memory_share: float  # of maxmemory, on the fullest; 0 where there is no limit
    evicted_keys: int  # of all, since they started
    evicts: bool  # it would throw keys away when it is full
    keeps_file: bool  # an append-only file
    file_is_written: bool  # and the last write to it went well


async def load_redis_state(redis: RedisClient) -> RedisState:
    """Raises `RedisError`."""
    memory, persistence = await load_info(redis, "memory"), await load_info(redis, "persistence")
    return read_state(memory, persistence, await load_info(redis, "stats"))


async def load_info(redis: RedisClient, section: str) -> list[Info]:
    """INFO of the server, or of each node that takes hits. Raises `RedisError`."""
    if not is_cluster(redis):
        return [await redis.info(section)]
    info = await redis.info(section, target_nodes=redis.PRIMARIES)
    return list(info.values()) if info and all(isinstance(node, dict) for node in info.values()) else [info]


def read_state(memory: list[Info], persistence: list[Info], stats: list[Info]) -> RedisState:
    """What a server does not say is taken for good."""
    return RedisState(
        used_bytes=sum(node.get("used_memory", 0) for node in memory),
        memory_share=max(
            (node["used_memory"] / node["maxmemory"] for node in memory if node.get("maxmemory")), default=0
        ),
        evicted_keys=sum(node.get("evicted_keys", 0) for node in stats),
        evicts=any(node.get("maxmemory_policy", "noeviction") != "noeviction" for node in memory),
        keeps_file=all(node.get("aof_enabled", 1) for node in persistence),
        file_is_written=all(node.get("aof_last_write_status", "ok") == "ok" for node in persistence),
    )
