"""Hits that fail for ever, put aside one by one with the reason, so that none takes its batch along."""

from __future__ import annotations

from services.common import keys
from services.common.hit import Hit, encode_batch
from services.common.redis_client import RedisClient, load_script
from services.common.replication import Replicas

MAX_DEAD_HITS = 10_000
MAX_DEAD_BYTES = 100_000  # of one: a whole hit; of what is none the beginning


class DeadLetters:
    def __init__(self, redis: RedisClient, replicas: Replicas) -> None:
        self._replicas = replicas
        self._put = load_script(redis, "put_dead", allow_oom=True)

    async def put(self, hit: Hit, reason: str) -> None:
        """Raises `RedisError`: then the hit stays with its batch."""
        await self.put_raw(encode_batch([hit]), reason)

    async def put_raw(self, data: bytes, reason: str) -> None:
        if len(data) > MAX_DEAD_BYTES:
            reason = f"{reason} (the first {MAX_DEAD_BYTES} of {len(data)} bytes)"
        mark = self._replicas.mark()
        await self._put(keys=[keys.DEAD_HITS], args=[data[:MAX_DEAD_BYTES], reason, MAX_DEAD_HITS])
        await self._replicas.confirm(mark)
