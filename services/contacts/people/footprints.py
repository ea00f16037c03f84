"""What ClickHouse knows of contacts by their visits: first seen, last active, from which addresses and places, and by
which campaigns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.common.clickhouse import ClickHouse
from services.common.event_types import PAGE_LEAVE
from services.common.queries.contact_query import ADDRESS_KIND
from services.contacts.people.contact import Address, Footprint, UtmTags

IDS_AT_ONCE = 300  # they travel in the URL, which proxies and servers bound
IPS_AT_ONCE = 100
SHOWN = 20  # addresses, and UTM tags, of a contact in a list: the newest
SHOWN_OF_ONE = 1_000  # of one that is asked for alone

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
ORDER BY time DESC, key LIMIT {{most:UInt16}} BY contact_id, kind
"""


_PLACES = f"""
SELECT contact_id, kind, key, toUnixTimestamp64Milli(time), texts, latitude, longitude
FROM footprints FINAL PREWHERE contact_id IN {{ids:Array(UInt64)}} AND kind = {ADDRESS_KIND}
WHERE key IN {{ips:Array(String)}}
"""


async def load_places(clickhouse: ClickHouse, ids: Sequence[int], ips: Sequence[str]) -> dict[str, Address]:
    """These addresses of a contact that goes by these ids, as they were seen last."""
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(ips), IPS_AT_ONCE):
        parameters = {"ids": ids, "ips": ips[start : start + IPS_AT_ONCE]}
        found += (await clickhouse.query(_PLACES, parameters=parameters)).result_rows
    traces = _traces(dict.fromkeys(ids, 0), found)
    return {address.ip: address for address in _newest_addresses(traces[0].addresses)} if traces else {}


async def load_footprints(clickhouse: ClickHouse, ids: dict[int, list[int]], most: int = SHOWN) -> dict[int, Footprint]:
    """For each contact id, with all the ids that it goes by; at most so many addresses, and UTM tags, of each."""
    footprints, rows = await asyncio.gather(
        load_times(clickhouse, ids), _rows(clickhouse, _TRACES, ids, {"most": most})
    )
    traces = _traces(_survivors(ids), rows)
    return {
        one: footprint._replace(
            addresses=_newest_addresses(traces[one].addresses)[:most],
            utm_tags=tuple(sorted(traces[one].utm_tags, key=lambda tags: -tags.time_ms)[:most]),
        )
        if one in traces
        else footprint
        for one, footprint in footprints.items()
    }


async def load_times(clickhouse: ClickHouse, ids: dict[int, list[int]]) -> dict[int, Footprint]:
    """The same without addresses and UTM tags."""
    survivors, footprints = _survivors(ids), dict.fromkeys(ids, Footprint())
    for contact_id, first_ms, last_ms in await _rows(clickhouse, _TIMES, ids):
        survivor = survivors[contact_id]
        footprints[survivor] = _seen(footprints[survivor], first_ms, last_ms)
    return footprints


def _survivors(ids: dict[int, list[int]]) -> dict[int, int]:
    return {one: contact_id for contact_id, every in ids.items() for one in every}


async def _rows(
    clickhouse: ClickHouse, sql: str, ids: dict[int, list[int]], said: Mapping[str, int] | None = None
) -> list[tuple[Any, ...]]:
    wanted, rows = list(_survivors(ids)), []
    for start in range(0, len(wanted), IDS_AT_ONCE):
        parameters = {**(said or {}), "ids": wanted[start : start + IDS_AT_ONCE]}
        rows += (await clickhouse.query(sql, parameters=parameters)).result_rows
    return rows


class _Traces(NamedTuple):
    addresses: list[Address]
    utm_tags: list[UtmTags]


def _traces(survivors: dict[int, int], rows: Iterable[tuple[Any, ...]]) -> dict[int, _Traces]:
    """By the id that survives."""
    found: dict[int, _Traces] = {}
    for contact_id, kind, key, seen_ms, texts, latitude, longitude in rows:
        traces = found.setdefault(survivors[contact_id], _Traces([], []))
        if kind == ADDRESS_KIND:  # else UTM tags
            country, region, city, timezone, language = texts
            place = (country, region, city, timezone, language, latitude, longitude)
            traces.addresses.append(Address(contact_id, key, seen_ms, *place))
        else:
            traces.utm_tags.append(UtmTags(contact_id, key, seen_ms, *texts))
    return found


def _newest_addresses(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Each once, as it was seen last."""
    newest: dict[str, Address] = {}
    for address in addresses:
        if address.ip not in newest or newest[address.ip].seen_ms < address.seen_ms:
            newest[address.ip] = address
    return tuple(sorted(newest.values(), key=lambda one: -one.seen_ms))


def _seen(footprint: Footprint, first_seen_ms: int, last_active_ms: int) -> Footprint:
    return footprint._replace(
        first_seen_ms=min(footprint.first_seen_ms or first_seen_ms, first_seen_ms),
        last_active_ms=max(footprint.last_active_ms, last_active_ms),
    )
