"""All that it takes to erase people, for whoever asks for it: the verb, or a request that waits."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection

from services.common import keys
from services.common.clickhouse import ClickHouse
from services.common.faults import NO_FAULTS, FaultPoints
from services.common.field_registry import Fields
from services.common.profiles import ProfileStore
from services.common.records import RecordStore
from services.common.redis_client import RedisClient
from services.common.replication import Replicas
from services.common.settings import Settings
from services.identity.erasing import erased_rows, kept_files
from services.identity.erasing.dead_hits import DeadHits
from services.identity.erasing.eraser import Erased, Eraser, Stores
from services.identity.suppression import SuppressionList

WAIT_SECONDS = 60.0  # for the resolvers
COUNTS = ("contacts", "merged_ids", "values", "events", "bot_events", "footprints", "recent", "activity", "audit",
          "notes", "images", "messages", "versions", "dead_letters", "left_in_redis", "import_files",
          "import_failures", "export_files", "torn_spill_files")  # fmt: skip


class Erasing:
    def __init__(self, settings: Settings, stores: Stores, unique_fields: tuple[str, ...], faults: FaultPoints) -> None:
        self._settings, self.stores, self.unique_fields = settings, stores, unique_fields
        dead = DeadHits(stores.redis, stores.profiles, stores.suppression, unique_fields)
        self._eraser = Eraser(stores, unique_fields, settings.streams, dead.remove, faults)

    async def look(self, contact_ids: Collection[int]) -> Counter[str]:
        """What would go, by what is counted."""
        counts = await self._eraser.look(contact_ids)
        counts.update(await erased_rows.imports(self.stores.clickhouse))
        counts.update(_counted(kept_files.find(self._settings)))
        return counts

    async def erase(
        self, contact_ids: Collection[int], by: str, wait_seconds: float, say: Callable[[str], None]
    ) -> Erased:
        """As `Eraser.erase`, and files: those that this machine has are removed here, those of an export service
        elsewhere by itself, when it sees the mark. Raises `OSError` where they are not ours to remove."""
        counts, behind = await self._eraser.erase(contact_ids, by, wait_seconds, say)
        counts.update(await erased_rows.remove_imports(self.stores.clickhouse))
        files = kept_files.find(self._settings)
        await asyncio.to_thread(kept_files.remove, files)
        counts.update(_counted(files))
        # Last: an export that began before it may have read what is gone now.
        await self.stores.redis.set(keys.ERASED, time.time_ns() // 1_000)
        return Erased(counts, behind)


async def open_erasing(
    settings: Settings, redis: RedisClient, clickhouse: ClickHouse, faults: FaultPoints = NO_FAULTS
) -> Erasing:
    """Raises `RedisError`."""
    profiles, records = ProfileStore(redis), RecordStore(redis)
    replicas = Replicas(redis, settings.redis_wait_replicas, settings.redis_wait_seconds)
    await replicas.learn()
    suppression = SuppressionList(profiles, records, settings.secret)
    stores = Stores(redis, clickhouse, profiles, records, suppression, replicas)
    return Erasing(settings, stores, (await Fields(records, settings).now()).unique, faults)


def _counted(files: kept_files.Files) -> dict[str, int]:
    return {"export_files": len(files.exports), "torn_spill_files": len(files.torn_spills)}
