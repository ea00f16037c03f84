"""Looks into a folder of records again and again: when something changes there, and when its time has come."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from services.export.record_folder import RecordFolder

log = structlog.get_logger()

LOOK_SECONDS = 1.0  # for what other processes were asked for, or left behind
SETTLED_NS = 1_000_000_000  # clocks of file systems tick slowly: two changes within one tick look like one


async def watch(folder: RecordFolder[Any], serve: Callable[[], Awaitable[float]], look: asyncio.Event) -> None:
    """Until it is cancelled. `serve` says when to look again even if nothing changes, `look` that it is to be now."""
    known_ns, looks_again = 0, 0.0
    while True:
        look.clear()
        try:
            changed_ns = folder.changed_ns()
            if changed_ns != known_ns or time.time() >= looks_again:
                is_settled = time.time_ns() - changed_ns > SETTLED_NS
                known_ns, looks_again = changed_ns if is_settled else 0, await serve()
        except OSError as error:
            log.warning("exports_unreadable", error=str(error))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(look.wait(), LOOK_SECONDS)
