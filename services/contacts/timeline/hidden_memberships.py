"""What a history leaves out: that somebody came into a segment or campaign, or left it, that the caller may
not see. Pure."""

from __future__ import annotations

from services.common.documents import CAMPAIGN, SEGMENT
from services.common.event_types import CAMPAIGN_MEMBERSHIP, SEGMENT_MEMBERSHIP
from services.contacts.users.ownership import records_sql

_NAMED_IN = ((SEGMENT, SEGMENT_MEMBERSHIP, "segmentId"), (CAMPAIGN, CAMPAIGN_MEMBERSHIP, "campaignId"))
_NOT_HIDDEN = """(type != '{event}' OR JSONExtractUInt(query, '{key}') NOT IN (
    SELECT toUInt64OrZero(id) FROM records FINAL WHERE kind = '{kind}' AND NOT ({seen})
))"""


def told_sql() -> str:
    """Which rows of `events` are told, as a condition; '1' for all."""
    seen = [(kind, event, key, records_sql(kind)) for kind, event, key in _NAMED_IN]
    conditions = [
        _NOT_HIDDEN.format(kind=kind, event=event, key=key, seen=condition)
        for kind, event, key, condition in seen
        if condition
    ]
    return " AND ".join(conditions) or "1"
