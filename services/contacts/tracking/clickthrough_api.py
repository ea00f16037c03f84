"""`POST /api/clickthroughs/new`: a mailer has the `ct` of its links and the pixel of its mail signed here."""

from __future__ import annotations

import time
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.common.clickthrough import DEFAULT_DAYS, Clickthrough, Clickthroughs
from services.common.device import MAX_CONTACT_ID
from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.field_values import NOT_VALID
from services.common.operation import DescribedRoute, Operation, described
from services.contacts.objects import iso
from services.contacts.people.contact_reader import ContactReader
from services.contacts.records.record_body import RecordBody
from services.contacts.shapes import Id, Said, Shown, Time
from services.contacts.stores import Stores

MAX_DAYS = 1_095
MAX_CHANNELS = 10
MAX_ID = 2**53


class ClickthroughBody(Said):
    """For whom, and what the mail was."""

    contact: Id
    channel: Annotated[dict[str, int], Meta(max_length=MAX_CHANNELS, examples=[{"email": 9}])] | UnsetType = UNSET
    source: (
        Annotated[list[str | int], Meta(min_length=2, max_length=2, examples=[["campaign.event", 17]])] | UnsetType
    ) = UNSET
    days: Annotated[int, Meta(ge=1, le=MAX_DAYS)] = DEFAULT_DAYS


class Signed(Shown):
    contact: Id
    ct: Annotated[str, Meta(description="For the links of the mail")]
    pixel_path: Annotated[str, Meta(description="Below ingest's address", examples=["/email/....gif"])]
    expires: Time


NEW = Operation(
    "Sign the click-through of a mail's links and its pixel",
    {"clickthrough": Signed},
    body=ClickthroughBody,
    success={201: "Signed"},
    errors={404: "No such contact"},
)


class ClickthroughApi:
    def __init__(self, stores: Stores, secrets: tuple[str, ...]) -> None:
        self._reader = ContactReader(stores)
        self._clickthroughs = Clickthroughs(secrets)

    def routes(self) -> list[DescribedRoute]:
        return [described("/api/clickthroughs/new", self.new, post=NEW)]

    async def new(self, request: Request) -> Response:
        """For `contact`, an id; `channel` such as {"email": 9}, `source` such as ["campaign.event", 17], `days`."""
        body = RecordBody(await read_object(request))
        contact_id = _number(body, "contact", MAX_CONTACT_ID)
        days = _number(body, "days", MAX_DAYS) if body.has("days") else DEFAULT_DAYS
        channel, source = _channel(body), _source(body)
        body.refuse_if_wrong()
        contact = await self._reader.find(contact_id)
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        if contact.view is None:
            raise ApiError(400, "contact: nobody can write to an anonymous visitor.", {"contact": [NOT_VALID]})
        expires = round(time.time()) + days * 86_400
        token = self._clickthroughs.sign(Clickthrough(contact_id, expires, channel, source))
        made = {"ct": token, "pixelPath": f"/email/{token}.gif", "expires": iso(expires * 1_000_000)}
        return json_response({"clickthrough": {"contact": contact_id, **made}}, 201)


def _number(body: RecordBody, name: str, most: int) -> int:
    text = body.text(name, is_required=True)
    if text.isascii() and text.isdecimal() and 0 < int(text[:17]) <= most:
        return int(text)
    body.wrong.setdefault(name, [f"This value must be a whole number from 1 to {most}."])
    return 1


def _channel(body: RecordBody) -> dict[str, int]:
    said = body.raw("channel") or {}
    try:
        channel = {str(name)[:60]: int(item) for name, item in said.items()}
        if any(not 0 <= item <= MAX_ID for item in channel.values()):
            raise ValueError
    except (AttributeError, TypeError, ValueError, OverflowError):
        channel = {}
        body.wrong["channel"] = ['This value must be like {"email": 9}.']
    if len(channel) > MAX_CHANNELS:
        body.wrong["channel"] = [f"At most {MAX_CHANNELS} channels."]
    return channel


def _source(body: RecordBody) -> list[str | int]:
    said = body.raw("source") or []
    if not isinstance(said, list) or len(said) != 2 * bool(said) or not all(isinstance(one, str | int) for one in said):
        body.wrong["source"] = ['This value must be like ["campaign.event", 17].']
        return []
    return [one[:60] if isinstance(one, str) else max(0, min(one, MAX_ID)) for one in said]
