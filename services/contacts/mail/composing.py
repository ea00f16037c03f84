"""A mail as it goes out: its texts filled in for one contact, its links tracked, its headers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import NamedTuple

from services.common.mail_tokens import Fillings, fill_html, fill_line, fill_text, one_line
from services.common.values import normalise_email
from services.contacts.mail import links

MAX_SUBJECT = 512
_POLICY = SMTP.clone(utf8=True, cte_type="8bit")


class AddressError(ValueError):
    """Nobody can be written to at this address."""


class Letter(NamedTuple):
    """What is written, with its tokens; names and addresses of whom it is from."""

    subject: str
    html: str
    text: str
    from_name: str
    from_address: str
    reply_to: str = ""


class Attachment(NamedTuple):
    """A file; `kind` is its type."""

    name: str
    kind: str
    data: bytes


class Tracking(NamedTuple):
    """`links` leads from an address to its tracked one; empty texts leave their part out."""

    links: Mapping[str, str]
    pixel_url: str
    unsubscribe_url: str  # of the header; a transactional mail has none


def compose(
    letter: Letter, to: str, fillings: Fillings, tracking: Tracking, message_id: str, now_us: int
) -> EmailMessage:
    """Raises `AddressError`. The same message has the same Message-ID: who gets it twice can tell."""
    sender = mail_address(letter.from_address, letter.from_name)
    mail = EmailMessage(_POLICY)
    mail["Subject"] = fill_line(letter.subject, fillings)[:MAX_SUBJECT]
    mail["From"] = sender
    mail["To"] = mail_address(to)
    if letter.reply_to:
        mail["Reply-To"] = mail_address(letter.reply_to)
    mail["Date"] = format_datetime(datetime.fromtimestamp(now_us // 1_000_000, UTC))
    mail["Message-ID"] = f"<{message_id}@{sender.domain}>"
    if tracking.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{tracking.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    text = fill_text(letter.text or links.text_of_html(letter.html), fillings)
    mail.set_content(text + "\n")
    if letter.html:
        html = fill_html(links.with_tracked_links(letter.html, tracking.links), fillings)
        if tracking.pixel_url:
            html = links.with_pixel(html, tracking.pixel_url)
        mail.add_alternative(html, subtype="html")
    return mail


def attach(mail: EmailMessage, files: Iterable[Attachment]) -> None:
    for file in files:
        kind, _, subkind = file.kind.partition("/")
        mail.add_attachment(file.data, kind, subkind, filename=file.name)


def mail_address(text: str, name: str = "") -> Address:
    """The domain in letters that every server knows. Raises `AddressError`."""
    address = normalise_email(text)
    if address is None or not address.isprintable():
        raise AddressError("This is no address that can be written to.")
    local, _, domain = text.strip().rpartition("@")
    try:
        return Address(one_line(name), local, domain.encode("idna").decode("ascii").lower())
    except (UnicodeError, ValueError) as error:
        raise AddressError("This is no address that can be written to.") from error


def read_sender(text: str) -> tuple[str, str]:
    """Name and address of `Shop <shop@example.com>`."""
    name, address = parseaddr(text)
    return name, address or text.strip()
