"""Segments as they are defined now, and who is in those that a search names, read from ClickHouse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from services.common.caller import may_act
from services.common.clickhouse import ClickHouse
from services.common.documents import SEGMENT, Segment, decode_document
from services.common.queries.contact_query import ALIASES, FALSE, NO_SEGMENTS, Condition, Where, segments_named
from services.common.queries.search import SearchError
from services.common.queries.segment_query import FilterError, Segments, compile_segment
from services.common.rights import LISTS

MAX_SQL = 200_000  # of all that a search names; ClickHouse reads statements of 256 KiB
FEW = 10_000  # contacts whose events are looked up one by one as quickly as all events are looked through
_ALL = "SELECT id, data FROM records FINAL WHERE kind = {kind:String} ORDER BY toUInt64OrZero(id)"

_KNOWN = f"""
SELECT id, id FROM contacts WHERE id IN {{ids:Array(UInt64)}}
UNION ALL SELECT loser, winner FROM {ALIASES}
WHERE winner IN {{ids:Array(UInt64)}} OR winner IN (SELECT winner FROM {ALIASES} WHERE loser IN {{ids:Array(UInt64)}})
"""


async def load_segments(clickhouse: ClickHouse) -> dict[int, Segment]:
    """All that there are."""
    rows = (await clickhouse.query(_ALL, parameters={"kind": SEGMENT})).result_rows
    return {int(segment_id): decode_document(data.encode(), Segment) for segment_id, data in rows}


def is_seen(segment: Segment) -> bool:
    """Whether the caller may know of it."""
    return segment.is_global or may_act("view", 0, segment.created_by_id, LISTS)


async def who_fits(clickhouse: ClickHouse, segment_id: int, segments: Segments, now: datetime) -> Where:
    """As `compile_segment`. Who did what its filters ask for is looked up first: where these are few, all else is asked
    about them alone, which takes half the time. Raises `FilterError`."""
    where = compile_segment(segment_id, segments, now)
    few = await _few(clickhouse, where) if where.condition.among else None
    if few is None:
        return Where(where.condition._replace(among=""), where.parameters)
    ids = f"s{segment_id}few"
    found = compile_segment(segment_id, segments, now, only=few.ids)
    anonymous = found.condition.anonymous if few.has_visitors else FALSE
    condition = Condition(found.condition.known, anonymous, f"SELECT arrayJoin({{{ids}:Array(UInt64)}})")
    return Where(condition, {**found.parameters, ids: few.ids})


class _Few(NamedTuple):
    """Ids among whom all are, with all that merged with them; at least one."""

    ids: list[int]
    has_visitors: bool


async def _few(clickhouse: ClickHouse, where: Where) -> _Few | None:
    sql = f"SELECT DISTINCT * FROM ({where.condition.among}) LIMIT {FEW + 1}"
    ids = [row[0] for row in (await clickhouse.query(sql, parameters=where.parameters)).result_rows]
    if len(ids) > FEW:
        return None
    if not ids:
        return _Few([0], has_visitors=False)
    rows = (await clickhouse.query(_KNOWN, parameters={"ids": ids})).result_rows
    known = {one for row in rows for one in row}
    return _Few(list(known.union(ids)), has_visitors=not known.issuperset(ids))


async def load_memberships(clickhouse: ClickHouse, search: str) -> Mapping[str, Where]:
    """Who is in the segments that a search names, of those that the caller may know of, by alias. Raises
    `SearchError`."""
    aliases = segments_named(search)
    if not aliases:
        return NO_SEGMENTS
    segments, now = await load_segments(clickhouse), datetime.now(UTC)
    named = {one.alias: number for number, one in segments.items() if one.alias in aliases and is_seen(one)}
    try:
        found = {alias: await who_fits(clickhouse, number, segments, now) for alias, number in named.items()}
    except FilterError as error:
        raise SearchError(f"A segment of the search can not be answered: {error}") from error
    if sum(len(side) for one in found.values() for side in one.condition.sides) > MAX_SQL:
        raise SearchError("The segments of the search are made of too many conditions.")
    return found
