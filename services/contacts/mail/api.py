"""Mails to contacts over the API: sending a template or a text, and what is queued for a contact."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import author
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object
from services.common.operation import Operation, Parameter, described
from services.common.settings import Settings
from services.contacts.list_parameters import PAGE, read_page
from services.contacts.mail import mail_shapes, mailbook
from services.contacts.mail.attachment_rules import AttachmentRules
from services.contacts.mail.emails_api import open_template
from services.contacts.mail.mail_request import Order, of_own_text, of_template
from services.contacts.mail.message import DONE, Message, contact_of, message_object
from services.contacts.mail.office import MailOffice
from services.contacts.mail.queue import QueueFullError
from services.contacts.mail.sender import sender_of
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact import Contact
from services.contacts.people.contact_reader import ContactReader
from services.contacts.records.api import record_id_of
from services.contacts.stores import Stores

NO_SERVER = "Mails are not sent here: SPOOR_SMTP_URL says no server."

QUEUE_FULL = "Too many mails wait to be sent."
_ERRORS = {404: "No such template or contact", 409: "No mail server is set"}
SEND_TEMPLATE = Operation(
    "Send a template to a contact", mail_shapes.SENT, body=mail_shapes.TemplateSending, errors=_ERRORS
)
SEND_TEXT = Operation(
    "Send a mail to a contact",
    mail_shapes.Queued,
    body=mail_shapes.TextSending,
    text="subject and body are needed, unless a template has them.",
    success={201: "Queued", 200: "Not sent"},
    answers={200: mail_shapes.NotSent},
    errors=_ERRORS,
)
MESSAGES = Operation(
    "The mails to a contact, and what became of them", {"total": int, "messages": list[mail_shapes.Message]}, PAGE
)
CANCEL = Operation(
    "Cancel a mail that was not sent yet",
    mail_shapes.Cancelled,
    (Parameter("message", "Its id", str, "4711-0123456789abcdef0123456789abcdef", "path"),),
)


class MailApi:
    def __init__(self, stores: Stores, user: str, settings: Settings) -> None:
        self._stores, self._user, self._settings = stores, user, settings
        self._office = MailOffice(stores)
        self._reader, self._attachments = ContactReader(stores), AttachmentRules(stores.records, settings)

    def routes(self) -> list[Route]:
        path, old = "/api/emails/{id}/contact/{contact}/send", "/api/emails/{id}/send/contact/{contact}"
        return [
            described(path, self.send_template, post=SEND_TEMPLATE),
            described(old, self.send_template, post=SEND_TEMPLATE, old_name_of=path),
            described("/api/contacts/{id}/email", self.send_text, post=SEND_TEXT),
            described("/api/contacts/{id}/messages", self.messages, get=MESSAGES),
            described("/api/contacts/{id}/messages/{message}/cancel", self.cancel, post=CANCEL),
        ]

    async def send_template(self, request: Request) -> Response:
        """Whatever the contact wants, unless the body says that it is not `transactional`."""
        email_id, body = record_id_of(request), await read_object(request)
        template = await open_template(self._stores.records, email_id)
        contact = await self._find(request, "contact")
        self._check_server()
        message = of_template(self._order(contact), int(email_id), template, body)
        await self._attachments.check(template.assets, of_template=True)
        await self._attachments.check(message.assets)
        posted = await self._post(message)
        if posted.status in DONE:
            return json_response({"success": False, "failed": posted.reason})
        return json_response({"success": True})

    async def send_text(self, request: Request) -> Response:
        """`subject`, `body`, `fromName`, `fromAddress`, perhaps a `template`. What the contact wants is respected,
        unless the body says that it is `transactional`."""
        contact, body = await self._find(request), await read_object(request)
        said = str(body.get("template") or "")
        template = await open_template(self._stores.records, said) if said else None
        self._check_server()
        sender = await sender_of(self._stores.records, self._settings)
        posted = await self._post(of_own_text(self._order(contact), body, sender, int(said or 0), template))
        if posted.status in DONE:
            return json_response({"success": False, "failed": posted.reason})
        return json_response({"success": True, "message": message_object(posted)}, 201)

    async def messages(self, request: Request) -> Response:
        contact = await self._find(request)
        asked = read_page(query_of(request))
        total, found = await mailbook.messages_of(self._stores.clickhouse, contact.ids, asked.start, asked.limit)
        return json_response({"total": total, "messages": [message_object(message) for message in found]})

    async def cancel(self, request: Request) -> Response:
        """`success` is 0 for one that is sent, or being sent, or was cancelled before."""
        contact, message_id = await self._find(request), str(request.path_params["message"])
        found = await mailbook.messages_by_id(self._stores.clickhouse, contact.ids, [message_id])
        if contact_of(message_id) not in contact.ids or message_id not in found:
            raise ApiError(404, NOT_FOUND)
        cancelled = await self._office.cancel(message_id)
        shown = message_object(cancelled or found[message_id])
        return json_response({"success": int(cancelled is not None), "message": shown})

    async def _post(self, message: Message) -> Message:
        try:
            return await self._office.post(message)
        except QueueFullError:
            raise ApiError(503, QUEUE_FULL) from None

    def _order(self, contact: Contact) -> Order:
        return Order(contact.id, author(self._user), time.time_ns() // 1_000)

    async def _find(self, request: Request, name: str = "id") -> Contact:
        contact = await self._reader.find(contact_id_of(request, name))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact

    def _check_server(self) -> None:
        if not self._settings.smtp_url:
            raise ApiError(409, NO_SERVER, kind="mail_not_set_up")
