"""Who a mail is from when nobody says so: the user who sends it, else whom the installation sends mails as."""

from __future__ import annotations

from typing import NamedTuple

from services.common.caller import author_id
from services.common.documents import USER, User, decode_document
from services.common.records import RecordStore, Ref
from services.common.settings import Settings
from services.contacts.mail.composing import read_sender


class Sender(NamedTuple):
    name: str
    address: str


async def sender_of(records: RecordStore, settings: Settings) -> Sender:
    """Whoever makes the request, where they are a user with an address."""
    record = await records.one(Ref(USER, str(author_id()))) if author_id() else None
    user = decode_document(record.data, User) if record else None
    if user is None or not user.email:
        return installation_sender(settings)
    return Sender(f"{user.first_name} {user.last_name}".strip(), user.email)


def installation_sender(settings: Settings) -> Sender:
    return Sender(*read_sender(settings.mail_from))
