"""Writes one mail: its template, its tracked links and its tokens come together here."""

from __future__ import annotations

import time
from email.message import EmailMessage

import structlog

from services.common.clickthrough import DEFAULT_DAYS, UNSUBSCRIBE_SALT, VIEW_SALT, Clickthroughs
from services.common.documents import EMAIL, LINK, Email, Link, decode_document
from services.common.envelope import STORES_AWAY
from services.common.folding import fold
from services.common.mail_tokens import UNSUBSCRIBE_URL, WEBVIEW_URL, Fillings
from services.common.profile import Profile
from services.common.record_cache import RecordCache
from services.common.settings import Settings
from services.contacts.mail import links
from services.contacts.mail.attachments import Attachments, PlaceAwayError, UnattachableError
from services.contacts.mail.composing import AddressError, Letter, Tracking, attach, compose
from services.contacts.mail.message import Message
from services.contacts.mail.sender import installation_sender
from services.contacts.records.record_writer import RecordWriter
from services.contacts.stores import Stores

log = structlog.get_logger()


class UnwritableError(Exception):
    """This mail can never be written; the text says why."""


class Desk:
    def __init__(self, stores: Stores, settings: Settings) -> None:
        self.sender = installation_sender(settings)
        self._public_url = settings.public_url.rstrip("/")
        self._emails = RecordCache(stores.records, EMAIL, lambda data: decode_document(data, Email))
        self._links = RecordCache(stores.records, LINK, lambda data: decode_document(data, Link))
        self._attachments = Attachments(stores.records, settings)
        self._link_writer = RecordWriter(stores, LINK, Link, "mail")
        self._clickthroughs = Clickthroughs(settings.secret)
        self._views = Clickthroughs(settings.secret, salt=VIEW_SALT)
        self._unsubscribes = Clickthroughs(settings.secret, salt=UNSUBSCRIBE_SALT)

    async def write(self, message: Message, profile: Profile) -> tuple[EmailMessage, str]:
        """The mail, and the address that it goes to. Raises `UnwritableError`, `PlaceAwayError` where it may be written
        later, and what the stores raise."""
        try:
            return await self._write(message, profile)
        except (AddressError, UnattachableError, UnwritableError) as error:
            raise UnwritableError(str(error)) from error
        except (PlaceAwayError, *STORES_AWAY):
            raise
        except Exception as error:  # one mail that cannot be written must not keep all others from being sent
            log.error("mail_not_written", message=message.id, exc_info=error)
            raise UnwritableError(f"The mail cannot be written: {type(error).__name__}.") from error

    async def _write(self, message: Message, profile: Profile) -> tuple[EmailMessage, str]:
        view, now_us = fold(profile), time.time_ns() // 1_000
        template = await self._template(message)
        files = await self._attachments.read(dict.fromkeys([*template.assets, *message.assets]))
        letter = self._letter(message, template)
        token = self._token(message, profile.id, now_us)
        unsubscribe_url = self._unsubscribe_url(message, profile.id)
        tracking = Tracking(
            await self._tracked(letter.html, token),
            f"{self._public_url}/email/{token}.gif",
            "" if message.is_transactional else unsubscribe_url,
        )
        own_links = {UNSUBSCRIBE_URL: unsubscribe_url, WEBVIEW_URL: self._view_url(message, profile.id)}
        fillings = Fillings({**view.fields, "points": view.points}, message.tokens, own_links)
        mail = compose(letter, str(view.fields["email"]), fillings, tracking, message.id, now_us)
        attach(mail, files)
        return mail, str(mail["To"].addresses[0].addr_spec)

    async def _template(self, message: Message) -> Email:
        """An empty one for a text of its own."""
        if not message.email_id:
            return Email(name="", subject="")
        template = await self._emails.get(str(message.email_id))
        if template is None or not template.is_open(time.time_ns() // 1_000):
            raise UnwritableError("The template is not there, or not published, any more.")
        return template

    def _letter(self, message: Message, template: Email) -> Letter:
        is_own = bool(message.html or message.text)
        address = message.from_address or template.from_address
        return Letter(
            message.subject or template.subject,
            message.html if is_own else template.html,
            message.text if is_own else template.text,
            message.from_name or template.from_name or ("" if address else self.sender.name),
            address or self.sender.address,
            message.reply_to or template.reply_to,
        )

    async def _tracked(self, html: str, token: str) -> dict[str, str]:
        tracked = {}
        for url in links.tracked_urls(html):
            if not url.startswith(f"{self._public_url}/"):
                tracked[url] = f"{self._public_url}/r/{await self._link(url)}?ct={token}"
        return tracked

    async def _link(self, url: str) -> str:
        """The id of the link that leads there, which is made when it is not there."""
        link_id = links.link_id(url)
        if await self._links.get(link_id) is None:
            await self._link_writer.revive(link_id, Link(name=url[:191], url=url))
            self._links.forget(link_id)
        return link_id

    def _token(self, message: Message, contact_id: int, now_us: int) -> str:
        expires_s = now_us // 1_000_000 + DEFAULT_DAYS * 86_400
        return self._clickthroughs.sign(links.clickthrough_of(message.id, contact_id, message.email_id, expires_s))

    def _unsubscribe_url(self, message: Message, contact_id: int) -> str:
        said = links.clickthrough_of(message.id, contact_id, message.email_id, links.NEVER_S)
        return f"{self._public_url}/email/unsubscribe/{self._unsubscribes.sign(said)}"

    def _view_url(self, message: Message, contact_id: int) -> str:
        """None for what cannot be written again: a text of its own, or one with tokens of the request."""
        if not message.email_id or message.html or message.text or message.tokens:
            return ""
        said = links.clickthrough_of(message.id, contact_id, message.email_id, links.NEVER_S)
        return f"{self._public_url}/email/view/{self._views.sign(said)}"
