"""Looks around for /metrics: Redis, how far the resolvers are behind, what waits for projection or to be erased, the
last check.

Each resolver looks by itself and sees the same, so that any one of them is enough to tell. What it saw last stands
while Redis is away, which `identity_redis_up` tells.
"""

from __future__ import annotations

import asyncio
import time

import structlog

from services.common import keys
from services.common.hit_queue import load_queues
from services.common.outbox import load_outbox
from services.common.redis_client import RedisClient, RedisError
from services.common.redis_state import load_redis_state
from services.identity.erasing.backlog import ErasureBacklog
from services.identity.metrics import IdentityMetrics

log = structlog.get_logger()

EVERY_SECONDS = 10.0
AWAY = (RedisError, OSError, TimeoutError)


class LastCheck:
    """What check-identity found wrong and left so, told to whoever watches."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def note(self, wrong: int) -> None:
        """Raises `RedisError`."""
        await self._redis.hset(keys.LAST_CHECK, mapping={"wrong": wrong, "at": int(time.time())})

    async def read(self) -> tuple[int, int]:
        """How much, and when (seconds since 1970); zeros for never. Raises `RedisError`."""
        said = await self._redis.hgetall(keys.LAST_CHECK)
        return int(said.get(b"wrong", 0)), int(said.get(b"at", 0))


class Surroundings:
    def __init__(self, redis: RedisClient, streams: int, metrics: IdentityMetrics) -> None:
        self._redis, self._streams, self._metrics = redis, streams, metrics
        self._last_check, self._erasures = LastCheck(redis), ErasureBacklog(redis)

    async def run_forever(self) -> None:
        while True:
            try:
                await self.look()
                self._metrics.redis_up.value = 1
            except AWAY as error:
                self._metrics.redis_up.value = 0
                log.warning("surroundings_not_seen", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Raises one of `AWAY`."""
        await self._look_at_redis()
        await self._look_at_queues()

    async def _look_at_redis(self) -> None:
        metrics, state = self._metrics, await load_redis_state(self._redis)
        metrics.redis_bytes.value, metrics.redis_share.value = state.used_bytes, state.memory_share
        metrics.redis_evicted.value, metrics.redis_evicts.value = state.evicted_keys, float(state.evicts)
        metrics.redis_unsafe.value = float(not (state.keeps_file and state.file_is_written))

    async def _look_at_queues(self) -> None:
        metrics = self._metrics
        for stream, queue in enumerate(await load_queues(self._redis, self._streams)):
            metrics.queue_entries.values[str(stream)] = queue.entries
            metrics.queue_seconds.values[str(stream)] = queue.seconds
        metrics.dead_letters.value = await self._redis.xlen(keys.DEAD_HITS)
        outbox = await load_outbox(self._redis)
        metrics.outbox_waiting.value, metrics.outbox_seconds.value = outbox.waiting, outbox.seconds
        waiting, since = await self._erasures.read()
        metrics.erasures_waiting.value, metrics.erasure_seconds.value = waiting, time.time() - since if waiting else 0.0
        metrics.check_wrong.value, metrics.check_at.value = await self._last_check.read()
