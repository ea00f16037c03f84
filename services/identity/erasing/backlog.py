"""How many erasures wait, and since when: noted by the process that carries them out, told by all."""

from __future__ import annotations

from typing import NamedTuple

from services.common import keys
from services.common.redis_client import RedisClient


class Backlog(NamedTuple):
    waiting: int = 0
    since: int = 0  # that the oldest was asked for, seconds since 1970; 0 where none waits


class ErasureBacklog:
    """Its calls raise `RedisError`."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def note(self, backlog: Backlog) -> None:
        if backlog == await self.read():
            return
        if backlog.waiting:
            await self._redis.hset(keys.ERASURE_BACKLOG, mapping=backlog._asdict())
        else:
            await self._redis.delete(keys.ERASURE_BACKLOG)

    async def read(self) -> Backlog:
        said = await self._redis.hgetall(keys.ERASURE_BACKLOG)
        return Backlog(int(said.get(b"waiting", 0)), int(said.get(b"since", 0)))
