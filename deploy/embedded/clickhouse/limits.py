"""What bounds this server: how large a request may be, and how many run at once."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.embedded.clickhouse.errors import (
    TOO_MANY_BYTES,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    ClickHouseError,
    refused,
)


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bodies are held whole, so the worst case in memory is `max_running * max_body_bytes` beside the engine's own."""

    max_running: int = 16
    max_waiting: int = 256
    max_waiting_seconds: float = 30.0
    max_body_bytes: int = 256 << 20


class Slots:
    """Turns for statements: `max_running` at once, `max_waiting` in line, the rest are refused as ClickHouse would."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._free = asyncio.Semaphore(limits.max_running)
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        if self._free.locked():
            await self._wait()
        else:
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        if self._waiting >= self._limits.max_waiting:
            raise _too_many()
        self._waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), self._limits.max_waiting_seconds)
        except TimeoutError as error:
            raise _too_many() from error
        finally:
            self._waiting -= 1


def body_too_large(max_bytes: int) -> ClickHouseError:
    return refused(TOO_MANY_BYTES, "TOO_MANY_BYTES", f"The request body is larger than {max_bytes} bytes")


def _too_many() -> ClickHouseError:
    return refused(
        TOO_MANY_SIMULTANEOUS_QUERIES, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many simultaneous queries, try again later"
    )
