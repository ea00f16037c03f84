"""What Redis keeps of visitors and contacts once everything is drained."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from redis import RedisCluster

AT_ONCE = 1_000
SETTLE_SECONDS = 3.0  # the server shrinks idle buffers, and recounts them, in its own time
SAMPLES = 8


class Kept(NamedTuple):
    """Keys of profiles and unique values, with their bytes."""

    profiles: int
    bytes: int


def growing_bytes(redis: Any) -> int:
    """Used memory without what breathes with connections and the append-only file: the least of a few looks. Of a
    cluster that of all masters."""
    time.sleep(SETTLE_SECONDS)
    looks = []
    for _ in range(SAMPLES):
        is_cluster = isinstance(redis, RedisCluster)
        said = redis.info("memory", **({"target_nodes": RedisCluster.PRIMARIES} if is_cluster else {}))
        infos = said.values() if is_cluster else [said]
        looks.append(
            sum(int(one["used_memory"] - one["mem_clients_normal"] - one.get("mem_aof_buffer", 0)) for one in infos)
        )
        time.sleep(0.15)
    return min(looks)


def kept_for_contacts(redis: Any) -> Kept:
    """All profiles, unique values and outboxes, as MEMORY USAGE counts them."""
    total = profiles = 0
    for pattern in ("c:*", "u:*", "changes:*"):
        for names in _chunks(redis, pattern):
            pipeline = redis.pipeline(transaction=False)
            for name in names:
                pipeline.memory_usage(name)
            total += sum(size or 0 for size in pipeline.execute())
            profiles += len(names) if pattern == "c:*" else 0
    return Kept(profiles, total)


def _chunks(redis: Any, pattern: str) -> Iterator[list[bytes]]:
    names: list[bytes] = []
    for name in redis.scan_iter(match=pattern, count=AT_ONCE):
        names.append(name)
        if len(names) == AT_ONCE:
            yield names
            names = []
    if names:
        yield names
