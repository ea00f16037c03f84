"""How many hits may wait for a Redis of this or that kind."""

from __future__ import annotations

from services.ingest.pace import FEWEST_HITS, Flight, Pace

MAX_HITS = 20_000
LOOK_SECONDS = 0.05


class Line:
    """A buffer in steps of a millisecond, two flushes of which are under way at most, before a Redis that takes so many
    hits a second, and says so after a while."""

    def __init__(self, takes: float, latency: float = 0.001) -> None:
        self.pace = Pace(MAX_HITS)
        self.takes, self.latency = takes, latency
        self.now = 0.0
        self.waiting = 0
        self.refused = 0
        self.waits: list[tuple[float, int]] = []  # how long the first hit of a flush waited, and how many they were
        self._since = 0.0
        self._arriving = 0.0
        self._done_at: list[tuple[float, Flight]] = []
        self._looked = 0.0

    @property
    def held(self) -> int:
        return self.waiting + sum(flight.hits for _, flight in self._done_at)

    def run(self, rate: float, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self._step(rate)

    def _step(self, rate: float) -> None:
        self.now += 0.001
        while self._done_at and self._done_at[0][0] <= self.now:
            _, flight = self._done_at.pop(0)
            self.pace.ended(flight, self.now, is_taken=True)
            self.waits.append((self.now - flight.since, flight.hits))
        if self.now - self._looked >= LOOK_SECONDS:
            self._looked = self.now
            self.pace.look(self.now)
        self._arriving += rate / 1_000
        while self._arriving >= 1:
            self._arriving -= 1
            self._come()
        if self.waiting and len(self._done_at) < 2:
            free_from = max([self.now + self.latency, *(done for done, _ in self._done_at)])
            flight = self.pace.began(self.waiting, self._since, self.now)
            self._done_at.append((free_from + self.waiting / self.takes, flight))
            self.waiting = 0

    def _come(self) -> None:
        if self.held >= self.pace.most_hits:
            self.refused += 1
            return
        if not self.waiting:
            self._since = self.now
        self.waiting += 1

    def worst_wait(self) -> float:
        return max(wait for wait, _ in self.waits)


def test_nobody_is_refused_by_a_redis_that_takes_what_comes() -> None:
    line = Line(30_000)
    line.run(20_000, 5)
    assert line.refused == 0
    assert line.pace.most_hits == MAX_HITS


def test_under_three_times_the_load_those_who_are_taken_wait_for_less_than_a_second() -> None:
    line = Line(3_000)
    line.run(2_000, 3)
    line.run(9_000, 20)
    taken = sum(hits for _, hits in line.waits)
    assert sum(hits for wait, hits in line.waits if wait > 1) < taken / 100
    assert taken > 0.9 * 3_000 * 20, "Redis is kept busy"
    assert line.refused > 5 * 3_000 * 20 / 3


def test_after_an_overload_nobody_is_refused_any_more() -> None:
    line = Line(3_000)
    line.run(9_000, 10)
    line.run(2_400, 2)
    line.refused = 0
    line.run(2_400, 3)
    assert line.refused == 0


def test_a_redis_that_becomes_slow_at_once_is_followed() -> None:
    line = Line(30_000)
    line.run(9_000, 3)
    line.takes = 3_000
    line.run(9_000, 5)
    line.waits.clear()
    line.run(9_000, 5)
    assert line.worst_wait() < 1


def test_a_redis_that_says_nothing_for_a_while_has_everybody_wait_as_long_as_there_is_room() -> None:
    line = Line(30_000)
    line.run(5_000, 3)
    line.latency = 2.0
    line.run(5_000, 0.005)
    line.latency = 0.001
    line.run(5_000, 1.9)
    assert line.refused == 0
    line.run(5_000, 3)
    assert 1.9 < line.worst_wait() < 2.5
    assert line.refused < 5_000 * 0.5, "until Redis has taken what came meanwhile"


def test_a_redis_that_is_far_away_and_takes_any_number_is_not_taken_for_a_slow_one() -> None:
    line = Line(1e9, latency=0.2)
    line.run(5_000, 10)
    assert line.refused == 0
    line.latency = 0.6
    line.run(1_200, 10)
    line.refused = 0
    line.run(1_200, 10)
    assert line.refused == 0
    assert line.pace.most_hits >= FEWEST_HITS


def test_what_was_not_taken_says_nothing_about_the_pace() -> None:
    pace = Pace(MAX_HITS)
    pace.ended(pace.began(1, 0.0, 0.0), 5.0, is_taken=False)
    flight = pace.began(16, 5.0, 5.0)
    pace.look(5.3)
    assert pace.most_hits == MAX_HITS
    pace.ended(flight, 5.4, is_taken=True)
