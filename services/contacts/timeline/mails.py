"""What a history tells of mails: when each was opened, and what became of one that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import msgspec

from services.common.clickhouse import ClickHouse
from services.common.clickthrough import MAIL_SOURCE
from services.common.event_types import EMAIL_FAILED, EMAIL_READ, EMAIL_REPLIED, EMAIL_SENT, MESSAGE_QUEUE
from services.contacts.mail.mailbook import messages_by_id
from services.contacts.mail.message import Message, message_object
from services.contacts.objects import Json, iso

MAX_OPENS = 1_000  # of one mail, as in the replaced product
MAIL_EVENTS = frozenset({EMAIL_SENT, EMAIL_READ, EMAIL_REPLIED, EMAIL_FAILED})

# Repeats of an event are equal in every column.
_OPENS = """
SELECT JSONExtractString(query, 'stat', 'source', 2) AS mail, toUnixTimestamp64Milli(time) AS time_ms, user_agent
FROM (
    SELECT time, event_id, user_agent, query FROM events
    WHERE contact_id IN {ids:Array(UInt64)} AND type = 'email.read' LIMIT 1 BY time, event_id
)
WHERE mail IN {mails:Array(String)}
ORDER BY time_ms LIMIT {most:UInt64} BY mail
"""


class Open(NamedTuple):
    time_ms: int
    user_agent: str


class Mail(NamedTuple):
    """A message, unless nothing is known of it any more, and when it was opened."""

    message: Message | None
    opens: list[Open]


async def load_mails(clickhouse: ClickHouse, ids: list[int], rows: Iterable[dict[str, Any]]) -> dict[str, Mail]:
    """The mails that these events are about, by their ids."""
    wanted = sorted({mail_id for row in rows if (mail_id := mail_id_of(row))})
    if not wanted:
        return {}
    messages, opens = await asyncio.gather(messages_by_id(clickhouse, ids, wanted), load_opens(clickhouse, ids, wanted))
    return {one: Mail(messages.get(one), opens.get(one, [])) for one in wanted if one in messages or one in opens}


async def load_opens(clickhouse: ClickHouse, ids: list[int], mails: Collection[str]) -> dict[str, list[Open]]:
    """When each of these mails of a contact was opened, by its id; those alone that were."""
    opens: dict[str, list[Open]] = {}
    parameters = {"ids": ids, "mails": list(mails), "most": MAX_OPENS}
    for mail, time_ms, user_agent in (await clickhouse.query(_OPENS, parameters=parameters)).result_rows:
        opens.setdefault(str(mail), []).append(Open(int(time_ms), str(user_agent)))
    return opens


def mail_id_of(row: dict[str, Any]) -> str:
    """Of our own mails; '' for other events, and for mails that somebody else has sent."""
    if row["type"] not in MAIL_EVENTS and row["type"] != MESSAGE_QUEUE:
        return ""
    try:
        said = msgspec.json.decode(row["query"] or "{}", type=_Told)
    except msgspec.MsgspecError:
        return ""
    if row["type"] == MESSAGE_QUEUE:
        return said.log.id
    source = said.stat.source
    if row["type"] == EMAIL_READ:
        return str(source[1]) if source[:1] == [MAIL_SOURCE] and len(source) > 1 else ""
    return str(said.stat.id)


def mail_details(row: dict[str, Any], told: Json, mail: Mail) -> Json:
    if row["type"] == MESSAGE_QUEUE:
        return {"log": message_object(mail.message)} if mail.message else told
    stat = told.get("stat")
    said = stat if isinstance(stat, dict) else {}
    return {**told, "stat": {**said, **_stat(row, mail)}, "type": row["type"].partition(".")[2]}


def mail_label(mail: Mail, contact_id: int) -> Json | None:
    message = mail.message
    if message is None:
        return None
    href = f"/api/emails/{message.email_id}" if message.email_id else f"/api/contacts/{contact_id}/messages"
    return {"label": message.name or f"Custom Email: {message.subject}", "href": href}


def _stat(row: dict[str, Any], mail: Mail) -> Json:
    message, first_ms = mail.message, mail.opens[0].time_ms if mail.opens else 0
    sent_us = message.sent_us if message else 0
    is_failed = row["type"] == EMAIL_FAILED
    opens = [{"datetime": iso(one.time_ms * 1_000), "useragent": one.user_agent, "inBrowser": False}
             for one in mail.opens]  # fmt: skip
    bounces = [{"datetime": iso(row["time_ms"] * 1_000), "reason": message.reason if message else ""}]
    read = {
        "dateRead": iso(first_ms * 1_000),
        "isRead": bool(first_ms),
        "isFailed": is_failed,
        "viewedInBrowser": False,
        "listName": None,
        "openDetails": {"bounces": bounces} if is_failed else opens,
        "timeToRead": _duration(first_ms // 1_000 - sent_us // 1_000_000) if first_ms and sent_us else False,
    }
    if message is None:
        return read
    return {
        **read,
        "id": message.id,
        "idHash": message.id,
        "dateSent": iso(sent_us),
        "subject": message.subject,
        "storedSubject": message.subject,
        "retryCount": max(0, message.attempts - 1),
        "emailId": message.email_id or None,
        "emailName": message.name or None,
    }


def _duration(seconds: int) -> str:
    """ISO 8601."""
    minutes, rest = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"P{days}DT{hours}H{minutes}M{rest}S"


class _Stat(msgspec.Struct):
    id: Any = ""
    source: list[Any] = []


class _Log(msgspec.Struct):
    id: str = ""


class _Told(msgspec.Struct):
    stat: _Stat = msgspec.field(default_factory=_Stat)
    log: _Log = msgspec.field(default_factory=_Log)
