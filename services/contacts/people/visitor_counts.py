"""How many anonymous visitors there are: kept for a moment where counting them takes long, so that a list of millions
does not count them for each page."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

MOST_KEPT = 256
LONGEST_KEPT_SECONDS = 5.0
QUICK_SECONDS = 0.02  # what takes no longer is counted anew each time
SHARE = 20  # a count is kept this many times as long as it took


class _Kept(NamedTuple):
    visitors: int
    until: float


class VisitorCounts:
    """By statement. Who asks while it is being counted gets the same answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._counting: dict[str, asyncio.Future[int]] = {}

    async def get(
        self, key: str, count: Callable[[], Awaitable[int]], longest_seconds: float = LONGEST_KEPT_SECONDS
    ) -> int:
        kept = self._kept.get(key)
        if kept and self._clock() < kept.until:
            return kept.visitors
        counting = self._counting.get(key)
        if counting is None:
            counting = self._counting[key] = asyncio.ensure_future(self._count(key, count, longest_seconds))
            counting.add_done_callback(lambda _: self._counting.pop(key, None))
        return await asyncio.shield(counting)

    async def _count(self, key: str, count: Callable[[], Awaitable[int]], longest_seconds: float) -> int:
        started = self._clock()
        number = await count()
        took = self._clock() - started
        if number and took > QUICK_SECONDS:  # the first one there is is shown at once
            self._kept[key] = _Kept(number, started + took + min(SHARE * took, longest_seconds))
            self._kept.move_to_end(key)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return number
