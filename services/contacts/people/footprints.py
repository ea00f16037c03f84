"""What ClickHouse knows of contacts by their visits: first seen, last active, from which addresses and places, and by
which campaigns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from services.common.clickhouse import ClickHouse
from services.common.event_types import PAGE_LEAVE
from services.common.queries.contact_query import ADDRESS_KIND
from services.contacts.people.contact import Address, Footprint, UtmTags

IDS_AT_ONCE = 300  # they travel in the URL, which proxies and servers bound
SHOWN = 20  # addresses, and UTM tags, of one contact: the newest

# Of one contact there may be several rows.
_TIMES = """
SELECT contact_id, toUnixTimestamp64Milli(first_seen), toUnixTimestamp64Milli(last_active)
FROM activity WHERE contact_id IN {ids:Array(UInt64)}
"""
# What tells how long a page was looked at has the tags of its page view once more.
_TRACES = f"""
SELECT contact_id, kind, key, toUnixTimestamp64Milli(time), texts, latitude, longitude
FROM footprints FINAL PREWHERE contact_id IN {{ids:Array(UInt64)}}
WHERE kind = {ADDRESS_KIND} OR texts[1] != '{PAGE_LEAVE}'
ORDER BY time DESC, key LIMIT {SHOWN} BY contact_id, kind
"""


async def load_footprints(clickhouse: ClickHouse, ids: dict[int, list[int]]) -> dict[int, Footprint]:
    """For each contact id, with all the ids that it goes by."""
    footprints: dict[int, Footprint]
    footprints, traces = await asyncio.gather(load_times(clickhouse, ids), _rows(clickhouse, _TRACES, ids))
    _add(footprints, _survivors(ids), traces)
    return footprints


async def load_times(clickhouse: ClickHouse, ids: dict[int, list[int]]) -> dict[int, Footprint]:
    """The same without addresses and UTM tags."""
    survivors, footprints = _survivors(ids), dict.fromkeys(ids, Footprint())
    for contact_id, first_ms, last_ms in await _rows(clickhouse, _TIMES, ids):
        survivor = survivors[contact_id]
        footprints[survivor] = _seen(footprints[survivor], first_ms, last_ms)
    return footprints


def _survivors(ids: dict[int, list[int]]) -> dict[int, int]:
    return {one: contact_id for contact_id, every in ids.items() for one in every}


async def _rows(clickhouse: ClickHouse, sql: str, ids: dict[int, list[int]]) -> list[tuple[Any, ...]]:
    wanted, rows = list(_survivors(ids)), []
    for start in range(0, len(wanted), IDS_AT_ONCE):
        rows += (await clickhouse.query(sql, parameters={"ids": wanted[start : start + IDS_AT_ONCE]})).result_rows
    return rows


def _add(footprints: dict[int, Footprint], survivors: dict[int, int], traces: Iterable[tuple[Any, ...]]) -> None:
    addresses: list[Address] = []
    for contact_id, kind, key, seen_ms, texts, latitude, longitude in traces:
        if kind == ADDRESS_KIND:  # else UTM tags
            country, region, city, timezone, language = texts
            place = (country, region, city, timezone, language, latitude, longitude)
            addresses.append(Address(contact_id, key, seen_ms, *place))
        else:
            survivor = survivors[contact_id]
            footprints[survivor] = _tagged(footprints[survivor], UtmTags(contact_id, key, seen_ms, *texts))
    _add_addresses(footprints, survivors, addresses)


def _seen(footprint: Footprint, first_seen_ms: int, last_active_ms: int) -> Footprint:
    return footprint._replace(
        first_seen_ms=min(footprint.first_seen_ms or first_seen_ms, first_seen_ms),
        last_active_ms=max(footprint.last_active_ms, last_active_ms),
    )


def _tagged(footprint: Footprint, tags: UtmTags) -> Footprint:
    newest = sorted([*footprint.utm_tags, tags], key=lambda one: -one.time_ms)[:SHOWN]
    return footprint._replace(utm_tags=tuple(newest))


def _add_addresses(footprints: dict[int, Footprint], survivors: dict[int, int], addresses: Iterable[Address]) -> None:
    found: dict[int, dict[str, Address]] = {}
    for address in addresses:
        known = found.setdefault(survivors[address.contact_id], {})
        if address.ip not in known or known[address.ip].seen_ms < address.seen_ms:
            known[address.ip] = address
    for survivor, by_ip in found.items():
        every = [*footprints[survivor].addresses, *by_ip.values()]
        newest = {one.ip: one for one in sorted(every, key=lambda one: one.seen_ms)}
        ordered = sorted(newest.values(), key=lambda one: -one.seen_ms)[:SHOWN]
        footprints[survivor] = footprints[survivor]._replace(addresses=tuple(ordered))
