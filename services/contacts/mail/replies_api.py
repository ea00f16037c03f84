"""`POST /api/emails/reply/{hash}`: who reads the mailbox says that a contact has replied to a mail."""

from __future__ import annotations

import time
from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.audit import LEAD, note
from services.common.clickhouse import insert_rows
from services.common.envelope import NOT_FOUND, ApiError, json_response
from services.common.operation import Operation, Parameter, described
from services.common.tables import EVENTS
from services.contacts.mail.mailbook import messages_by_id, reply_events
from services.contacts.mail.message import SENT, Message, contact_of
from services.contacts.people.contact import Contact
from services.contacts.people.contact_reader import ContactReader
from services.contacts.shapes import Shown
from services.contacts.stores import Stores
from services.contacts.timeline.mails import load_opens


class Replied(Shown):
    success: Annotated[bool, Meta(examples=[True])]


REPLY = Operation(
    "Say that a contact has replied to a mail",
    Replied,
    (Parameter("hash", "The idHash of the mail", str, "4711-0123456789abcdef0123456789abcdef", "path"),),
    text="Each call is a reply of its own in the history. A mail that nobody had opened counts as opened then.",
    success={201: "Noted"},
    errors={404: "No such mail, or it was not sent"},
)


class RepliesApi:
    def __init__(self, stores: Stores) -> None:
        self._stores, self._reader = stores, ContactReader(stores)

    def routes(self) -> list[Route]:
        return [described("/api/emails/reply/{hash}", self.reply, post=REPLY)]

    async def reply(self, request: Request) -> Response:
        message_id = str(request.path_params["hash"])
        contact = await self._reader.find(contact_of(message_id))
        message = await self._sent(contact, message_id) if contact else None
        if contact is None or message is None:
            raise ApiError(404, NOT_FOUND)
        await self._stores.check_clickhouse()
        opens = await load_opens(self._stores.clickhouse, contact.ids, [message_id])
        events = reply_events(message, time.time_ns() // 1_000, is_opened=message_id in opens)
        await insert_rows(self._stores.clickhouse, EVENTS, events)
        note("reply", LEAD, contact.id, {"mail": [None, message_id]}, contact_id=contact.id)
        return json_response({"success": True}, 201)

    async def _sent(self, contact: Contact, message_id: str) -> Message | None:
        """None for a mail that is not there, or was not sent."""
        message = (await messages_by_id(self._stores.clickhouse, contact.ids, [message_id])).get(message_id)
        return message if message and message.status == SENT else None
