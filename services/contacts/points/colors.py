"""The colors that contacts have by their points."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from services.common.documents import TRIGGER, Trigger, decode_document
from services.common.records import RecordStore

SECONDS = 1.0


class Colors(NamedTuple):
    """By the points from which on each counts, in their order."""

    since: tuple[int, ...] = ()
    colors: tuple[str, ...] = ()

    def of(self, points: int) -> str | None:
        """None below all of them."""
        place = bisect_right(self.since, points)
        return self.colors[place - 1] if place else None


def colors_of(triggers: Mapping[int, Trigger]) -> Colors:
    """By number. Of two with the same points the later one counts."""
    ordered = sorted((one.points, number) for number, one in triggers.items() if one.is_published)
    return Colors(tuple(points for points, _ in ordered), tuple(triggers[number].color for _, number in ordered))


class TriggerColors:
    """Read at most once a second."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._known, self._known_at, self._writes = Colors(), -SECONDS, 0

    async def now(self) -> Colors:
        """Raises `RedisError`."""
        begun, writes = time.monotonic(), self._writes
        if begun - self._known_at < SECONDS:
            return self._known
        records = await self._records.numbered(TRIGGER)
        found = colors_of({number: decode_document(record.data, Trigger) for number, record in records.items()})
        if writes == self._writes:  # else it may have been read before what was written meanwhile
            self._known, self._known_at = found, begun
        return found

    def forget(self) -> None:
        """The next look is a fresh one: a trigger has just been written."""
        self._writes += 1
        self._known_at = -SECONDS
