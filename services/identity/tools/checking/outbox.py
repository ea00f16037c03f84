"""What waits in the outbox for so long that nobody will fetch it: no relay runs, or none gets through."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence

from services.common import keys
from services.common.clickhouse import ClickHouse
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import Record, RecordStore, project_records
from services.common.redis_client import RedisClient
from services.identity.tools.checking.findings import OUTBOX_FORGOTTEN, Finding, Subject
from services.identity.tools.checking.records import ref_of

FORGOTTEN_US = 60_000_000
ENTRIES_AT_ONCE = 2_000


class Outbox:
    """Of contacts (their ids) and of records (their names)."""

    def __init__(self, redis: RedisClient, clickhouse: ClickHouse) -> None:
        self._redis, self._clickhouse = redis, clickhouse
        self._profiles, self._records = ProfileStore(redis), RecordStore(redis)

    async def candidates(self) -> AsyncIterator[Sequence[Subject]]:
        """Those that are mended are no longer found, so some are passed by: they wait for the next time."""
        slots = [keys.changes(slot) for slot in range(keys.CONTACT_SLOTS)]
        for key in [*slots, *(keys.made(slot) for slot in range(keys.RECORD_SLOTS))]:
            start = 0
            while waiting := await self._redis.zrangebyscore(
                key, "-inf", _before_us(), start=start, num=ENTRIES_AT_ONCE
            ):
                yield [_subject(name.decode()) for name in waiting]
                start += len(waiting)

    async def inspect(self, subjects: Sequence[Subject]) -> list[Finding]:
        pipeline = self._redis.pipeline(transaction=False)
        for one in subjects:
            pipeline.zscore(_key(one), str(one))
        before_us = _before_us()
        return [
            Finding(OUTBOX_FORGOTTEN, one, seen=(int(score),))
            for one, score in zip(subjects, await pipeline.execute(), strict=True)
            if score is not None and score <= before_us
        ]

    def first(self, findings: Sequence[Finding]) -> list[Finding]:
        return list(findings)

    async def mend(self, findings: Sequence[Finding]) -> Sequence[Subject]:
        """Projects them; of what is not there any more nothing is left to project."""
        contacts = {one.subject: one.seen[0] for one in findings if isinstance(one.subject, int)}
        found = await self._profiles.load(contacts)
        await project(self._profiles, self._clickhouse, [one for one in found.values() if one is not None])
        await self._profiles.settle({one: contacts[one] for one, profile in found.items() if profile is None})
        records = {ref_of(one.subject): one.seen[0] for one in findings if not isinstance(one.subject, int)}
        stored = await self._records.load(records)
        await project_records(self._records, self._clickhouse, stored.values())
        await self._records.settle(Record(ref, seen, b"") for ref, seen in records.items() if ref not in stored)
        return []


def _before_us() -> int:
    return time.time_ns() // 1_000 - FORGOTTEN_US


def _subject(name: str) -> Subject:
    return name if ":" in name else int(name)


def _key(subject: Subject) -> str:
    if isinstance(subject, int):
        return keys.changes(subject % keys.CONTACT_SLOTS)
    return keys.made(keys.record_slot(ref_of(subject).id))
