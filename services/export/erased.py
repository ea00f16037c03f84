"""Learns of erasures: what an export read before one may hold whom it removed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from services.common import keys
from services.common.redis_client import RedisClient, RedisError

log = structlog.get_logger()

LOOK_SECONDS = 1.0


class ErasureMark:
    """Another number after each erasure; 0 before the first. Two are only compared for being the same, so no clocks
    need to agree, and a Redis that lost the mark removes nothing."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis, self.known = redis, 0

    async def read(self) -> int:
        """The last one that was known, while Redis is away: too old a one is safe."""
        try:
            self.known = int(await self._redis.get(keys.ERASED) or 0) or self.known
        except (RedisError, OSError) as error:
            log.warning("erasures_unknown", error=type(error).__name__)
        return self.known

    async def watch(self, forget: Callable[[int], Awaitable[bool]]) -> None:
        """Until it is cancelled. `forget` is told each mark, also the one that is there at the start, until it has done
        all."""
        told = 0
        while True:
            if (mark := await self.read()) != told:
                try:
                    told = mark if await forget(mark) else told
                except OSError as error:
                    log.warning("erased_files_left", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)
