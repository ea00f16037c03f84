"""Does what was left undone: projects what a dead writer could not, completes its undo, makes queued merges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from services.common.clickhouse import ClickHouse, ClickHouseError
from services.common.merges import MergeError, MergeStore
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import RecordStore, project_records
from services.common.redis_client import RedisError
from services.identity.identify import Rules
from services.identity.leftovers import Leftovers
from services.identity.merge_queue import MergeQueue
from services.identity.metrics import IdentityMetrics

log = structlog.get_logger()

SECONDS = 3.0
GRACE_US = 5_000_000  # a living writer needs less
AT_ONCE = 5_000


class Relay:
    def __init__(
        self,
        store: ProfileStore,
        records: RecordStore,
        clickhouse: ClickHouse,
        queue: MergeQueue,
        merges: MergeStore,
        rules: Callable[[], Rules],
        metrics: IdentityMetrics,
    ) -> None:
        self._store, self._records, self._clickhouse = store, records, clickhouse
        self._queue, self._merges, self._rules, self._metrics = queue, merges, rules, metrics

    async def run(self) -> None:
        while True:
            try:
                before_us = await self._store.time_us() - GRACE_US
                left = await relay_once(self._store, self._clickhouse, before_us, self._rules().unique_fields)
                left += await relay_records_once(self._records, self._clickhouse, before_us)
                self._metrics.relayed.add(left)
                await self._work_off_queue()
            except (RedisError, ClickHouseError, OSError, MergeError) as error:
                self._metrics.relay_failures.add()
                log.warning("relay_failed", error=type(error).__name__)
            await asyncio.sleep(SECONDS)

    async def _work_off_queue(self) -> None:
        await self._queue.work_off(self._merges, self._rules(), partial(project, self._store, self._clickhouse))
        self._metrics.queued_merges.value = await self._queue.size()


async def relay_once(
    store: ProfileStore, clickhouse: ClickHouse, before_us: int, unique_fields: tuple[str, ...] = ()
) -> int:
    """Projects the profiles last written before `before_us` and not projected yet; returns how many."""
    waiting = await store.unsettled(before_us, AT_ONCE)
    there = [profile for profile in (await store.load(waiting)).values() if profile is not None]
    profiles = await Leftovers(store, clickhouse, unique_fields).complete(there)
    await project(store, clickhouse, profiles)
    if profiles:
        log.info("projection_caught_up", contacts=len(profiles))
    return len(profiles)


async def relay_records_once(store: RecordStore, clickhouse: ClickHouse, before_us: int) -> int:
    """The same for records."""
    records = await store.load(await store.unsettled(before_us, AT_ONCE))
    await project_records(store, clickhouse, records.values())
    return len(records)
