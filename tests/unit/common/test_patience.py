"""Bodies that come too slowly are cut off, and those that come are not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.common.patience import CUT_OFF, patient

PART = {"type": "http.request", "body": b"x" * 4_096, "more_body": True}
LAST = {"type": "http.request", "body": b"x", "more_body": False}


def sender(*parts: Any) -> Callable[[], Awaitable[Any]]:
    """Sends these at once, then nothing more."""
    left = list(parts)

    async def receive() -> Any:
        return left.pop(0) if left else await asyncio.Event().wait()

    return receive


async def test_a_body_that_stops_in_the_middle_is_cut_off() -> None:
    receive = patient(sender({**PART, "body": b"x"}), seconds=0.02)
    assert (await receive())["body"] == b"x"
    assert await receive() == CUT_OFF


async def test_a_client_that_sends_nothing_is_cut_off() -> None:
    assert await patient(sender(), seconds=0.01)() == CUT_OFF


async def test_what_it_brings_gives_a_body_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now)

    async def receive() -> Any:
        nonlocal now
        now += 0.03
        await asyncio.sleep(0)
        return PART

    steady = patient(receive, seconds=0.1)
    assert [(await steady())["type"] for _ in range(8)] == ["http.request"] * 8


async def test_the_time_that_we_take_ourselves_does_not_count() -> None:
    receive = patient(sender(PART, LAST), seconds=0.02)
    await receive()
    await asyncio.sleep(0.05)
    assert await receive() == LAST


async def test_once_it_is_whole_a_disconnect_may_be_waited_for() -> None:
    receive = patient(sender(LAST), seconds=0.01)
    await receive()
    waiting = asyncio.ensure_future(receive())
    await asyncio.sleep(0.03)
    assert not waiting.done()
    waiting.cancel()
