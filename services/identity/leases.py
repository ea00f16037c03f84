"""Who reads which stream: one reader a stream, by leases that a dead reader's successor takes over."""

from __future__ import annotations

import math
import time

from services.common import keys
from services.common.redis_client import RedisClient, load_script


class Leases:
    """The streams of one resolver, as even a share of all as the live resolvers allow."""

    def __init__(self, redis: RedisClient, name: str, streams: int, seconds: float) -> None:
        self._redis = redis
        self._name = name
        self._streams = streams
        self._milliseconds = int(seconds * 1000)
        self._seconds = seconds
        self._renew = load_script(redis, "renew_lease")
        self.held: set[int] = set()

    async def refresh(self, busy: set[int] | None = None) -> None:
        """Renews what is held, gives up what is more than the share, takes what is free. Raises `RedisError`."""
        share = math.ceil(self._streams / max(1, await self._count_live()))
        for stream in sorted(self.held):
            milliseconds = self._milliseconds if len(self.held) <= share or stream in (busy or set()) else 0
            is_ours = await self._renew(keys=[keys.lease(stream)], args=[self._name, milliseconds])
            if not is_ours or not milliseconds:
                self.held.discard(stream)
        for stream in self._free_order():
            if len(self.held) >= share:
                return
            if stream not in self.held and await self._redis.set(
                keys.lease(stream), self._name, nx=True, px=self._milliseconds
            ):
                self.held.add(stream)

    async def release(self) -> None:
        for stream in sorted(self.held):
            await self._renew(keys=[keys.lease(stream)], args=[self._name, 0])
        self.held.clear()
        await self._redis.zrem(keys.RESOLVERS, self._name)

    async def _count_live(self) -> int:
        now = time.time()
        await self._redis.zadd(keys.RESOLVERS, {self._name: now})
        await self._redis.zremrangebyscore(keys.RESOLVERS, "-inf", now - self._seconds)
        return int(await self._redis.zcard(keys.RESOLVERS))

    def _free_order(self) -> list[int]:
        """Each resolver begins elsewhere, so that they rarely reach for the same stream."""
        start = hash(self._name) % self._streams
        return [(start + step) % self._streams for step in range(self._streams)]
