"""One look at all events of a contact, before its history is read: from which addresses it came, each an entry of the
history at its first hit, and of which types there are none, so that nobody looks for them again."""

from __future__ import annotations

from typing import NamedTuple

from services.common.clickhouse import ClickHouse
from services.common.event_types import EMAIL_READ, IP_ADDED, PAGE_LEAVE
from services.contacts.people.contact import Contact
from services.contacts.timeline.timeline_query import Moment, TimelineQuery

# What another system reported of addresses are events of their own.
_SURVEY = f"""
SELECT ip, toUnixTimestamp64Milli(minIf(time, type != '{IP_ADDED}')) AS first_ms,
    countIf(type = '{EMAIL_READ}'), countIf(type = '{PAGE_LEAVE}')
FROM events WHERE contact_id IN {{ids:Array(UInt64)}}
GROUP BY ip ORDER BY first_ms LIMIT {{most:UInt64}}
"""
MOST = 10_000


class Survey(NamedTuple):
    """`addresses` are named by themselves."""

    addresses: list[Moment]
    has_opens: bool
    has_leaves: bool


UNKNOWN = Survey([], has_opens=True, has_leaves=True)


async def load_survey(clickhouse: ClickHouse, contact: Contact, query: TimelineQuery) -> Survey:
    """`UNKNOWN` where no addresses are asked for: the look takes longer than it then saves."""
    if not contact.footprint.first_seen_ms:
        return Survey([], has_opens=False, has_leaves=False)
    if IP_ADDED not in query.kinds:
        return UNKNOWN
    rows = (await clickhouse.query(_SURVEY, parameters={"ids": contact.ids, "most": MOST})).result_rows
    is_whole = len(rows) < MOST
    return Survey(
        [Moment(IP_ADDED, int(first_ms), str(ip), str(ip)) for ip, first_ms, *_ in rows if ip and first_ms],
        has_opens=not is_whole or any(opens for _, _, opens, _ in rows),
        has_leaves=not is_whole or any(leaves for *_, leaves in rows),
    )
