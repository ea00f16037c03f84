"""Who reads which stream: one reader a stream, by leases that a dead reader's successor takes over."""

from __future__ import annotations

import math

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
        # They work in a full Redis too, or nobody could drain it.
        self._hold = load_script(redis, "hold_lease", allow_oom=True)
        self._count = load_script(redis, "count_resolvers", allow_oom=True)
        self.held: set[int] = set()

    async def refresh(self, busy: set[int] | None = None) -> None:
        """Renews what is held, gives up what is more than the share, takes what is free. Raises `RedisError`."""
        share = math.ceil(self._streams / max(1, await self._count_live()))
        for stream in sorted(self.held):
            milliseconds = self._milliseconds if len(self.held) <= share or stream in (busy or set()) else 0
            is_ours = await self._hold(keys=[keys.lease(stream)], args=[self._name, milliseconds, 0])
            if not is_ours or not milliseconds:
                self.held.discard(stream)
        for stream in self._free_order():
            if len(self.held) >= share:
                return
            if stream not in self.held and await self._hold(
                keys=[keys.lease(stream)], args=[self._name, self._milliseconds, 1]
            ):
                self.held.add(stream)

    async def release(self) -> None:
        for stream in sorted(self.held):
            await self._hold(keys=[keys.lease(stream)], args=[self._name, 0, 0])
        self.held.clear()
        await self._redis.zrem(keys.RESOLVERS, self._name)

    async def _count_live(self) -> int:
        return int(await self._count(keys=[keys.RESOLVERS], args=[self._name, self._seconds]))

    def _free_order(self) -> list[int]:
        """Each resolver begins elsewhere, so that they rarely reach for the same stream."""
        start = hash(self._name) % self._streams
        return [(start + step) % self._streams for step in range(self._streams)]
