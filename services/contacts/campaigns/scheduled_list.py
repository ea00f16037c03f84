"""The events of campaigns for a contact, as they are stored: for lists and for its history."""

from __future__ import annotations

from typing import NamedTuple

from services.common.clickhouse import ClickHouse
from services.common.documents import CAMPAIGN, ScheduledEvent, decode_document
from services.contacts.users.ownership import hidden_sql

MAX_EVENTS = 1_000  # of one contact; the newest records count
# Ids begin with the contact's, so this reads a range of the key for each of the contact's ids.
_OF = """
SELECT data FROM records FINAL WHERE kind = 'scheduledevent' AND ({ranges}) AND {told}
ORDER BY version DESC LIMIT {most}
"""
_NAMES = """
SELECT id, JSONExtractString(data, 'name') FROM records FINAL WHERE kind = 'campaign' AND id IN {ids:Array(String)}
"""


class OfCampaign(NamedTuple):
    event: ScheduledEvent
    campaign_name: str


async def load_scheduled(clickhouse: ClickHouse, ids: list[int]) -> list[OfCampaign]:
    """The soonest first, without those of campaigns that the caller may not see."""
    hidden = hidden_sql(CAMPAIGN)
    told = f"JSONExtractUInt(data, 'campaign_id') NOT IN ({hidden})" if hidden else "1"
    ranges = " OR ".join(f"(id >= '{one}-' AND id < '{one}.')" for one in ids)
    rows = (await clickhouse.query(_OF.format(ranges=ranges, told=told, most=MAX_EVENTS))).result_rows
    events = [decode_document(data.encode(), ScheduledEvent) for (data,) in rows]
    names = await _names(clickhouse, {event.campaign_id for event in events} - {0})
    found = [OfCampaign(event, names.get(event.campaign_id, "")) for event in events]
    return sorted(found, key=lambda one: (one.event.trigger_us, one.event.event_id))


async def _names(clickhouse: ClickHouse, campaign_ids: set[int]) -> dict[int, str]:
    if not campaign_ids:
        return {}
    rows = (await clickhouse.query(_NAMES, parameters={"ids": [str(one) for one in campaign_ids]})).result_rows
    return {int(one): str(name) for one, name in rows}
