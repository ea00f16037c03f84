"""Hits that fail for ever, put aside one by one with the reason, so that none takes its batch along."""

from __future__ import annotations

from services.common import keys
from services.common.hit import Hit, encode_batch
from services.common.redis_client import RedisClient

MAX_DEAD_HITS = 10_000


class DeadLetters:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def put(self, hit: Hit, reason: str) -> None:
        """Raises `RedisError`: then the hit stays with its batch."""
        await self.put_raw(encode_batch([hit]), reason)

    async def put_raw(self, data: bytes, reason: str) -> None:
        await self._redis.xadd(keys.DEAD_HITS, {"h": data, "reason": reason}, maxlen=MAX_DEAD_HITS, approximate=True)
