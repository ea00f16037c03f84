"""Takes the picture: /readyz and /metrics of all services, Redis and ClickHouse, all at once and none for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeVar

import httpx
from prometheus_client.parser import text_string_to_metric_families

from deploy.status.picture import ClickHouseSeen, Picture, RedisSeen, ServiceSeen
from services.common import clickhouse as ch
from services.common import keys
from services.common.hit_queue import load_queues, read_entry_id
from services.common.minute_counts import MINUTE, Counts, load_counts
from services.common.outbox import load_outbox
from services.common.redis_client import RedisClient, RedisError, connect
from services.common.redis_state import load_redis_state
from services.common.settings import Settings
from services.identity.erasing.backlog import ErasureBacklog
from services.identity.surroundings import LastCheck

SECONDS = 5.0
MINUTES = 5
SERVICES = ("ingest", "identity", "contacts", "export")
AWAY = (RedisError, ch.ClickHouseError, OSError, TimeoutError)
_ROWS = """
SELECT version(), sumIf(rows, table = 'events'), sumIf(rows, table = 'contacts'), sum(parts), max(parts),
    if(countIf(table = 'events') = 0, NULL, dateDiff('second', maxIf(newest, table = 'events'), now()))
FROM (
    SELECT table, partition, sum(rows) AS rows, count() AS parts, max(modification_time) AS newest
    FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table, partition
)
"""
Seen = TypeVar("Seen")
Urls = Mapping[str, Sequence[str]]


def urls_of(settings: Settings, said: Sequence[str] = ()) -> Urls:
    """Where each service is: on this machine at its port, unless `said` names it: `ingest=http://10.0.0.7:8080`."""
    found: dict[str, list[str]] = {}
    for one in said:
        name, _, url = one.partition("=")
        if name not in SERVICES or not url:
            raise ValueError(f"--url {one}: it is NAME=URL, and NAME is one of {', '.join(SERVICES)}")
        found.setdefault(name, []).append(url.rstrip("/"))
    return {name: found.get(name, [f"http://127.0.0.1:{getattr(settings, f'{name}_port')}"]) for name in SERVICES}


async def look(settings: Settings, urls: Urls) -> Picture:
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as http:
        services = asyncio.gather(*(see_service(http, name, url) for name in SERVICES for url in urls[name]))
        seen, (redis, redis_error), (clickhouse, clickhouse_error) = await asyncio.gather(
            services, _tried(see_redis(settings)), _tried(see_clickhouse(settings))
        )
    return Picture(time.time(), list(seen), redis, redis_error, clickhouse, clickhouse_error)


async def _tried(seeing: Awaitable[Seen]) -> tuple[Seen | None, str]:
    """What was seen, or why nothing was."""
    try:
        async with asyncio.timeout(SECONDS):
            return await seeing, ""
    except AWAY as error:
        return None, (str(error).splitlines() or [type(error).__name__])[0][:200] or type(error).__name__


async def see_service(http: httpx.AsyncClient, name: str, url: str) -> ServiceSeen:
    try:
        ready, told = await asyncio.gather(http.get(f"{url}/readyz"), http.get(f"{url}/metrics"))
        said: dict[str, Any] = ready.json()
        metrics = read_metrics(told.text)
    except (httpx.HTTPError, ValueError) as error:
        return ServiceSeen(name, url, error=type(error).__name__)
    return ServiceSeen(name, url, "", said.get("reason") or "", said.get("warning") or "", metrics)


def read_metrics(text: str) -> dict[str, float]:
    """The largest sample of each. Raises `ValueError`."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = max(sample.value, found.get(sample.name, sample.value))
    return found


async def see_redis(settings: Settings) -> RedisSeen:
    """Raises one of `AWAY`."""
    redis = connect(settings.redis_url, timeout_seconds=SECONDS)
    try:
        newest = await redis.xrevrange(keys.DEAD_HITS, count=1)
        wrong, at = await LastCheck(redis).read()
        return RedisSeen(
            await load_redis_state(redis),
            await load_queues(redis, settings.streams),
            await _pending(redis, settings.streams),
            await redis.xlen(keys.DEAD_HITS),
            time.time() - read_entry_id(newest[0][0])[0] / 1_000 if newest else 0.0,
            await load_outbox(redis),
            wrong,
            at,
            await _counts(redis),
            await ErasureBacklog(redis).read(),
        )
    finally:
        await redis.aclose()


async def _pending(redis: RedisClient, streams: int) -> int:
    """A stream that nobody has read from yet has none."""
    pipeline = redis.pipeline(transaction=False)
    for stream in range(streams):
        for name in (keys.hits(stream), keys.slow_hits(stream)):
            pipeline.xpending(name, keys.HITS_GROUP)
    answers = await pipeline.execute(raise_on_error=False)
    return sum(int(one["pending"]) for one in answers if isinstance(one, dict))


async def _counts(redis: RedisClient) -> Counts:
    this = int(time.time() // MINUTE)
    found: Counts = {}
    for minute in await load_counts(redis, range(this - MINUTES + 1, this + 1)):
        for name, count in minute.items():
            found[name] = found.get(name, 0) + count
    return found


async def see_clickhouse(settings: Settings) -> ClickHouseSeen:
    """Raises one of `AWAY`."""
    client = await ch.connect(settings.clickhouse_url, timeout_seconds=SECONDS)
    try:
        [row] = (await client.query(_ROWS)).result_rows
    finally:
        await client.close()
    version, events, contacts, parts, most, newest = row
    return ClickHouseSeen(
        str(version), int(events), int(contacts), int(parts), int(most), None if newest is None else float(newest)
    )
