"""Records, as check-identity goes through them: whether ClickHouse has the newest version of each, and no newer one."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from services.common import keys
from services.common.clickhouse import ClickHouse
from services.common.records import Record, RecordStore, Ref, project_records
from services.common.redis_client import RedisClient
from services.identity.tools import keyspace
from services.identity.tools.checking.findings import (
    RECORD_AHEAD,
    RECORD_BEHIND,
    RECORD_MISSING,
    Finding,
    Subject,
    compare_versions,
)

RECORDS_AT_ONCE = 200  # their ids travel in the address of the request
ROWS_AT_ONCE = 10_000

_OF_IDS = "SELECT kind, id, max(version) FROM records WHERE id IN {ids:Array(String)} GROUP BY kind, id"
_VERSIONS = """
SELECT kind, id, max(version) FROM records WHERE (kind, id) > ({kind:String}, {after:String})
GROUP BY kind, id ORDER BY kind, id LIMIT {most:UInt64}
"""
_NEWEST = """
SELECT version, data FROM records WHERE kind = {kind:String} AND id = {id:String} ORDER BY version DESC LIMIT 1
"""


class Records:
    def __init__(self, redis: RedisClient, clickhouse: ClickHouse) -> None:
        self._redis, self._clickhouse = redis, clickhouse
        self._store = RecordStore(redis)

    async def candidates(self) -> AsyncIterator[Sequence[Subject]]:
        async for found in keyspace.scan(self._redis, keys.RECORDS, RECORDS_AT_ONCE):
            yield [key.split(":", 2)[2] for key in found]
        last = Ref("", "")
        while rows := await self._rows(_VERSIONS, {"kind": last.kind, "after": last.id, "most": ROWS_AT_ONCE}):
            last = Ref(*rows[-1][:2])
            for start in range(0, len(rows), RECORDS_AT_ONCE):
                some = rows[start : start + RECORDS_AT_ONCE]
                stored = await self._store.load(Ref(kind, one) for kind, one, _ in some)
                yield [f"{kind}:{one}" for kind, one, version in some if _version(stored.get(Ref(kind, one))) < version]

    async def inspect(self, subjects: Sequence[Subject]) -> list[Finding]:
        refs = [ref_of(one) for one in subjects]
        stored = await self._store.load(refs)
        rows = await self._rows(_OF_IDS, {"ids": sorted({ref.id for ref in refs})})
        projected = {Ref(kind, one): int(version) for kind, one, version in rows}
        kinds = (RECORD_MISSING, RECORD_BEHIND, RECORD_AHEAD)
        return [
            found
            for ref in refs
            for found in compare_versions(":".join(ref), _version(stored.get(ref)), projected.get(ref, 0), kinds)
        ]

    def first(self, findings: Sequence[Finding]) -> list[Finding]:
        return list(findings)

    async def mend(self, findings: Sequence[Finding]) -> Sequence[Subject]:
        refs = [ref_of(one.subject) for one in findings]
        stored = await self._store.load(refs)
        lost = [ref_of(one.subject) for one in findings if one.kind == RECORD_AHEAD]
        back = [await self._newest(ref, _version(stored.get(ref))) for ref in lost]
        await self._store.write([record for record in back if record])
        await project_records(self._store, self._clickhouse, (await self._store.load(refs)).values(), uuid.uuid4().hex)
        return []

    async def _newest(self, ref: Ref, stored_version: int) -> Record | None:
        """As ClickHouse has it, to replace what is stored; None unless it is newer."""
        [(version, data)] = await self._rows(_NEWEST, {"kind": ref.kind, "id": ref.id})
        return Record(ref, stored_version, data.encode()) if version > stored_version else None

    async def _rows(self, sql: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
        if asked.get("ids") == []:
            return []
        return list((await self._clickhouse.query(sql, parameters=asked)).result_rows)


def ref_of(subject: Subject) -> Ref:
    return Ref(*str(subject).split(":", 1))


def _version(record: Record | None) -> int:
    return record.version if record else 0
