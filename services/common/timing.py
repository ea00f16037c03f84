"""ASGI around an app: how long each request took, until its whole answer was sent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from services.common.metrics import Histogram

App = Callable[[Any, Any, Any], Awaitable[None]]
OPERATION_PATHS = frozenset({"/livez", "/readyz", "/metrics"})


class Timed:
    """`kind_of` gives the label's value for a method and path. What asks whether the service lives is not counted."""

    def __init__(self, app: App, seconds: Histogram, kind_of: Callable[[str, str], str]) -> None:
        self._app, self._seconds, self._kind_of = app, seconds, kind_of

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in OPERATION_PATHS:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            self._seconds.observe(time.perf_counter() - started, self._kind_of(scope["method"], scope["path"]))
