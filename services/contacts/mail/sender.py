"""Who a mail is from when nobody says so: the user who sends it, else whom the installation sends mails as."""

from __future__ import annotations

from typing import NamedTuple

from services.common.settings import Settings
from services.contacts.mail.composing import read_sender


class Sender(NamedTuple):
    name: str
    address: str


async def sender_of(_user: str, settings: Settings) -> Sender:
    """The name and address of a user. Users have no address of their own yet: all send as the installation."""
    return installation_sender(settings)


def installation_sender(settings: Settings) -> Sender:
    return Sender(*read_sender(settings.mail_from))
