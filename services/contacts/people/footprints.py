"""What ClickHouse knows of contacts by their visits: first seen, last active, from which addresses and places, and by
which campaigns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.common.clickhouse import ClickHouse
from services.contacts.people.contact import Address, Footprint, UtmTags

IDS_AT_ONCE = 300  # they travel in the URL, which proxies and servers bound
ADDRESSES = 20  # of one contact, the newest
UTM_TAGS = 20

ACTIVITY, ADDRESS, UTM = 1, 2, 3
# One statement, since each costs more than what it reads. Repeats of an event are equal in every column, so that any of
# them will do.
_SQL = f"""
SELECT {ACTIVITY} AS kind, contact_id, toUnixTimestamp64Milli(min(first_seen)) AS first_ms,
    toUnixTimestamp64Milli(max(activity.last_active)) AS last_ms, emptyArrayString() AS texts,
    toFloat32(0) AS lat, toFloat32(0) AS lon
FROM activity WHERE contact_id IN {{ids:Array(UInt64)}} GROUP BY contact_id
UNION ALL
SELECT {ADDRESS}, contact_id, toInt64(0), toUnixTimestamp64Milli(max(events.time)) AS seen,
    [ip, argMax(country, events.time), argMax(region, events.time), argMax(city, events.time),
        argMax(timezone, events.time), argMax(language, events.time)],
    argMax(latitude, events.time), argMax(longitude, events.time)
FROM events WHERE contact_id IN {{ids:Array(UInt64)}} GROUP BY contact_id, ip
ORDER BY seen DESC, ip LIMIT {ADDRESSES} BY contact_id
UNION ALL
SELECT {UTM}, contact_id, toInt64(0), seen, texts, toFloat32(0), toFloat32(0) FROM (
    SELECT contact_id, toUnixTimestamp64Milli(time) AS seen, [toString(event_id), toString(type), query, referrer, ip,
        url, user_agent, utm_campaign, utm_content, utm_medium, utm_source, utm_term] AS texts
    FROM events
    WHERE contact_id IN {{ids:Array(UInt64)}}
        AND (utm_source != '' OR utm_medium != '' OR utm_campaign != '' OR utm_content != '' OR utm_term != '')
    LIMIT 1 BY contact_id, time, event_id
) ORDER BY seen DESC LIMIT {UTM_TAGS} BY contact_id
"""


async def load_footprints(clickhouse: ClickHouse, ids: dict[int, list[int]]) -> dict[int, Footprint]:
    """For each contact id, with all the ids that it goes by."""
    survivors = {one: contact_id for contact_id, every in ids.items() for one in every}
    wanted = list(survivors)
    chunks = [wanted[start : start + IDS_AT_ONCE] for start in range(0, len(wanted), IDS_AT_ONCE)]
    footprints = dict.fromkeys(ids, Footprint())
    for chunk in chunks:
        rows = (await clickhouse.query(_SQL, parameters={"ids": chunk})).result_rows
        _add(footprints, survivors, rows)
    return footprints


def _add(footprints: dict[int, Footprint], survivors: dict[int, int], rows: Iterable[tuple[Any, ...]]) -> None:
    addresses: list[Address] = []
    for kind, contact_id, first_ms, last_ms, texts, latitude, longitude in rows:
        survivor = survivors[contact_id]
        if kind == ACTIVITY:
            footprints[survivor] = _seen(footprints[survivor], first_ms, last_ms)
        elif kind == ADDRESS:
            ip, country, region, city, timezone, language = texts
            place = (country, region, city, timezone, language, latitude, longitude)
            addresses.append(Address(contact_id, ip, last_ms, *place))
        else:
            footprints[survivor] = _tagged(footprints[survivor], UtmTags(contact_id, texts[0], last_ms, *texts[1:]))
    _add_addresses(footprints, survivors, addresses)


def _seen(footprint: Footprint, first_seen_ms: int, last_active_ms: int) -> Footprint:
    return footprint._replace(
        first_seen_ms=min(footprint.first_seen_ms or first_seen_ms, first_seen_ms),
        last_active_ms=max(footprint.last_active_ms, last_active_ms),
    )


def _tagged(footprint: Footprint, tags: UtmTags) -> Footprint:
    newest = sorted([*footprint.utm_tags, tags], key=lambda one: -one.time_ms)[:UTM_TAGS]
    return footprint._replace(utm_tags=tuple(newest))


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
