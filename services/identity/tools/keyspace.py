"""Keys of Redis by a pattern, of each master in turn, some at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator

from services.common.redis_client import RedisClient

SCAN_COUNT = 10_000  # keys of any kind that Redis looks at in one step, some milliseconds


async def scan(redis: RedisClient, pattern: str, at_once: int) -> AsyncIterator[list[str]]:
    """All that are there from beginning to end; one that is made or moved meanwhile may be missing, or come twice."""
    found: list[str] = []
    async for key in redis.scan_iter(match=pattern, count=SCAN_COUNT):
        found.append(key.decode())
        if len(found) == at_once:
            yield found
            found = []
    if found:
        yield found


def last_part(key: str) -> str:
    return key.rsplit(":", 1)[1]
