"""Whether ClickHouse answers: asked before a write touches Redis, so that a write is not left half shown."""

from __future__ import annotations

import asyncio
import time

from services.common.clickhouse import ClickHouse

CHECK_SECONDS = 0.5  # how long a good answer counts
TIMEOUT_SECONDS = 2.0


class Availability:
    """One check serves all who ask at once."""

    def __init__(self) -> None:
        self._clickhouse: ClickHouse | None = None
        self._checked = float("-inf")
        self._check: asyncio.Task[None] | None = None

    def watch(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def check(self) -> None:
        """Raises what ClickHouse's absence raises."""
        if time.monotonic() - self._checked < CHECK_SECONDS:
            return
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self.ask())
        await asyncio.shield(self._check)

    def distrust(self) -> None:
        """The next write asks again: something has just failed."""
        self._checked = float("-inf")

    async def ask(self) -> None:
        """The same, always anew."""
        self.distrust()
        if self._clickhouse is None:
            raise TimeoutError("not connected yet")
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._clickhouse.query("SELECT 1")
        self._checked = time.monotonic()
