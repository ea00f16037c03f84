"""What every endpoint of ingest works with."""

from __future__ import annotations

from typing import NamedTuple

from services.common.redis_client import RedisClient
from services.ingest.buffer import HitBuffer
from services.ingest.cors import Cors
from services.ingest.door import Door
from services.ingest.drops import Drops
from services.ingest.live import Live
from services.ingest.metrics import IngestMetrics


class Entrance(NamedTuple):
    door: Door
    buffer: HitBuffer
    cors: Cors
    metrics: IngestMetrics
    drops: Drops
    redis: RedisClient
    live: Live
