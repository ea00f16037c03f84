"""A contact as it is described: what the API shows of one, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.common.contact_fields import TOLD_FIELDS
from services.common.operation import part_of
from services.contacts.shapes import (
    FieldGroups,
    GoneId,
    Id,
    Owner,
    Published,
    Ref,
    Said,
    Shown,
    Time,
)

Reason = Annotated[int, Meta(ge=1, le=3, description="1 unsubscribed, 2 bounced, 3 by hand", examples=[1])]


class IpDetails(Shown):
    """Where an address is, as far as it is known."""

    city: str
    region: str
    zipcode: str
    country: str
    latitude: float | str
    longitude: float | str
    isp: str
    organization: str
    timezone: str
    extra: str


class IpAddress(Shown):
    ip_address: Annotated[str, Meta(examples=["192.0.2.1"])]
    id: Id
    ip_details: IpDetails


class ContactTag(Shown):
    id: Id
    tag: Annotated[str, Meta(examples=["customer"])]
    description: str | None


class UtmTags(Shown):
    """The UTM tags of one visit, or of one call that recorded them."""

    id: Id
    query: Any
    referer: str | None
    remote_host: str | None
    url: str | None
    user_agent: str | None
    utm_campaign: Annotated[str | None, Meta(examples=["spring"])]
    utm_content: str | None
    utm_medium: Annotated[str | None, Meta(examples=["email"])]
    utm_source: Annotated[str | None, Meta(examples=["newsletter"])]
    utm_term: str | None


class ContactStage(Shown):
    id: Id
    name: Annotated[str, Meta(examples=["Trial"])]
    weight: int
    description: str | None
    category: Ref | None


class DoNotContact(Shown):
    """A channel by which the contact is not to be contacted."""

    id: Id
    reason: Reason
    comments: str
    channel: Annotated[str, Meta(examples=["email"])]
    channel_id: int | None


class Contact(Published):
    """A person or a visitor, known or anonymous."""

    id: GoneId
    points: int
    color: str | None
    fields: FieldGroups
    last_active: Time
    owner: Owner | None
    ip_addresses: list[IpAddress]
    tags: list[ContactTag]
    utmtags: list[UtmTags]
    stage: ContactStage | None
    date_identified: Time
    preferred_profile_image: Annotated[str, Meta(examples=["gravatar"])]
    do_not_contact: list[DoNotContact]
    frequency_rules: list[dict[str, Any]]


ContactPart = part_of(Contact)


class Refusal(Said):
    """By which channel the contact is not to be contacted; reason 0 takes it back."""

    channel: Annotated[str, Meta(pattern="^[A-Za-z][A-Za-z0-9_.-]{0,49}$", examples=["email"])] = "email"
    reason: Annotated[int, Meta(ge=0, le=3)] = 3
    comments: Annotated[str, Meta(max_length=4_096)] = ""


class _Actions(Said):
    tags: (
        Annotated[
            list[str] | str, Meta(description="Added; removed with a - before it", examples=[["customer", "-trial"]])
        ]
        | UnsetType
    ) = UNSET
    points: Annotated[int, Meta(description="Set to this number", ge=-2_000_000_000, le=2_000_000_000)] | UnsetType = (
        UNSET
    )
    owner: Annotated[int | None, Meta(description="The id of a user; null for nobody")] | UnsetType = UNSET
    is_published: Annotated[bool, Meta(description="false is refused", examples=[True])] | UnsetType = UNSET
    stage: Annotated[int | None, Meta(description="The id of a stage; null for none")] | UnsetType = UNSET
    companies: Annotated[list[Id], Meta(description="Replaces the whole set")] | UnsetType = UNSET
    do_not_contact: list[Refusal] | UnsetType = UNSET
    ip_address: Annotated[str, Meta(examples=["192.0.2.1"])] | UnsetType = UNSET
    last_active: Annotated[str, Meta(examples=["2026-01-31 12:00:00"])] | UnsetType = UNSET
    overwrite_with_blank: Annotated[bool, Meta(description="POST and PATCH: blanks count too")] | UnsetType = UNSET


_EXAMPLES = {"email": "ada@example.com", "firstname": "Ada", "lastname": "Lovelace", "company": "Analytical Engines"}
_Text = str | float | None | UnsetType


def _field(alias: str) -> Any:
    return Annotated[_Text, Meta(examples=[_EXAMPLES[alias]])] if alias in _EXAMPLES else _Text


ContactChange: Any = msgspec.defstruct(
    "ContactChange",
    [(alias, _field(alias), UNSET) for alias in TOLD_FIELDS],
    bases=(_Actions,),
    kw_only=True,
    namespace={
        "__doc__": "Every published field by its alias, also those that people made, and what is done to the contact."
    },
)
