"""What becomes of a message, told to ClickHouse: its row, and its events in the contact's history."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec

from services.common.clickhouse import ClickHouse, insert_rows
from services.common.event_types import EMAIL_FAILED, EMAIL_READ, EMAIL_REPLIED, EMAIL_SENT, MESSAGE_QUEUE
from services.common.tables import EVENTS, MESSAGES, ToldRow
from services.contacts.mail.delivery_rules import GONE
from services.contacts.mail.links import clickthrough_of
from services.contacts.mail.message import CANCELLED, FAILED, SENT, Message, decode_message, message_object, message_row
from services.contacts.mail.queue import Queued
from services.contacts.objects import iso
from services.contacts.timeline.changes import told_row

# Those that count for a frequency rule: what the contact has to get, whatever it wants, does not use it up.
_SENT = """
SELECT toUnixTimestamp64Milli(sent) FROM messages FINAL
WHERE contact_id IN {ids:Array(UInt64)} AND status = 'sent' AND is_transactional = 0
    AND sent >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
ORDER BY sent DESC LIMIT 10000
"""
_OF = """
SELECT data FROM messages FINAL WHERE contact_id IN {ids:Array(UInt64)}
ORDER BY added DESC, id LIMIT {limit:UInt64} OFFSET {start:UInt64}
"""
_COUNT = "SELECT count() FROM messages FINAL WHERE contact_id IN {ids:Array(UInt64)}"
_WAITING = """
SELECT data FROM messages FINAL
WHERE status IN ('pending', 'rescheduled') AND (contact_id, id) > ({contact:UInt64}, {id:String})
ORDER BY contact_id, id LIMIT {limit:UInt64}
"""
_WAITING_OF = """
SELECT id FROM messages FINAL WHERE contact_id IN {ids:Array(UInt64)} AND status IN ('pending', 'rescheduled')
"""
_BY_IDS = "SELECT data FROM messages FINAL WHERE contact_id IN {ids:Array(UInt64)} AND id IN {messages:Array(String)}"


async def note(clickhouse: ClickHouse, queued: Queued, contact_id: int = 0) -> None:
    """Stores the message as it is now. Done twice it changes nothing. `contact_id` is who it went to, if that is not
    whom it was queued for any more. Raises `ClickHouseError`."""
    message = queued.message
    # One after the other: whoever reads that it was sent finds it in the history.
    await insert_rows(clickhouse, EVENTS, events_of(message, contact_id or message.contact_id))
    await insert_rows(clickhouse, MESSAGES, [message_row(message, queued.version)])


async def note_rows(clickhouse: ClickHouse, many: Iterable[Queued]) -> None:
    """The same for many that have no events yet. Raises `ClickHouseError`."""
    await insert_rows(clickhouse, MESSAGES, [message_row(queued.message, queued.version) for queued in many])


async def sent_times_us(clickhouse: ClickHouse, ids: list[int], since_us: int) -> list[int]:
    """When a contact was sent mails that count, the newest first."""
    found = await clickhouse.query(_SENT, parameters={"ids": ids, "since": since_us // 1_000})
    return [int(sent_ms) * 1_000 for (sent_ms,) in found.result_rows]


async def messages_of(clickhouse: ClickHouse, ids: list[int], start: int, limit: int) -> tuple[int, list[Message]]:
    """How many a contact has, and a page of them, the newest first."""
    parameters = {"ids": ids, "start": start, "limit": limit}
    page, total = await asyncio.gather(
        clickhouse.query(_OF, parameters=parameters), clickhouse.query(_COUNT, parameters=parameters)
    )
    return int(total.result_rows[0][0]), [decode_message(data.encode()) for (data,) in page.result_rows]


async def messages_by_id(clickhouse: ClickHouse, ids: list[int], message_ids: list[str]) -> dict[str, Message]:
    """Those of a contact that there are."""
    found = await clickhouse.query(_BY_IDS, parameters={"ids": ids, "messages": message_ids})
    return {message.id: message for message in (decode_message(data.encode()) for (data,) in found.result_rows)}


async def waiting_of(clickhouse: ClickHouse, ids: list[int]) -> list[str]:
    """The ids of what still waits for these contacts."""
    found = await clickhouse.query(_WAITING_OF, parameters={"ids": ids})
    return [str(message_id) for (message_id,) in found.result_rows]


async def waiting_after(clickhouse: ClickHouse, last: Message | None, limit: int) -> list[Message]:
    """A page of all that are not done yet, in the order of contacts and ids."""
    parameters = {"contact": last.contact_id if last else 0, "id": last.id if last else "", "limit": limit}
    found = await clickhouse.query(_WAITING, parameters=parameters)
    return [decode_message(data.encode()) for (data,) in found.result_rows]


def events_of(message: Message, contact_id: int) -> list[ToldRow]:
    """The same message in the same state has the same events; who is not there any more has no history."""
    if message.reason == GONE:
        return []
    events = []
    if message.status == SENT:
        events.append(_event(message, contact_id, EMAIL_SENT, message.sent_us))
    if message.status == FAILED:
        events.append(_event(message, contact_id, EMAIL_FAILED, message.attempt_us or message.added_us))
    if message.is_held or message.status == CANCELLED:
        log = message_object(message)
        told = {"log": {name: log[name] for name in ("id", "channel", "channelId", "dateAdded", "scheduledDate")}}
        label = f"{message.name or message.subject} / email {message.email_id or ''}".rstrip()
        events.append(_row(message, contact_id, MESSAGE_QUEUE, message.added_us, label, told))
    return events


def reply_events(message: Message, now_us: int, *, is_opened: bool) -> list[ToldRow]:
    """Of a reply just now. Whoever replies has read the mail, even if no pixel says so."""
    replied = _event(message, message.contact_id, EMAIL_REPLIED, now_us)
    replied = msgspec.structs.replace(replied, event_id=str(uuid.uuid4()))
    if is_opened:
        return [replied]
    told = clickthrough_of(message.id, message.contact_id, message.email_id, 0).told()
    return [replied, _row(message, message.contact_id, EMAIL_READ, now_us, replied.title, told)]


def _event(message: Message, contact_id: int, kind: str, time_us: int) -> ToldRow:
    stat = {
        "id": message.id,
        "emailId": message.email_id or None,
        "emailName": message.name or None,
        "subject": message.subject,
        "dateSent": iso(message.sent_us),
        "retryCount": max(0, message.attempts - 1),
        "isFailed": kind == EMAIL_FAILED,
        "failReason": message.reason or None,
        "idHash": message.id,
    }
    label = message.name or f"Custom Email: {message.subject}"
    return _row(message, contact_id, kind, time_us, label, {"stat": stat, "type": kind.partition(".")[2]})


def _row(message: Message, contact_id: int, kind: str, time_us: int, label: str, told: dict[str, Any]) -> ToldRow:
    event_id = uuid.UUID(bytes=blake2b(f"{message.id}:{kind}".encode(), digest_size=16).digest())
    return told_row(str(event_id), contact_id, time_us, kind, label[:512], msgspec.json.encode(told).decode())
