"""Templates and mails as they are described: what the API shows of them, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from services.common.operation import OneOf
from services.contacts.mail.message import CHANNEL
from services.contacts.records.record_shapes import LongText, Record
from services.contacts.shapes import Id, Nothing, OtherId, Ref, Said, Shown, Success, Time, User

Type = Literal["template", "list"]
Line = Annotated[str, Meta(max_length=191)] | UnsetType
Address = Annotated[str, Meta(max_length=191, examples=["news@shop.example"])] | UnsetType
Tokens = (
    Annotated[dict[str, str | float], Meta(description="What {name} in the text becomes", examples=[{"code": "X-7"}])]
    | UnsetType
)
Assets = Annotated[list[Id], Meta(max_length=10, description="Assets whose files go along", examples=[[]])] | UnsetType


class Email(Record):
    """A template of mails."""

    name: Annotated[str, Meta(examples=["Welcome"])]
    subject: Annotated[str, Meta(examples=["Welcome, {contactfield=firstname|you}"])]
    description: str | None
    language: Annotated[str, Meta(examples=["en"])]
    category: Ref | None
    from_address: Annotated[str | None, Meta(examples=["news@shop.example"])]
    from_name: str | None
    reply_to_address: str | None
    bcc_address: Nothing
    custom_html: Annotated[str, Meta(examples=["<p>Hello {contactfield=firstname|you}</p>"])]
    plain_text: str
    template: Nothing
    email_type: Annotated[Type, Meta(description="list: for the members of its segments", examples=["template"])]
    publish_up: Time
    publish_down: Time
    read_count: Annotated[int, Meta(description="Of the mails that were sent, those that were opened", examples=[3])]
    sent_count: Annotated[int, Meta(examples=[7])]
    revision: Annotated[int, Meta(description="Always 1", examples=[1])]
    asset_attachments: list[Id]
    lists: Annotated[list[Ref], Meta(description="Segments")]


class EmailChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Welcome"])] | UnsetType = UNSET
    subject: (
        Annotated[str, Meta(max_length=512, description="The name unless said", examples=["Welcome"])] | UnsetType
    ) = UNSET
    custom_html: (
        Annotated[str, Meta(max_length=524_288, examples=["<p>Hello {contactfield=firstname|you}</p>"])] | UnsetType
    ) = UNSET
    plain_text: Annotated[str, Meta(max_length=524_288)] | UnsetType = UNSET
    from_address: Address = UNSET
    from_name: Line = UNSET
    reply_to_address: Annotated[str, Meta(max_length=191)] | UnsetType = UNSET
    email_type: Type | UnsetType = UNSET
    lists: Annotated[list[Id], Meta(max_length=100, description="Segments, for emailType list")] | UnsetType = UNSET
    asset_attachments: Assets = UNSET
    language: Annotated[str, Meta(max_length=10)] | UnsetType = UNSET
    description: LongText = UNSET
    category: OtherId | UnsetType = UNSET
    publish_up: Annotated[str, Meta(description="When it may be sent from, in UTC")] | UnsetType = UNSET
    publish_down: Annotated[str, Meta(description="Until when it may be sent, in UTC")] | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class Message(Shown):
    """A mail to one contact, and what became of it."""

    id: Annotated[str, Meta(examples=["4711-0123456789abcdef0123456789abcdef"])]
    channel: Annotated[str, Meta(examples=[CHANNEL])]
    channel_id: Annotated[int | None, Meta(description="The template", examples=[4711])]
    contact_id: Id
    name: Annotated[str | None, Meta(description="That of the template", examples=["Welcome"])]
    subject: Annotated[str | None, Meta(description="null: that of the template")]
    status: Annotated[Literal["pending", "rescheduled", "sent", "failed", "cancelled"], Meta(examples=["pending"])]
    date_added: Time
    scheduled_date: Time
    rescheduled_date: Time
    last_attempt: Time
    attempts: Annotated[int, Meta(examples=[0])]
    date_sent: Time
    reason: Annotated[str | None, Meta(description="Why it was put off, has failed or was cancelled")]
    is_transactional: Annotated[bool, Meta(description="It is sent whatever the contact wants")]
    created_by_user: User


class TemplateSending(Said):
    tokens: Tokens = UNSET
    asset_attachments: Assets = UNSET
    transactional: Annotated[bool, Meta(description="true unless said: whatever the contact wants")] | UnsetType = UNSET


class TextSending(Said):
    subject: Annotated[str, Meta(max_length=512, examples=["Your offer"])] | UnsetType = UNSET
    body: (
        Annotated[str, Meta(max_length=131_072, description="HTML, or plain", examples=["<p>Here it is.</p>"])]
        | UnsetType
    ) = UNSET
    plain_text: Annotated[str, Meta(max_length=131_072)] | UnsetType = UNSET
    template: Annotated[OtherId, Meta(description="Says what the rest leaves open")] | UnsetType = UNSET
    from_address: Address = UNSET
    from_name: Line = UNSET
    reply_to: Annotated[str, Meta(max_length=191)] | UnsetType = UNSET
    tokens: Tokens = UNSET
    transactional: Annotated[bool, Meta(description="false unless said: as the contact wants it")] | UnsetType = UNSET


class Broadcast(Said):
    lists: (
        Annotated[list[Id], Meta(description="Segments: those of the template unless said", examples=[[4711]])]
        | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(ge=0, le=999_999_999, description="10,000 at most", examples=[100])] | UnsetType = UNSET
    asset_attachments: Assets = UNSET


class Sent(Shown):
    success: Annotated[bool, Meta(examples=[True])]


class NotSent(Shown):
    """It is not sent to this contact, who may not be mailed, or has no address."""

    success: Annotated[bool, Meta(examples=[False])]
    failed: Annotated[str, Meta(description="Why")]


class Queued(Sent):
    message: Message


class Cancelled(Shown):
    success: Annotated[int, Meta(ge=0, le=1, description="0: it was sent, or cancelled before", examples=[1])]
    message: Message


class BroadcastSent(Shown):
    success: Success
    sent_count: Annotated[int, Meta(description="How many were queued", examples=[100])]
    failed_recipients: Annotated[int, Meta(examples=[0])]


SENT = OneOf((Sent, NotSent))
