"""Removes what nobody needs any more: files of imports that nobody goes on with, failed rows, files of no import."""

from __future__ import annotations

import time

from services.common.background import Duty
from services.common.documents import decode_document
from services.contacts.imports.document import IMPORT, OVER, UNDER_WAY, Import, Status, ended
from services.contacts.imports.failures import remove_failures
from services.contacts.imports.file_store import remove_file
from services.contacts.records.record_writer import RecordWriter
from services.contacts.stores import Stores

EVERY_SECONDS = 3_600.0
DAY_US = 86_400 * 1_000_000
_OLD = """
SELECT id, data FROM records FINAL
WHERE kind = 'import' AND is_deleted = 0
    AND greatest(JSONExtractInt(data, 'added_us'), JSONExtractInt(data, 'modified_us')) < {before:Int64}
"""
# An upload that broke off with its process, or an import that did at its very end.
_STRAY = """
SELECT DISTINCT file FROM import_files
WHERE stored_at < now() - INTERVAL 1 DAY
    AND file NOT IN (
        SELECT JSONExtractString(data, 'file') FROM records FINAL
        WHERE kind = 'import' AND JSONExtractString(data, 'status') NOT IN ('imported', 'cancelled')
    )
"""


class ImportExpiry:
    def __init__(self, stores: Stores, days: float, user: str) -> None:
        self._stores, self._days = stores, days
        self._documents = RecordWriter(stores, IMPORT, Import, user)

    def duty(self) -> Duty:
        return Duty("import-expiry", EVERY_SECONDS, self.work)

    async def work(self) -> None:
        clickhouse = self._stores.clickhouse
        for (file,) in (await clickhouse.query(_STRAY)).result_rows:
            await remove_file(clickhouse, str(file))
        if self._days:
            before = time.time_ns() // 1_000 - int(self._days * DAY_US)
            for import_id, data in (await clickhouse.query(_OLD, parameters={"before": before})).result_rows:
                await self._expire(str(import_id), decode_document(data.encode(), Import))

    async def _expire(self, import_id: str, document: Import) -> None:
        if document.status in UNDER_WAY:
            return
        if document.status not in OVER:
            text = f"Nobody went on with it for {self._days:g} days."
            now_us = time.time_ns() // 1_000
            changed = await self._documents.change(import_id, lambda old: ended(old, Status.CANCELLED, now_us, text))
            if changed is None or changed.status not in OVER:
                return
        await remove_file(self._stores.clickhouse, document.file)
        await remove_failures(self._stores.clickhouse, int(import_id))
