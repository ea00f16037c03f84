"""How many hits may wait for Redis: so many as it takes in half a second, once hits wait longer than they should. Pure.

Without it a Redis that takes a third of what comes has everybody wait for as long as the buffer is long. A Redis that
says nothing at all is another matter: it may be back in a moment, and the buffer holds what comes meanwhile.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

WAIT_SECONDS = 0.5  # of the last hit that is taken
CALM_SECONDS = 0.15  # nobody is refused while the oldest hit has waited for less
FEWEST_HITS = 1_500  # may always wait: a Redis that is far away takes long for a few, and no longer for many
# A flush that takes so much longer than the ones before it says nothing about how fast Redis is.
LATE_TIMES = 3.0
LATE_SECONDS = 0.12
MEMORY_SECONDS = 0.25  # of Redis at work, over which its pace is taken


@dataclass(eq=False)
class Flight:
    """A flush on its way. Times are those of one steady clock."""

    hits: int
    since: float  # when its first hit came
    sent: float


class Pace:
    def __init__(self, max_hits: int) -> None:
        self._max_hits = max_hits
        self.most_hits = max_hits  # that may wait now
        self._flights: deque[Flight] = deque()
        self._ended = 0.0  # the last one
        self._was_late = False
        self._hits = self._seconds = 0.0  # what Redis took lately, and in how long

    def began(self, hits: int, since: float, now: float) -> Flight:
        flight = Flight(hits, since, now)
        self._flights.append(flight)
        return flight

    def ended(self, flight: Flight, now: float, *, is_taken: bool) -> None:
        """Redis has answered it, or nobody waits for that any more."""
        if is_taken and not self._is_first_late(flight, now):
            worked = self._worked_seconds(flight, now)
            kept = math.exp(-worked / MEMORY_SECONDS)
            self._hits, self._seconds = self._hits * kept + flight.hits, self._seconds * kept + worked
        self._flights.remove(flight)
        self._ended = now
        self.look(now)

    def look(self, now: float) -> None:
        """To be called a few times a second beside that: what is under way grows old."""
        self.most_hits = self._max_hits if self._is_calm(now) else self._fitting_hits()

    def _is_calm(self, now: float) -> bool:
        if not self._flights or now - self._flights[0].since < CALM_SECONDS:
            return True
        return self._is_late(self._flights[0], now)

    def _is_first_late(self, flight: Flight, now: float) -> bool:
        """Redis hung once, for a moment. If the next one is late too, it has become slow."""
        is_first = not self._was_late
        self._was_late = self._is_late(flight, now)
        return self._was_late and is_first

    def _is_late(self, flight: Flight, now: float) -> bool:
        usual_seconds = flight.hits * self._seconds / self._hits if self._hits else 0.0
        return self._worked_seconds(flight, now) > LATE_TIMES * usual_seconds + LATE_SECONDS

    def _worked_seconds(self, flight: Flight, now: float) -> float:
        """That Redis has had for the oldest one: it takes them one after the other."""
        return now - max(flight.sent, self._ended)

    def _fitting_hits(self) -> int:
        if not self._seconds:
            return self._max_hits
        return min(self._max_hits, max(FEWEST_HITS, int(self._hits / self._seconds * WAIT_SECONDS)))
