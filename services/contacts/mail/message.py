"""A mail on its way to one contact: what is kept of it while it waits, and what is told of it. Pure."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from services.common.tables import MessageRow
from services.contacts.objects import Json, iso

PENDING, RESCHEDULED = "pending", "rescheduled"
SENT, FAILED, CANCELLED = "sent", "failed", "cancelled"
DONE = frozenset({SENT, FAILED, CANCELLED})
CHANNEL = "email"


class Message(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Times are microseconds, 0 for never. `email_id` is the template, 0 for a text of its own."""

    id: str
    contact_id: int
    added_us: int
    due_us: int  # when it is to be sent, or tried again
    status: str = PENDING
    email_id: int = 0
    name: str = ""  # the template's, when it was queued
    subject: str = ""
    html: str = ""
    text: str = ""
    from_name: str = ""
    from_address: str = ""
    reply_to: str = ""
    tokens: dict[str, str] = {}
    assets: list[int] = []  # that are attached, beside the template's
    is_transactional: bool = False
    added_by: str = ""
    reason: str = ""  # why it was rescheduled, has failed or was cancelled
    attempts: int = 0
    attempt_us: int = 0  # the last one
    until_us: int = 0  # somebody is sending it, and is dead when this has passed
    sent_us: int = 0
    is_held: bool = False  # it had to wait: the history says so
    is_bounced: bool = False  # it has failed since there is no such mailbox

    def is_being_sent(self, now_us: int) -> bool:
        return self.until_us > now_us

    def is_done(self) -> bool:
        return self.status in DONE

    def with_status(self, status: str, reason: str = "", **news: Any) -> Message:
        """What is done keeps no text: nobody needs it any more."""
        if status in DONE:
            news = {"html": "", "text": "", "tokens": {}, "until_us": 0, **news}
        return msgspec.structs.replace(self, status=status, reason=reason[:500], **news)


def new_message_id(contact_id: int) -> str:
    """Whose it is stands before the dash, so that all of somebody's are found in the queue alone."""
    return f"{contact_id}-{uuid.uuid4().hex}"


def contact_of(message_id: str) -> int:
    """0 for what is no id of a message."""
    contact, _, rest = message_id.partition("-")
    return int(contact) if contact.isascii() and contact.isdecimal() and len(contact) <= 16 and rest else 0


def encode_message(message: Message) -> bytes:
    return msgspec.json.encode(message)


def decode_message(data: bytes) -> Message:
    return msgspec.json.decode(data, type=Message)


def message_row(message: Message, version: int) -> MessageRow:
    return MessageRow(
        message.contact_id,
        message.id,
        version,
        message.status,
        message.email_id,
        int(message.is_transactional),
        message.added_us // 1_000,
        message.sent_us // 1_000,
        encode_message(message).decode(),
    )


def message_object(message: Message) -> Json:
    """As the API and the history tell of it."""
    return {
        "id": message.id,
        "channel": CHANNEL,
        "channelId": message.email_id or None,
        "contactId": message.contact_id,
        "name": message.name or None,
        "subject": message.subject or None,
        "status": message.status,
        "dateAdded": iso(message.added_us),
        "scheduledDate": iso(message.added_us),
        "rescheduledDate": iso(message.due_us) if message.status == RESCHEDULED else None,
        "lastAttempt": iso(message.attempt_us),
        "attempts": message.attempts,
        "dateSent": iso(message.sent_us),
        "reason": message.reason or None,
        "isTransactional": message.is_transactional,
        "createdByUser": message.added_by or None,
    }
