"""Events of campaigns as they are described: what the API shows of one, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from services.contacts.shapes import Id, Said, Shown, SqlTime, Time

EventId = Annotated[int, Meta(ge=0, le=2_147_483_647, examples=[7])]
ShortText = Annotated[str, Meta(max_length=60)] | UnsetType
Moved = Annotated[int, Meta(ge=0, le=1, description="0: it is not in the future any more", examples=[1])]


class CampaignName(Shown):
    id: Id
    name: Annotated[str, Meta(examples=["Welcome"])]


class EventLog(Shown):
    """When it is to happen, or has happened."""

    log_id: Annotated[str, Meta(examples=["4711-7"])]
    event_id: EventId
    campaign_id: int | None
    date_triggered: Time
    event_name: Annotated[str, Meta(examples=["Send the offer"])]
    campaign_name: str
    metadata: dict[str, Any]
    type: Annotated[str | None, Meta(examples=["email.send"])]
    is_scheduled: bool
    trigger_date: Time
    channel: Annotated[str | None, Meta(examples=["email"])]
    channel_id: int | None
    fail_reason: str | None


class CampaignEvent(Shown):
    """What a campaign is to do with a contact, or has done."""

    id: EventId
    name: Annotated[str, Meta(examples=["Send the offer"])]
    type: Annotated[str | None, Meta(examples=["email.send"])]
    channel: Annotated[str | None, Meta(examples=["email"])]
    channel_id: int | None
    campaign: CampaignName | None
    contact_log: Annotated[list[EventLog], Meta(min_length=1, max_length=1)]


class EventChange(Said):
    """triggerDate or dateTriggered is needed."""

    name: Annotated[str, Meta(max_length=191, examples=["Send the offer"])] | UnsetType = UNSET
    trigger_date: (
        Annotated[str, Meta(description="When it is to happen", examples=["2026-01-31 12:00:00"])] | UnsetType
    ) = UNSET
    date_triggered: Annotated[str, Meta(description="When it has happened")] | UnsetType = UNSET
    is_scheduled: bool | UnsetType = UNSET
    campaign_id: EventId | UnsetType = UNSET
    type: ShortText = UNSET
    channel: ShortText = UNSET
    channel_id: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    fail_reason: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    metadata: Annotated[dict[str, Any], Meta(description="Up to 50 keys")] | UnsetType = UNSET


class EventItem(EventChange, kw_only=True):
    """An event of one contact in a batch."""

    event_id: EventId
    contact_id: Id


class NewDate(Said):
    date: Annotated[str, Meta(description="In UTC, not in the past", examples=["2026-01-31 12:00:00"])]


class Rescheduled(Shown):
    success: Moved
    date: SqlTime | None
    formatted_date: SqlTime | None


class Cancelled(Shown):
    success: Annotated[int, Meta(ge=0, le=1, description="0: it is done, or was cancelled before", examples=[1])]
