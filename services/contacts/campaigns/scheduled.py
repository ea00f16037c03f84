"""An event of a campaign for one contact, scheduled or done: read, moved, cancelled and shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from services.common.documents import ScheduledEvent
from services.common.field_values import NOT_VALID
from services.contacts.objects import Json, iso, sql_time
from services.contacts.records.record_body import RecordBody

MAX_METADATA = 50


def record_id(contact_id: int, event_id: int) -> str:
    """All of a contact's are found by their beginning."""
    return f"{contact_id}-{event_id}"


def read_scheduled(
    said: Mapping[str, Any], contact_id: int, event_id: int, campaign_id: int, old: ScheduledEvent | None
) -> ScheduledEvent:
    """`triggerDate` schedules it, `dateTriggered` says that it is done. Raises `InvalidChangeError`."""
    body = RecordBody(said)
    before = old or ScheduledEvent(contact_id=contact_id, event_id=event_id)
    triggered_us = body.time_us("dateTriggered", before.triggered_us)
    trigger_us = body.time_us("triggerDate", before.trigger_us)
    metadata = body.raw("metadata")
    if metadata is not None and (not isinstance(metadata, dict) or len(metadata) > MAX_METADATA):
        body.wrong["metadata"] = [NOT_VALID]
    if not triggered_us and not trigger_us:
        body.wrong.setdefault("triggerDate", ["triggerDate or dateTriggered is needed."])
    is_scheduled = body.flag("isScheduled", old=before.is_scheduled or old is None or body.has("triggerDate"))
    event = ScheduledEvent(
        contact_id=before.contact_id,
        event_id=event_id,
        campaign_id=campaign_id or body.reference("campaign", before.campaign_id),
        name=body.text("name", before.name) or f"Event {event_id}",
        type=body.text("type", before.type, most=60),
        channel=body.text("channel", before.channel, most=60),
        channel_id=body.reference("channelId", before.channel_id),
        trigger_us=trigger_us,
        triggered_us=triggered_us,
        is_scheduled=is_scheduled and not triggered_us,
        error=body.text("failReason", before.error, most=500),
        metadata=metadata if isinstance(metadata, dict) else before.metadata,
    )
    body.check()
    return event


def rescheduled(event: ScheduledEvent, trigger_us: int, now_us: int) -> ScheduledEvent | None:
    """None when it is not in the future any more, or would not be."""
    if not event.is_scheduled or event.trigger_us < now_us or trigger_us < now_us:
        return None
    return msgspec.structs.replace(event, trigger_us=trigger_us)


def cancelled(event: ScheduledEvent, now_us: int) -> ScheduledEvent | None:
    """None when it is done, or was cancelled before."""
    if not event.is_scheduled:
        return None
    metadata = {**event.metadata, "errors": f"cancelled at {sql_time(now_us)}"}
    return msgspec.structs.replace(event, is_scheduled=False, metadata=metadata)


def scheduled_object(event: ScheduledEvent, campaign_name: str) -> Json:
    """`contactLog` is as the history shows it."""
    return {
        "id": event.event_id,
        "name": event.name,
        "type": event.type or None,
        "channel": event.channel or None,
        "channelId": event.channel_id or None,
        "campaign": {"id": event.campaign_id, "name": campaign_name} if event.campaign_id else None,
        "contactLog": [log_object(event, campaign_name)],
    }


def log_object(event: ScheduledEvent, campaign_name: str) -> Json:
    return {
        "logId": record_id(event.contact_id, event.event_id),
        "eventId": event.event_id,
        "campaignId": event.campaign_id or None,
        "dateTriggered": iso(event.triggered_us),
        "eventName": event.name,
        "campaignName": campaign_name,
        "metadata": event.metadata,
        "type": event.type or None,
        "isScheduled": event.is_scheduled,
        "triggerDate": iso(event.trigger_us),
        "channel": event.channel or None,
        "channelId": event.channel_id or None,
        "failReason": event.error or None,
    }


def shown_us(event: ScheduledEvent) -> int:
    """When the history shows it: one that was cancelled, when it would have been."""
    return event.triggered_us or event.trigger_us
