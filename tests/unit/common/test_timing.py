"""How long requests took: until the whole answer was sent, also of one that fails, and not of who asks for metrics."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.common.metrics import Histogram
from services.common.timing import Timed
from services.contacts.app import request_kind


class Slow:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.02)
        if scope["path"] == "/broken":
            raise ZeroDivisionError


async def asked(path: str, kind: str = "http") -> Histogram:
    seconds = Histogram("x_seconds", "Seconds.", (0.01, 10.0))
    timed = Timed(Slow(), seconds, lambda *_: "")
    try:
        await timed({"type": kind, "path": path, "method": "GET"}, None, None)
    except ZeroDivisionError:
        assert path == "/broken"
    return seconds


@pytest.mark.parametrize("path", ["/api/contacts", "/broken"])
async def test_a_request_is_timed(path: str) -> None:
    seconds = await asked(path)
    assert seconds.counts[""] == [0, 1, 0] and seconds.sums[""] >= 0.02


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_who_asks_whether_it_lives_is_not(path: str) -> None:
    assert (await asked(path)).sums[""] == 0


async def test_the_life_of_the_process_is_not() -> None:
    assert (await asked("", "lifespan")).sums[""] == 0


def test_requests_are_told_apart() -> None:
    assert request_kind("GET", "/api/contacts") == request_kind("HEAD", "/api/contacts") == "read"
    assert request_kind("POST", "/api/contacts/new") == request_kind("DELETE", "/api/contacts/1/delete") == "write"
    assert request_kind("POST", "/ui/login") == "page"
