"""Contact ids in blocks: one script call for 10,000 of them, and one block always in reserve."""

from __future__ import annotations

import asyncio
from typing import Any

from services.common import keys
from services.common.device import HASHED_BASE
from services.common.redis_client import RedisClient, load_script

BLOCK_SIZE = 10_000
# Seconds since 1970 on 2026-01-01. A million ids a second fit below 2**52 for 142 years from then.
EPOCH_SECONDS = 1_767_225_600


class ContactIds:
    """Hands out ids without a round trip; `take` gives None for the moment when even the reserve is used up."""

    def __init__(self, redis: RedisClient, block_size: int = BLOCK_SIZE) -> None:
        self._redis = redis
        self._script = load_script(redis, "take_contact_ids", allow_oom=True)
        self._block_size = block_size
        self._next = self._end = 0
        self._reserve = 0
        self._refill: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Takes the first block and its reserve. Raises `RedisError` while Redis is away."""
        first = await self._take_block()
        self._next, self._end = first, first + self._block_size
        self._reserve = await self._take_block()

    def take(self) -> int | None:
        if self._next == self._end:
            if not self._reserve:
                self._start_refill()
                return None
            self._next, self._end = self._reserve, self._reserve + self._block_size
            self._reserve = 0
            self._start_refill()
        self._next += 1
        return self._next - 1

    async def take_surely(self) -> int:
        """An id, waiting for Redis if need be. Raises `RedisError` when it does not answer."""
        while (contact_id := self.take()) is None:
            if self._refill is None:
                self._start_refill()
            assert self._refill is not None
            await asyncio.shield(self._refill)
        return contact_id

    def _start_refill(self) -> None:
        if self._refill is None or self._refill.done():
            self._refill = asyncio.get_running_loop().create_task(self._fill_reserve())
            self._refill.add_done_callback(_retrieve_error)

    async def _fill_reserve(self) -> None:
        self._reserve = await self._take_block()

    async def _take_block(self) -> int:
        answer = await self._script(keys=[keys.CONTACT_IDS], args=[self._block_size, EPOCH_SECONDS])
        first = int(answer)
        if first + self._block_size >= HASHED_BASE:
            raise RuntimeError("contact ids are used up")
        return first


def _retrieve_error(task: asyncio.Task[Any]) -> None:
    """A failed refill is tried again by the next caller; its error must only not stay unseen by asyncio."""
    if not task.cancelled():
        task.exception()
