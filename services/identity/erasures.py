"""Carries out the erasures that were asked for over the API: one after the other, in one process of all.

Whatever breaks off is done again, which changes nothing more: the process may be killed at any time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import msgspec
import structlog

from services.common.background import Duty
from services.common.clickhouse import ClickHouse, ClickHouseError
from services.common.documents import decode_document
from services.common.envelope import STORES_AWAY
from services.common.erasure import ERASURE, RUNNING, WAITING, Erasure, begun, broken_off, swept
from services.common.faults import FaultPoints
from services.common.records import RecordStore, Ref, project_records
from services.common.redis_client import RedisError
from services.common.settings import Settings
from services.identity.erasing.backlog import Backlog, ErasureBacklog
from services.identity.erasing.eraser import BusyError
from services.identity.erasing.erasing import COUNTS, WAIT_SECONDS, Erasing, open_erasing
from services.identity.metrics import IdentityMetrics
from services.identity.tools.tool import connections

log = structlog.get_logger()

EVERY_SECONDS = 2.0
ROUNDS = 50
MERGED = "It was merged into contact {id} meanwhile: ask for that one."
_WAITING = f"""
SELECT toUInt64OrZero(id) AS contact_id,
    intDiv(greatest(JSONExtractInt(data, 'added_us'), JSONExtractInt(data, 'modified_us')), 1000000) AS since
FROM records FINAL
WHERE kind = '{ERASURE}' AND JSONExtractString(data, 'status') IN ('', '{WAITING}', '{RUNNING}')
ORDER BY JSONExtractInt(data, 'added_us')
"""


class Erasures:
    def __init__(
        self,
        settings: Settings,
        records: RecordStore,
        clickhouse: ClickHouse,
        backlog: ErasureBacklog,
        metrics: IdentityMetrics,
        faults: FaultPoints,
    ) -> None:
        self._settings, self._records, self._clickhouse = settings, records, clickhouse
        self._backlog, self._metrics, self._faults = backlog, metrics, faults

    def duty(self) -> Duty:
        return Duty("erasures", EVERY_SECONDS, self.work)

    async def work(self) -> None:
        """Raises what the stores raise."""
        rows = (await self._clickhouse.query(_WAITING)).result_rows
        waiting = {int(contact_id): int(since) for contact_id, since in rows}
        await self._backlog.note(Backlog(len(waiting), min(waiting.values(), default=0)))
        if not waiting:
            return
        async with connections(self._settings) as connected:
            erasing = await open_erasing(self._settings, connected.redis, connected.clickhouse, self._faults)
            for contact_id in waiting:
                await self._carry_out(contact_id, erasing)

    async def _carry_out(self, contact_id: int, erasing: Erasing) -> None:
        try:
            profile = await erasing.stores.profiles.resolve(contact_id)
            if profile is not None and profile.id != contact_id:
                # More than was asked for, and perhaps nothing that whoever asked may delete.
                why = MERGED.format(id=profile.id)
                await self._change(contact_id, lambda one: broken_off(one, why, _now_us(), is_final=True))
                return
            found = _counted(await erasing.look([contact_id]))
            erasure = await self._change(contact_id, lambda one: begun(one, found))
            if erasure is None:
                return
            self._faults.pass_by("after_erasure_begun")
            by = erasure.modified_by or erasure.created_by  # who asked last
            counts, behind = await erasing.erase([contact_id], by, WAIT_SECONDS, _say)
            self._faults.pass_by("after_erasing")
            gone = _counted(counts)
            await self._change(contact_id, lambda one: swept(one, gone, behind, _now_us()))
        except (BusyError, *STORES_AWAY) as error:
            log.warning("erasure_broke_off", contact=contact_id, error=type(error).__name__, text=str(error)[:200])
            why = _words(error)
            await self._change(contact_id, lambda one: broken_off(one, why, _now_us()))

    async def _change(self, contact_id: int, apply: Callable[[Erasure], Erasure]) -> Erasure | None:
        """The erasure after `apply`; None where there is none under way. Raises what the stores raise."""
        ref = Ref(ERASURE, str(contact_id))
        for _ in range(ROUNDS):
            record = await self._records.one(ref)
            old = decode_document(record.data, Erasure) if record else None
            if record is None or old is None or not old.is_under_way():
                return None
            new = apply(old)
            record = record._replace(data=msgspec.json.encode(new))
            if version := (await self._records.write([record]))[ref]:
                await project_records(self._records, self._clickhouse, [record._replace(version=version)])
                log.info("erasure", contact=contact_id, status=new.status)
                if not new.is_under_way():
                    self._metrics.erasures.add(value=new.status)
                return new
        raise TimeoutError(f"the erasure of contact {contact_id} is being written all the time")


def _counted(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in COUNTS}


def _words(error: Exception) -> str:
    """Without what a server said, which may quote anything."""
    if isinstance(error, BusyError):
        return f"{str(error).capitalize()}."
    if isinstance(error, RedisError | ClickHouseError):
        return f"{'Redis' if isinstance(error, RedisError) else 'ClickHouse'} did not do its part."
    return f"A file cannot be removed, or a server does not answer: {type(error).__name__}."


def _say(_: str) -> None:
    """Nobody watches."""


def _now_us() -> int:
    return time.time_ns() // 1_000
