"""Imports what is queued, the oldest first, whatever breaks off in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from services.common import keys
from services.common.caller import BY_IMPORT, Caller, enter
from services.common.contact_ids import EPOCH_SECONDS
from services.common.envelope import STORES_AWAY, ApiError
from services.common.redis_client import load_script
from services.common.settings import Settings
from services.contacts.imports.document import (
    IMPORT,
    UNDER_WAY,
    WINDOW_ROWS,
    Done,
    Import,
    Status,
    Window,
    advanced,
    begun,
    ended,
    window_of,
    with_window,
)
from services.contacts.imports.file_store import remove_file
from services.contacts.imports.one_import import GoneError, OneImport
from services.contacts.records.record_writer import RecordWriter
from services.contacts.stores import Stores

log = structlog.get_logger()

AWAY_SECONDS = 1.0
_WAITING = """
SELECT id FROM records FINAL
WHERE kind = {kind:String} AND is_deleted = 0 AND JSONExtractString(data, 'status') IN {under_way:Array(String)}
ORDER BY toUInt64OrZero(id)
"""


async def waiting_imports(stores: Stores) -> list[str]:
    """The oldest first."""
    parameters = {"kind": IMPORT, "under_way": [str(one) for one in UNDER_WAY]}
    return [str(row[0]) for row in (await stores.clickhouse.query(_WAITING, parameters=parameters)).result_rows]


class ImportRunner:
    """`stops` says that this process is to end: what it is at it then leaves to the next."""

    def __init__(self, stores: Stores, settings: Settings, stops: asyncio.Event) -> None:
        self._stores, self._settings, self._stops = stores, settings, stops
        self._documents = RecordWriter(stores, IMPORT, Import, settings.admin_user)
        self._take_ids = load_script(stores.redis, "take_contact_ids", allow_oom=True)

    async def run(self) -> None:
        """Until nothing waits."""
        while not self._stops.is_set() and (waiting := await waiting_imports(self._stores)):
            for import_id in waiting:
                await self._run(import_id)

    async def _run(self, import_id: str) -> None:
        document = await self._change(import_id, lambda stored: begun(stored, _now_us()))
        while document and document.status is Status.RUNNING and not self._stops.is_set():
            enter(Caller(f"import:{import_id}", document.user_id, document.user, document.rights, source=BY_IMPORT))
            try:
                await OneImport(self._stores, self._settings, import_id, document, self).run(self._stops)
            except (*STORES_AWAY, ApiError) as error:
                log.warning("import_waits", import_id=import_id, error=type(error).__name__, text=str(error)[:200])
                self._stores.distrust()
                await asyncio.sleep(AWAY_SECONDS)
            document = await self._again(import_id)

    async def _again(self, import_id: str) -> Import | None:
        while not self._stops.is_set():
            try:
                return await self._documents.one(import_id)
            except STORES_AWAY:
                await asyncio.sleep(AWAY_SECONDS)
        return None

    async def _change(self, import_id: str, apply: Callable[[Import], Import]) -> Import | None:
        return await self._documents.change(import_id, apply)

    async def advance(self, import_id: str, done: Done) -> Import | None:
        return await self._change(import_id, lambda stored: advanced(stored, done))

    async def fail(self, import_id: str, why: str) -> None:
        await self._change(import_id, lambda stored: ended(stored, Status.FAILED, _now_us(), why))
        log.warning("import_failed", import_id=import_id, why=why)

    async def finish(self, import_id: str, file: str) -> None:
        document = await self._change(import_id, lambda stored: ended(stored, Status.DONE, _now_us()))
        await remove_file(self._stores.clickhouse, file)
        if document:
            log.info("import_done", import_id=import_id, inserted=document.inserted, updated=document.updated,
                     failed=document.failed)  # fmt: skip

    async def window(self, import_id: str, document: Import, row: int) -> tuple[Import, Window]:
        """The ids and the time of the rows around this one, kept before any is used."""
        known = window_of(document, row)
        if known:
            return document, known
        first = int(await self._take_ids(keys=[keys.CONTACT_IDS], args=[WINDOW_ROWS, EPOCH_SECONDS]))
        new = Window(row - row % WINDOW_ROWS, first, _now_us())
        stored = await self._change(import_id, lambda old: with_window(old, new))
        found = window_of(stored, row) if stored else None
        if stored is None or found is None:
            raise GoneError
        return stored, found


def _now_us() -> int:
    return time.time_ns() // 1_000
