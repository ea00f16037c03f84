"""Templates of mails over the API: the standard routes, with how many were sent and opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from services.common.clickhouse import ClickHouse
from services.common.documents import EMAIL, Email, decode_document
from services.common.envelope import NOT_FOUND, ApiError
from services.common.records import RecordStore, Ref
from services.common.settings import Settings
from services.contacts.mail.attachment_rules import AttachmentRules
from services.contacts.mail.email_resource import ASSETS, EMAILS, LISTS, MAX_ASSETS, read_ids
from services.contacts.mail.template_lists import check_lists, hidden_lists, with_seen_lists
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.records.api import RecordsApi
from services.contacts.records.record_body import RecordBody
from services.contacts.stores import Stores
from services.contacts.users.ownership import EDIT, VIEW, check_record

_COUNTS = """
SELECT email_id, uniqMerge(sent), uniqMerge(opened) FROM email_counts
WHERE email_id IN {ids:Array(UInt64)} GROUP BY email_id
"""


class EmailsApi(RecordsApi[Email]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics, settings: Settings) -> None:
        super().__init__(stores, user, metrics, EMAILS)
        self._attachments = AttachmentRules(stores.records, settings)

    async def _prepared(self, body: Json, record_id: str = "") -> Json:
        assets = read_ids(RecordBody(body), ASSETS, [], most=MAX_ASSETS)  # what cannot be read is refused later
        await self._attachments.check(assets)
        old = await self._writer.one(record_id) if record_id else None
        await self._check(EDIT, old)  # before it is told which segments are known
        await check_lists(self._stores.records, read_ids(RecordBody(body), LISTS, []), old.segments if old else [])
        return await super()._prepared(body, record_id)

    async def _reader(self, record_id: str, body: Json, /) -> Callable[[dict[str, Any], Email | None], Email]:
        """Segments that the caller may not know of stay, whatever the body says."""
        read_email = await super()._reader(record_id, body)
        stored = await self._writer.one(record_id) if record_id else None
        hidden = await hidden_lists(self._stores.records, stored.segments if stored else [])

        def read(body: dict[str, Any], old: Email | None) -> Email:
            email = read_email(body, old)
            return msgspec.structs.replace(email, segments=sorted(hidden.union(email.segments)))

        return read

    async def _completed(self, shown: Sequence[Json]) -> Sequence[Json]:
        return await with_seen_lists(self._stores.records, await with_counts(self._stores.clickhouse, shown))


async def open_template(records: RecordStore, email_id: str) -> Email:
    """Raises `ApiError` 404 for one that may not be sent now, 403 for one that the caller may not see."""
    record = await records.one(Ref(EMAIL, email_id)) if email_id.isdecimal() else None
    template = decode_document(record.data, Email) if record else None
    if template is None or not template.is_open(time.time_ns() // 1_000):
        raise ApiError(404, NOT_FOUND)
    check_record(EMAIL, VIEW, template)
    return template


async def with_counts(clickhouse: ClickHouse, emails: Sequence[Json]) -> list[Json]:
    """`sentCount` counts mails, `readCount` those of them that were opened."""
    if not emails:
        return []
    found = await clickhouse.query(_COUNTS, parameters={"ids": [int(email["id"]) for email in emails]})
    counts = {int(email_id): (int(sent), int(opened)) for email_id, sent, opened in found.result_rows}
    told = [(email, *counts.get(int(email["id"]), (0, 0))) for email in emails]
    return [{**email, "sentCount": sent, "readCount": opened} for email, sent, opened in told]
