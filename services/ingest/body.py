"""Reads the body of a hit, up to a bound, and for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from services.common.patience import BODY_SECONDS
from services.ingest.door import MAX_BODY_BYTES

Receive = Callable[[], Awaitable[Any]]
SWEEP_SECONDS = 1.0


class HotBodies:
    """Bodies on the hot paths: a look at all of them now and then costs a request 0.5 microseconds, a timeout of its
    own 4."""

    def __init__(self, seconds: float = BODY_SECONDS) -> None:
        self._seconds = seconds
        self._under_way: dict[asyncio.Task[Any], float] = {}  # since when

    async def read(self, headers: dict[bytes, bytes], receive: Receive) -> tuple[bytes, int | None]:
        """As `read_body`; what takes too long is cut off."""
        task = asyncio.current_task()
        assert task is not None
        self._under_way[task] = time.monotonic()
        try:
            return await read_body(headers, receive)
        except asyncio.CancelledError:
            if task in self._under_way:  # it is somebody else who ends us
                raise
            task.uncancel()
            return b"", 400
        finally:
            self._under_way.pop(task, None)

    async def cut_off_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.cut_off(time.monotonic())

    def cut_off(self, now: float) -> None:
        for task in [task for task, began in self._under_way.items() if now - began > self._seconds]:
            del self._under_way[task]
            task.cancel()


async def read_body(headers: dict[bytes, bytes], receive: Receive) -> tuple[bytes, int | None]:
    """The whole body, or the status that it is refused with: too long, or cut off, when half a hit could be
    somebody else's."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
        return b"", 413
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"", 400
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return b"", 413
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks) if len(chunks) > 1 else chunk, None
