"""Templates of mails as the API reads and writes them. Pure."""

from __future__ import annotations

from typing import Any

from services.common.documents import EMAIL, Email
from services.common.field_values import NOT_VALID, scalar_as_text
from services.contacts.mail import mail_shapes
from services.contacts.mail.composing import MAX_SUBJECT, AddressError, mail_address
from services.contacts.objects import Json, iso
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody

MAX_TEXT_LENGTH = 524_288
MAX_SEGMENTS, MAX_ASSETS = 100, 10
ASSETS, LISTS = "assetAttachments", "lists"
TYPES = ("template", "list")


def read_email(said: dict[str, Any], old: Email | None) -> Email:
    body = RecordBody(said)
    before = old or Email(name="", subject="")
    name = line(body, "name", before.name, most=191, is_required=True)
    email = Email(
        name=name,
        subject=line(body, "subject", before.subject or ("" if old else name), most=MAX_SUBJECT, is_required=True),
        from_address=address(body, "fromAddress", before.from_address),
        from_name=line(body, "fromName", before.from_name),
        reply_to=address(body, "replyToAddress", before.reply_to),
        html=long_text(body, "customHtml", before.html),
        text=long_text(body, "plainText", before.text),
        type=body.choice("emailType", TYPES, before.type),
        language=body.text("language", before.language, most=10) or "en",
        description=body.text("description", before.description, most=MAX_LONG_TEXT),
        category_id=body.reference("category", before.category_id),
        segments=read_ids(body, LISTS, before.segments),
        assets=read_ids(body, ASSETS, before.assets, most=MAX_ASSETS),
        publish_up_us=body.time_us("publishUp", before.publish_up_us),
        publish_down_us=body.time_us("publishDown", before.publish_down_us),
        is_published=body.flag("isPublished", old=before.is_published),
    )
    body.check()
    return email


def show_email(_: str, email: Email) -> Json:
    """Without the counts: `with_counts` has them."""
    return {
        "name": email.name,
        "subject": email.subject,
        "description": email.description or None,
        "language": email.language,
        "category": {"id": email.category_id} if email.category_id else None,
        "fromAddress": email.from_address or None,
        "fromName": email.from_name or None,
        "replyToAddress": email.reply_to or None,
        "bccAddress": None,
        "customHtml": email.html,
        "plainText": email.text,
        "template": None,
        "emailType": email.type,
        "publishUp": iso(email.publish_up_us),
        "publishDown": iso(email.publish_down_us),
        "readCount": 0,
        "sentCount": 0,
        "revision": 1,
        ASSETS: [{"id": asset_id} for asset_id in email.assets],
        LISTS: [{"id": segment_id} for segment_id in email.segments],
    }


def line(body: RecordBody, name: str, old: str = "", *, most: int = 191, is_required: bool = False) -> str:
    """What goes into a header: one line."""
    said = body.text(name, old, most=most, is_required=is_required)
    if not said.isprintable() or (body.has(name) and not _raw_line(body.raw(name))):
        body.wrong[name] = ["This value must be one line."]
    return said


def address(body: RecordBody, name: str, old: str = "") -> str:
    said = line(body, name, old)
    if said and name not in body.wrong:
        try:
            mail_address(said)
        except AddressError:
            body.wrong[name] = ["This value is not a valid email address."]
    return said


def long_text(body: RecordBody, name: str, old: str = "", *, most: int = MAX_TEXT_LENGTH) -> str:
    """As it was sent, white space and all."""
    if not body.has(name):
        return old
    try:
        said = scalar_as_text(body.raw(name)).replace("\0", "")
        said.encode()
    except (ValueError, UnicodeError):
        body.wrong[name] = [NOT_VALID]
        return ""
    if len(said) > most:
        body.wrong[name] = [f"This value is too long. It should have {most} characters or less."]
    return said


def _raw_line(said: Any) -> bool:
    """New lines are refused, not taken out: whoever sends them is up to something, or has mixed something up."""
    return not isinstance(said, str) or said.strip().isprintable()


def read_ids(body: RecordBody, name: str, old: list[int], *, most: int = MAX_SEGMENTS) -> list[int]:
    said = body.raw(name)
    if said is None:
        return old
    many = list(said.values()) if isinstance(said, dict) and "id" not in said else said
    many = many if isinstance(many, list) else [many]
    texts = [str(one.get("id", "") if isinstance(one, dict) else one).strip() for one in many]
    if len(texts) > most or not all(t.isascii() and t.isdecimal() and len(t) <= 16 for t in texts if t):
        body.wrong[name] = [f"This value must be a list of ids, at most {most}."]
        return []
    return sorted({int(text) for text in texts if text})


EMAILS = Resource(
    EMAIL,
    "email",
    "emails",
    Email,
    read_email,
    show_email,
    shown=mail_shapes.Email,
    said=mail_shapes.EmailChange,
    needs=("name",),
)
