"""What one look at an installation has found. None stands for a server that did not answer."""

from __future__ import annotations

from typing import NamedTuple

from services.common.hit_queue import Queue
from services.common.minute_counts import Counts
from services.common.outbox import Outbox
from services.common.redis_state import RedisState
from services.identity.erasing.backlog import Backlog


class ServiceSeen(NamedTuple):
    """One process. `error` says why it did not answer, `reason` why it is not ready."""

    name: str
    url: str
    error: str = ""
    reason: str = ""
    warning: str = ""
    metrics: dict[str, float] = {}  # of each the largest, whatever its label


class RedisSeen(NamedTuple):
    state: RedisState
    queues: list[Queue]  # by stream
    pending: int  # entries that were delivered and not acknowledged
    dead: int
    newest_dead_seconds: float  # how long ago it was put aside
    outbox: Outbox
    check_wrong: int
    check_at: int  # seconds since 1970, 0 for never
    counts: Counts  # of the last minutes
    erasures: Backlog = Backlog()


class ClickHouseSeen(NamedTuple):
    version: str
    events: int
    contacts: int  # rows: of each version one, until they are merged
    parts: int
    most_parts: int  # of one partition of one table
    newest_part_seconds: float | None  # of events: since it was inserted or merged; None before the first


class Picture(NamedTuple):
    at: float  # seconds since 1970
    services: list[ServiceSeen]
    redis: RedisSeen | None
    redis_error: str
    clickhouse: ClickHouseSeen | None
    clickhouse_error: str

    def largest(self, metric: str) -> float:
        """Over all processes that answered."""
        return max((seen.metrics.get(metric, 0.0) for seen in self.services), default=0.0)
