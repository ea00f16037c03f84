"""What ClickHouse knows of contacts by their visits: first seen, last active, from which addresses and places."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from services.common.clickhouse import ClickHouse
from services.contacts.contact import Address, Footprint, UtmTags

IDS_AT_ONCE = 300  # they travel in the URL, which proxies and servers bound
ADDRESSES = 20  # of one contact, the newest
UTM_TAGS = 20

_ACTIVITY = """
SELECT contact_id, toUnixTimestamp64Milli(min(first_seen)), toUnixTimestamp64Milli(max(activity.last_active))
FROM activity WHERE contact_id IN {ids:Array(UInt64)} GROUP BY contact_id
"""
_ADDRESSES = """
SELECT contact_id, ip, toUnixTimestamp64Milli(max(events.time)) AS seen, argMax(country, events.time),
    argMax(region, events.time), argMax(city, events.time), argMax(timezone, events.time),
    argMax(language, events.time), argMax(latitude, events.time), argMax(longitude, events.time)
FROM events WHERE contact_id IN {ids:Array(UInt64)} GROUP BY contact_id, ip
ORDER BY seen DESC, ip LIMIT {most:UInt64} BY contact_id
"""
# Repeats of an event are equal in every column, so that any of them will do.
_UTM = """
SELECT * FROM (
    SELECT contact_id, toString(event_id), toUnixTimestamp64Milli(time) AS seen, type, query, referrer, ip, url,
        user_agent, utm_campaign, utm_content, utm_medium, utm_source, utm_term
    FROM events
    WHERE contact_id IN {ids:Array(UInt64)}
        AND (utm_source != '' OR utm_medium != '' OR utm_campaign != '' OR utm_content != '' OR utm_term != '')
    LIMIT 1 BY contact_id, time, event_id
) ORDER BY seen DESC LIMIT {most:UInt64} BY contact_id
"""


async def load_footprints(clickhouse: ClickHouse, ids: dict[int, list[int]]) -> dict[int, Footprint]:
    """For each contact id, with all the ids that it goes by."""
    survivors = {one: contact_id for contact_id, every in ids.items() for one in every}
    wanted = list(survivors)
    chunks = [wanted[start : start + IDS_AT_ONCE] for start in range(0, len(wanted), IDS_AT_ONCE)]
    footprints = dict.fromkeys(ids, Footprint())
    for chunk in chunks:
        activity, addresses, utm_tags = await asyncio.gather(
            clickhouse.query(_ACTIVITY, parameters={"ids": chunk}),
            clickhouse.query(_ADDRESSES, parameters={"ids": chunk, "most": ADDRESSES}),
            clickhouse.query(_UTM, parameters={"ids": chunk, "most": UTM_TAGS}),
        )
        for contact_id, first_seen, last_active in activity.result_rows:
            survivor = survivors[contact_id]
            footprints[survivor] = _seen(footprints[survivor], first_seen, last_active)
        _add_addresses(footprints, survivors, (Address(*row) for row in addresses.result_rows))
        _add_utm_tags(footprints, survivors, (UtmTags(*row) for row in utm_tags.result_rows))
    return footprints


def _seen(footprint: Footprint, first_seen_ms: int, last_active_ms: int) -> Footprint:
    return footprint._replace(
        first_seen_ms=min(footprint.first_seen_ms or first_seen_ms, first_seen_ms),
        last_active_ms=max(footprint.last_active_ms, last_active_ms),
    )


def _add_addresses(footprints: dict[int, Footprint], survivors: dict[int, int], addresses: Iterable[Address]) -> None:
    found: dict[int, dict[str, Address]] = {}
    for address in addresses:
        known = found.setdefault(survivors[address.contact_id], {})
        if address.ip and (address.ip not in known or known[address.ip].seen_ms < address.seen_ms):
            known[address.ip] = address
    for survivor, by_ip in found.items():
        every = [*footprints[survivor].addresses, *by_ip.values()]
        newest = {one.ip: one for one in sorted(every, key=lambda one: one.seen_ms)}
        ordered = sorted(newest.values(), key=lambda one: -one.seen_ms)[:ADDRESSES]
        footprints[survivor] = footprints[survivor]._replace(addresses=tuple(ordered))


def _add_utm_tags(footprints: dict[int, Footprint], survivors: dict[int, int], found: Iterable[UtmTags]) -> None:
    for tags in found:
        footprint = footprints[survivors[tags.contact_id]]
        newest = sorted([*footprint.utm_tags, tags], key=lambda one: -one.time_ms)[:UTM_TAGS]
        footprints[survivors[tags.contact_id]] = footprint._replace(utm_tags=tuple(newest))
