"""What waits, counted for /metrics: the queues of all processes together, so each process says the same of them."""

from __future__ import annotations

import asyncio
import time

import structlog

from services.common import keys
from services.common.envelope import STORES_AWAY, ApiError
from services.contacts.imports.document import IMPORT
from services.contacts.jobs.job import JOB, RUNNING
from services.contacts.metrics import ContactsMetrics
from services.contacts.stores import Stores

log = structlog.get_logger()

EVERY_SECONDS = 10.0
_BY_STATUS = """
SELECT kind, JSONExtractString(data, 'status') AS status, count() FROM records FINAL
WHERE kind IN {kinds:Array(String)} AND is_deleted = 0 GROUP BY kind, status
"""


class Waiting:
    def __init__(self, stores: Stores, metrics: ContactsMetrics) -> None:
        self._stores, self._metrics = stores, metrics

    async def run_forever(self) -> None:
        while True:
            if self._stores.is_open:
                try:
                    await self.look()
                except (*STORES_AWAY, ApiError) as error:
                    log.warning("queues_not_seen", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Raises what the stores raise."""
        metrics, redis, hooks = self._metrics, self._stores.redis, self._stores.hooks
        metrics.mails_waiting.value = await redis.zcard(keys.MAILS)
        first = await redis.zrange(keys.MAILS, 0, 0, withscores=True)
        metrics.mails_overdue.value = max(time.time() - first[0][1] / 1e6, 0.0) if first else 0.0
        waiting = await hooks.waiting(await hooks.hooks())
        metrics.webhook_notes_waiting.value = sum(length for length, _ in waiting.values())
        metrics.webhooks_failing.value = sum(state.failures > 0 for _, state in waiting.values())
        metrics.audit_waiting.value = await redis.xlen(keys.AUDIT)
        await self._count_records()

    async def _count_records(self) -> None:
        parameters = {"kinds": [IMPORT, JOB]}
        rows = (await self._stores.clickhouse.query(_BY_STATUS, parameters=parameters)).result_rows
        found = {(str(kind), str(status) or RUNNING): int(count) for kind, status, count in rows}
        for kind, gauge in ((IMPORT, self._metrics.imports), (JOB, self._metrics.jobs)):
            for status in gauge.values:
                gauge.values[status] = found.get((kind, status), 0)
