"""What became of hits, counted by the minute for all processes together: each adds what it has counted to one hash a
minute.

The counts are those of the metrics, looked at every few seconds, so that a hit costs nothing more. While Redis is away
they wait here, a day's minutes at most, and what was sent and not acknowledged is sent again under the same number: no
count is lost, and none counts twice. A process that is killed takes those of its last seconds along.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from services.common import keys
from services.common.metrics import Counter
from services.common.redis_client import RedisClient, RedisError, load_script, run_script

log = structlog.get_logger()

WRITE_SECONDS = 3.0
CLOSE_SECONDS = 3.0  # that the last write may take, after the 5 s of what is in hand: within `WORKER_STOP_SECONDS`
MINUTE = 60
LIFE_SECONDS = 86_400
MOST_MINUTES = LIFE_SECONDS // MINUTE  # that wait at most: they would live no longer
MINUTES_AT_ONCE = 200
ACCEPTED, STORED, DROPPED, REFUSED = "accepted", "stored", "dropped", "refused"

Counts = dict[str, int]  # by outcome, or by `<outcome>:<reason>`


def by_reason(outcome: str, counter: Counter) -> Counts:
    """Under the words of the metric."""
    return {f"{outcome}:{reason}": count for reason, count in counter.counts.items()}


@dataclass
class _Batch:
    minute: int  # since 1970
    counts: Counts
    number: int = 0  # once it has been sent: from then on it stays as it is


class MinuteCounts:
    """Those of one process; `read` gives all that it has counted since it began."""

    def __init__(
        self, redis: RedisClient, read: Callable[[], Mapping[str, int]], clock: Callable[[], float] = time.time
    ) -> None:
        self._redis, self._read, self._clock = redis, read, clock
        self._add = load_script(redis, "add_counts")
        self._writer = secrets.token_hex(6)
        self._calls = 0
        self._seen: Mapping[str, int] = {}
        self._seen_at = clock()
        self._waiting: deque[_Batch] = deque(maxlen=MOST_MINUTES)
        self._is_heard = True

    async def run_forever(self) -> None:
        while True:
            await asyncio.sleep(min(WRITE_SECONDS, MINUTE - self._clock() % MINUTE))  # a look is of one minute
            await self.write()

    async def close(self) -> None:
        """Writes what is left, if Redis takes it at once."""
        try:
            await asyncio.wait_for(self.write(), CLOSE_SECONDS)
        except TimeoutError:
            log.warning("counts_left_behind")

    async def write(self) -> None:
        """What was counted until now, and what waits; in vain while Redis is away."""
        self._look()
        try:
            while self._waiting:
                await self._send(self._waiting[0])
                self._waiting.popleft()
            self._is_heard = True
        except (RedisError, OSError, TimeoutError) as error:
            if self._is_heard:
                log.warning("counts_wait", error=type(error).__name__)
            self._is_heard = False

    def _look(self) -> None:
        counted = dict(self._read())
        news = {name: count - self._seen.get(name, 0) for name, count in counted.items()}
        minute = int(self._seen_at // MINUTE)
        self._seen, self._seen_at = counted, self._clock()
        news = {name: count for name, count in news.items() if count}
        if not news:
            return
        last = self._waiting[-1] if self._waiting else None
        if last is None or last.number or last.minute != minute:
            self._waiting.append(_Batch(minute, news))
        else:
            for name, count in news.items():
                last.counts[name] = last.counts.get(name, 0) + count

    async def _send(self, batch: _Batch) -> None:
        if not batch.number:
            self._calls += 1
            batch.number = self._calls
        told: list[Any] = [word for pair in batch.counts.items() for word in pair]
        call = ([keys.minute_counts(batch.minute)], [LIFE_SECONDS, self._writer, batch.number, *told])
        await run_script(self._redis, self._add, [call])


async def load_counts(redis: RedisClient, minutes: Sequence[int]) -> list[Counts]:
    """Of each of these minutes since 1970, what all processes have counted. Raises `RedisError`."""
    found: list[Counts] = []
    for start in range(0, len(minutes), MINUTES_AT_ONCE):
        pipeline = redis.pipeline(transaction=False)
        for minute in minutes[start : start + MINUTES_AT_ONCE]:
            pipeline.hgetall(keys.minute_counts(minute))
        found += [_counts(told) for told in await pipeline.execute()]
    return found


def _counts(told: Mapping[bytes, bytes]) -> Counts:
    return {name.decode(): int(count) for name, count in told.items() if not name.startswith(b"from:")}
