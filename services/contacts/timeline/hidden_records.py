"""What a history leaves out: what tells of a segment or campaign that the caller may not see, be it that somebody came
into it or left it, or what it did with somebody. Pure."""

from __future__ import annotations

from services.common.documents import CAMPAIGN, SEGMENT
from services.common.event_types import (
    CAMPAIGN_EVENT,
    CAMPAIGN_EVENT_SCHEDULED,
    CAMPAIGN_MEMBERSHIP,
    SEGMENT_MEMBERSHIP,
)
from services.contacts.users.ownership import hidden_sql

_NAMED_IN = (
    (SEGMENT, SEGMENT_MEMBERSHIP, "'segmentId'"),
    (CAMPAIGN, CAMPAIGN_MEMBERSHIP, "'campaignId'"),
    (CAMPAIGN, CAMPAIGN_EVENT, "'log', 'campaignId'"),
    (CAMPAIGN, CAMPAIGN_EVENT_SCHEDULED, "'log', 'campaignId'"),
)
# Ids are in what the event tells, as texts or as numbers.
_NOT_HIDDEN = """(type != '{event}'
    OR toUInt64OrZero(replaceAll(JSONExtractRaw(query, {key}), '"', '')) NOT IN ({hidden}))"""


def told_sql() -> str:
    """Which rows of `events` are told, as a condition; '1' for all."""
    hidden = [(event, key, hidden_sql(kind)) for kind, event, key in _NAMED_IN]
    return (
        " AND ".join(_NOT_HIDDEN.format(event=event, key=key, hidden=ids) for event, key, ids in hidden if ids) or "1"
    )
