"""What people make beside contacts (forms, links, fields, ...): one JSON document each, compared and set in Redis.

The same outbox as the profiles' carries them into ClickHouse, where they are listed; whoever needs one by its id reads
it here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.common import keys
from services.common.clickhouse import ClickHouse, insert_rows
from services.common.profile import VERSION_DIGITS
from services.common.redis_client import RedisClient, load_script, mget, run_script
from services.common.tables import RECORDS, RecordRow


class Ref(NamedTuple):
    """What a record is called; an id is a number, or a short name."""

    kind: str
    id: str


class Record(NamedTuple):
    """One version of a record. `data` is JSON, and empty when it has been deleted."""

    ref: Ref
    version: int  # 0 for one that is not stored yet
    data: bytes


class RecordStore:
    """With `allow_oom` it may also write when Redis is full: for whoever empties it by that."""

    def __init__(self, redis: RedisClient, *, allow_oom: bool = False) -> None:
        self._redis = redis
        self._write = load_script(redis, "write_documents", allow_oom=allow_oom)
        self._settle = load_script(redis, "settle_changes")
        self._take_ids = load_script(redis, "take_record_ids", allow_oom=allow_oom)
        self._raise_ids = load_script(redis, "raise_number", allow_oom=allow_oom)

    async def load(self, refs: Iterable[Ref]) -> dict[Ref, Record]:
        """Those of the records that were ever written, deleted ones too. Raises `RedisError`."""
        wanted = list(refs)
        stored = await mget(self._redis, [keys.record(*ref) for ref in wanted])
        return {ref: _record(ref, value) for ref, value in zip(wanted, stored, strict=True) if value}

    async def one(self, ref: Ref) -> Record | None:
        """The record, None when it is not there or has been deleted. Raises `RedisError`."""
        record = (await self.load([ref])).get(ref)
        return record if record and record.data else None

    async def numbered(self, kind: str) -> dict[int, Record]:
        """All of a kind whose ids are numbers, those that were deleted left out. For kinds of which there are few: one
        look for each that ever was. Raises `RedisError`."""
        last = int(await self._redis.get(keys.record_ids(kind)) or 0)
        loaded = await self.load([Ref(kind, str(number)) for number in range(1, last + 1)])
        return {int(ref.id): record for ref, record in loaded.items() if record.data}

    async def new_id(self, kind: str) -> str:
        """One that was never given out, unless Redis lost its last second: then `write` refuses it as not new."""
        return (await self.new_ids(kind, 1))[0]

    async def new_ids(self, kind: str, count: int) -> list[str]:
        """The same for several."""
        last = int(await self._take_ids(keys=[keys.record_ids(kind)], args=[count]))
        return [str(number) for number in range(last - count + 1, last + 1)]

    async def raise_ids(self, kind: str, least: int) -> None:
        """From now on greater ones than `least` are given out."""
        await self._raise_ids(keys=[keys.record_ids(kind)], args=[least])

    async def write(self, records: Iterable[Record]) -> dict[Ref, int]:
        """Stores each record if its stored version is still the one it has. Returns the new versions, 0 for one that
        somebody else wrote meanwhile."""
        wanted = list(records)
        answers = await run_script(self._redis, self._write, [_write_call(record) for record in wanted])
        return {record.ref: int(answer or 0) for record, answer in zip(wanted, answers, strict=True)}

    async def settle(self, records: Iterable[Record]) -> None:
        """These versions are in ClickHouse now."""
        slots: dict[int, list[str | int]] = {}
        for record in records:
            slots.setdefault(keys.record_slot(record.ref.id), []).extend((":".join(record.ref), record.version))
        calls = [([keys.made(slot)], [len(pairs) // 2, *pairs]) for slot, pairs in slots.items()]
        await run_script(self._redis, self._settle, calls)

    async def unsettled(self, before_us: int, limit: int) -> list[Ref]:
        """Records whose last write before `before_us` has not been projected: their writer died in between."""
        pipeline = self._redis.pipeline(transaction=False)
        for slot in range(keys.RECORD_SLOTS):
            pipeline.zrangebyscore(keys.made(slot), "-inf", before_us, start=0, num=limit)
        names = [name.decode() for slot in await pipeline.execute() for name in slot]
        return [Ref(*name.split(":", 1)) for name in names[:limit]]


async def project_records(
    store: RecordStore, clickhouse: ClickHouse, records: Iterable[Record], token: str = ""
) -> None:
    """Inserts these versions and settles them. Done twice it changes nothing; raises what the stores raise. `token`: as
    in `project`."""
    written = list(records)
    if not written:
        return
    rows = [RecordRow(*record.ref, record.version, int(not record.data), record.data.decode()) for record in written]
    await insert_rows(clickhouse, RECORDS, rows, token)
    await store.settle(written)


def _record(ref: Ref, stored: bytes) -> Record:
    return Record(ref, int(stored[:VERSION_DIGITS]), stored[VERSION_DIGITS:])


def _write_call(record: Record) -> tuple[list[str], list[object]]:
    name = ":".join(record.ref)
    version = f"{record.version:0{VERSION_DIGITS}d}" if record.version else ""
    return (
        [keys.record(*record.ref), keys.made(keys.record_slot(record.ref.id))],
        [version, record.data, name, 0, 0],
    )
