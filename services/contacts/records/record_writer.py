"""Makes, changes and deletes records: compare-and-set in Redis, the row into ClickHouse, then the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic

import msgspec

from services.common.caller import author, author_id
from services.common.documents import Some, decode_document
from services.common.records import Record, RecordStore, Ref, project_records
from services.contacts.audit.notes import note_record
from services.contacts.stores import BusyError, Stores

ROUNDS = 50


class TakenError(Exception):
    """There is, or was, a record of this id."""


class RecordWriter(Generic[Some]):
    """The records of one kind. A store that is away raises what `STORES_AWAY` lists, before anything is written."""

    def __init__(self, stores: Stores, kind: str, document: type[Some], user: str) -> None:
        self._stores, self._kind, self._document, self._user = stores, kind, document, user
        self._store = RecordStore(stores.redis)

    async def one(self, record_id: str) -> Some | None:
        record = await self._store.one(Ref(self._kind, record_id))
        return decode_document(record.data, self._document) if record else None

    async def create(self, document: Some, record_id: str = "") -> str:
        """The id: the given one, or a new number. Raises `TakenError`."""
        await self._stores.check_clickhouse()
        now = time.time_ns() // 1_000
        document = msgspec.structs.replace(
            document, added_us=now, created_by=author(self._user), created_by_id=author_id()
        )
        for _ in range(ROUNDS):
            ref = Ref(self._kind, record_id or await self._store.new_id(self._kind))
            if await self._put(Record(ref, 0, msgspec.json.encode(document)), None, document):
                return ref.id
            if record_id:
                raise TakenError
        raise BusyError

    async def change(self, record_id: str, apply: Callable[[Some], Some]) -> Some | None:
        """The document after `apply`, which is called again when somebody else was faster; None when there is none."""
        await self._stores.check_clickhouse()
        for _ in range(ROUNDS):
            record = await self._store.one(Ref(self._kind, record_id))
            if record is None:
                return None
            old = decode_document(record.data, self._document)
            changed = self._modified(old, apply(decode_document(record.data, self._document)))
            if await self._put(record._replace(data=msgspec.json.encode(changed)), old, changed):
                return changed
        raise BusyError

    async def revive(self, record_id: str, document: Some) -> None:
        """Writes the document whether there is one, was one, or never."""
        await self._stores.check_clickhouse()
        now, ref = time.time_ns() // 1_000, Ref(self._kind, record_id)
        for _ in range(ROUNDS):
            stored = (await self._store.load([ref])).get(ref) or Record(ref, 0, b"")
            old = decode_document(stored.data, self._document) if stored.data else None
            written = msgspec.structs.replace(
                document, added_us=now, created_by=author(self._user), created_by_id=author_id()
            )
            written = self._modified(old, written) if old else written
            if await self._put(stored._replace(data=msgspec.json.encode(written)), old, written):
                return
        raise BusyError

    async def delete(self, record_id: str) -> Some | None:
        """The document as it was; None when there is none."""
        await self._stores.check_clickhouse()
        for _ in range(ROUNDS):
            record = await self._store.one(Ref(self._kind, record_id))
            if record is None:
                return None
            gone = decode_document(record.data, self._document)
            if await self._put(record._replace(data=b""), gone, None):
                return gone
        raise BusyError

    def _modified(self, old: Some, document: Some) -> Some:
        """Who made it, and when, stays, whatever a body was read into."""
        return msgspec.structs.replace(
            document,
            added_us=old.added_us,
            created_by=old.created_by,
            created_by_id=old.created_by_id,
            modified_us=time.time_ns() // 1_000,
            modified_by=author(self._user),
            modified_by_id=author_id(),
        )

    async def _put(self, record: Record, before: Some | None, after: Some | None) -> bool:
        version = (await self._store.write([record]))[record.ref]
        if not version:
            return False
        action = "delete" if after is None else "update" if before else "create"
        note_record(action, self._kind, record.ref.id, before, after)
        try:
            await self._stores.confirm()
            await project_records(self._store, self._stores.clickhouse, [record._replace(version=version)])
        except Exception:
            self._stores.distrust()  # the relay repeats it
            raise
        return True
