"""Bodies of hits are bounded, in size and in time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from services.ingest.body import HotBodies


async def nothing() -> Any:
    await asyncio.Event().wait()


async def whole() -> Any:
    return {"type": "http.request", "body": b"a=1", "more_body": False}


async def test_a_body_that_does_not_come_is_cut_off_and_its_request_goes_on() -> None:
    bodies = HotBodies(seconds=5)
    reading = asyncio.ensure_future(bodies.read({b"content-length": b"5"}, nothing))
    await asyncio.sleep(0)
    bodies.cut_off(time.monotonic())
    await asyncio.sleep(0)
    assert not reading.done(), "it has some time"
    bodies.cut_off(time.monotonic() + 6)
    assert await reading == (b"", 400)


async def test_a_request_that_somebody_else_ends_is_ended() -> None:
    reading = asyncio.ensure_future(HotBodies().read({b"content-length": b"5"}, nothing))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_body_that_came_is_never_cut_off() -> None:
    bodies = HotBodies(seconds=0)
    assert await bodies.read({b"content-length": b"3"}, whole) == (b"a=1", None)
    bodies.cut_off(time.monotonic() + 60)
