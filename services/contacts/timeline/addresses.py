"""From which addresses a contact came: each an entry of its history, at its first hit."""

from __future__ import annotations

from services.common.clickhouse import ClickHouse
from services.common.event_types import IP_ADDED
from services.contacts.people.contact import Contact
from services.contacts.timeline.timeline_query import Moment, TimelineQuery

# A minimum of pairs takes twice as long. What another system reported of addresses are events of their own.
_FIRST_HITS = f"""
SELECT ip, toUnixTimestamp64Milli(min(time)), toString(argMin(event_id, time)) FROM events
WHERE contact_id IN {{ids:Array(UInt64)}} AND ip != '' AND type != '{IP_ADDED}'
GROUP BY ip ORDER BY min(time) LIMIT {{most:UInt64}}
"""
MOST = 10_000


async def load_addresses(clickhouse: ClickHouse, contact: Contact, query: TimelineQuery) -> list[Moment]:
    """Before the page and its total, which would otherwise both read them."""
    if IP_ADDED not in query.kinds or not contact.footprint.first_seen_ms:
        return []
    parameters = {"ids": contact.ids, "most": MOST}
    rows = (await clickhouse.query(_FIRST_HITS, parameters=parameters)).result_rows
    return [Moment(IP_ADDED, int(time_ms), str(ip), str(event_id)) for ip, time_ms, event_id in rows]
