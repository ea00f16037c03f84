"""How often somebody may do something, counted in Redis for all processes together."""

from __future__ import annotations

import math
import time
from typing import Any

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisClusterStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisClusterException, RedisError

log = structlog.get_logger()

TIMEOUT_SECONDS = 2.0
_AWAY = (RedisError, RedisClusterException, OSError, TimeoutError)
_PREFIX = "limit"  # of their keys


class RateLimit:
    """So many in a window that slides; 0 is no limit, and asks nobody. While Redis is away nobody is held up."""

    def __init__(self, redis_url: str, name: str, count: int, seconds: int) -> None:
        self._redis_url, self._name, self.count = redis_url, name, count
        self._item = RateLimitItemPerSecond(max(count, 1), seconds)
        self._strategy: SlidingWindowCounterRateLimiter | None = None

    async def take(self, key: str) -> int:
        """Counts one; 0 when it may be done, else in how many seconds it may be tried again."""
        if not self.count:
            return 0
        try:
            limiter = self._limiter()
            if await limiter.hit(self._item, self._name, key):
                return 0
            return await self._wait_seconds(limiter, key)
        except _AWAY as error:
            log.warning("rate_limit_not_counted", limit=self._name, error=type(error).__name__)
            return 0

    async def wait_seconds(self, key: str) -> int:
        """The same, and counts nothing."""
        if not self.count:
            return 0
        try:
            limiter = self._limiter()
            return 0 if await limiter.test(self._item, self._name, key) else await self._wait_seconds(limiter, key)
        except _AWAY:
            return 0

    async def close(self) -> None:
        if self._strategy is not None:
            storage: Any = self._strategy.storage
            await storage.bridge.storage.aclose()

    async def _wait_seconds(self, limiter: SlidingWindowCounterRateLimiter, key: str) -> int:
        stats = await limiter.get_window_stats(self._item, self._name, key)
        return max(1, math.ceil(stats.reset_time - time.time()))

    def _limiter(self) -> SlidingWindowCounterRateLimiter:
        """Its connections are its own, and made when the first one is counted."""
        if self._strategy is None:
            self._strategy = SlidingWindowCounterRateLimiter(_storage(self._redis_url))
        return self._strategy


def _storage(redis_url: str) -> RedisStorage:
    kind = RedisClusterStorage if redis_url.startswith("redis+cluster://") else RedisStorage
    return kind(
        f"async+{redis_url}",
        implementation="redispy",
        key_prefix=_PREFIX,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )
