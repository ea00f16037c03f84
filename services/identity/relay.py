"""Projects what its writer could not: profiles and records whose writer died between Redis and ClickHouse."""

from __future__ import annotations

import asyncio
import time

import structlog

from services.common.clickhouse import ClickHouse, ClickHouseError
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import RecordStore, project_records
from services.common.redis_client import RedisError

log = structlog.get_logger()

SECONDS = 3.0
GRACE_US = 5_000_000  # a living writer needs less
AT_ONCE = 5_000


async def relay_forever(store: ProfileStore, records: RecordStore, clickhouse: ClickHouse) -> None:
    while True:
        try:
            await relay_once(store, clickhouse, time.time_ns() // 1_000 - GRACE_US)
            await relay_records_once(records, clickhouse, time.time_ns() // 1_000 - GRACE_US)
        except (RedisError, ClickHouseError, OSError) as error:
            log.warning("relay_failed", error=type(error).__name__)
        await asyncio.sleep(SECONDS)


async def relay_once(store: ProfileStore, clickhouse: ClickHouse, before_us: int) -> int:
    """Projects the profiles last written before `before_us` and not projected yet; returns how many."""
    waiting = await store.unsettled(before_us, AT_ONCE)
    profiles = {profile.id: profile for profile in (await store.load(waiting)).values() if profile is not None}
    for profile in [profile for profile in profiles.values() if profile.alias]:
        survivor = await store.resolve(profile.id)  # takes it in, if the writer died between the two steps of a merge
        if survivor is not None:
            profiles[survivor.id] = survivor
    await project(store, clickhouse, profiles.values())
    if profiles:
        log.info("projection_caught_up", contacts=len(profiles))
    return len(profiles)


async def relay_records_once(store: RecordStore, clickhouse: ClickHouse, before_us: int) -> int:
    """The same for records."""
    records = await store.load(await store.unsettled(before_us, AT_ONCE))
    await project_records(store, clickhouse, records.values())
    return len(records)
