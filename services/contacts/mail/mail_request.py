"""What a request wants to be sent, read into a message. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

from services.common.documents import Email
from services.common.field_values import NOT_VALID, scalar_as_text
from services.common.mail_tokens import own_tokens
from services.contacts.mail.composing import MAX_SUBJECT
from services.contacts.mail.email_resource import ASSETS, MAX_ASSETS, address, line, long_text, read_ids
from services.contacts.mail.message import Message, new_message_id
from services.contacts.mail.sender import Sender
from services.contacts.records.record_body import RecordBody

MAX_OWN_TEXT = 131_072  # it waits in Redis
MAX_TOKENS = 200
MAX_TOKEN_LENGTH = 65_536
_TAG = re.compile(r"<[A-Za-z!/][^<>]*>")


class Order(NamedTuple):
    """Who asks for a mail to whom, and when (microseconds)."""

    contact_id: int
    user: str
    now_us: int


def of_template(order: Order, email_id: int, template: Email, said: Mapping[str, Any]) -> Message:
    """`tokens`, `transactional`, `assetAttachments`. Raises `ApiError` 400."""
    body = RecordBody(said)
    tokens, is_transactional = _tokens(body), body.flag("transactional", old=True)
    assets = read_ids(body, ASSETS, [], most=MAX_ASSETS)
    body.refuse_if_wrong()
    return _message(order, is_transactional, email_id=email_id, name=template.name, tokens=tokens, assets=assets)


def of_own_text(
    order: Order, said: Mapping[str, Any], sender: Sender, email_id: int, template: Email | None
) -> Message:
    """`subject`, `body` (HTML, or plain where it has no tags), and whom it is from. What it does not say is the
    template's. Raises `ApiError` 400."""
    body = RecordBody(said)
    html, text = (long_text(body, name, most=MAX_OWN_TEXT) for name in ("body", "plainText"))
    if html and not _TAG.search(html):
        html, text = f"<p>{escape(html).replace(chr(10), '<br>' + chr(10))}</p>", text or html
    if not html and not text and template is None:
        body.wrong.setdefault("body", ["This value should not be blank."])
    subject = line(body, "subject", most=MAX_SUBJECT, is_required=template is None)
    from_address, from_name = address(body, "fromAddress"), line(body, "fromName")
    reply_to = address(body, "replyToAddress" if body.has("replyToAddress") else "replyTo")
    tokens, is_transactional = _tokens(body), body.flag("transactional", old=False)
    body.refuse_if_wrong()
    return _message(
        order,
        is_transactional,
        email_id=email_id,
        name=template.name if template else "",
        subject=subject,
        html=html,
        text=text,
        tokens=tokens,
        from_address=from_address or sender.address,
        from_name=from_name or ("" if from_address else sender.name),
        reply_to=reply_to,
    )


def _message(order: Order, is_transactional: bool, **said: Any) -> Message:
    return Message(
        id=new_message_id(order.contact_id),
        contact_id=order.contact_id,
        added_us=order.now_us,
        due_us=order.now_us,
        added_by=order.user,
        is_transactional=is_transactional,
        **said,
    )


def _tokens(body: RecordBody) -> dict[str, str]:
    said = body.raw("tokens") or {}
    try:
        if not isinstance(said, dict) or len(said) > MAX_TOKENS:
            raise ValueError(NOT_VALID)
        tokens = {str(name)[:191]: scalar_as_text(value) for name, value in said.items()}
        if sum(map(len, tokens.values())) > MAX_TOKEN_LENGTH:
            raise ValueError(f"tokens: at most {MAX_TOKEN_LENGTH} characters.")
    except ValueError as error:
        body.wrong["tokens"] = [str(error)]
        return {}
    return own_tokens(tokens)
