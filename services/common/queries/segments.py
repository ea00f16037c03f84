"""Segments as they are defined now, and who is in those that a search names, read from ClickHouse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from services.common.clickhouse import ClickHouse
from services.common.documents import SEGMENT, Segment, decode_document
from services.common.queries.contact_query import NO_SEGMENTS, Where, segments_named
from services.common.queries.search import SearchError
from services.common.queries.segment_query import FilterError, compile_segment

MAX_SQL = 200_000  # of all that a search names; ClickHouse reads statements of 256 KiB
_ALL = "SELECT id, data FROM records FINAL WHERE kind = {kind:String} ORDER BY toUInt64OrZero(id)"


async def load_segments(clickhouse: ClickHouse) -> dict[int, Segment]:
    """All that there are."""
    rows = (await clickhouse.query(_ALL, parameters={"kind": SEGMENT})).result_rows
    return {int(segment_id): decode_document(data.encode(), Segment) for segment_id, data in rows}


async def load_memberships(clickhouse: ClickHouse, search: str) -> Mapping[str, Where]:
    """Who is in the segments that a search names, by alias. Raises `SearchError`."""
    aliases = segments_named(search)
    if not aliases:
        return NO_SEGMENTS
    segments, now = await load_segments(clickhouse), datetime.now(UTC)
    named = {segment.alias: number for number, segment in segments.items() if segment.alias in aliases}
    try:
        found = {alias: compile_segment(number, segments, now) for alias, number in named.items()}
    except FilterError as error:
        raise SearchError(f"A segment of the search can not be answered: {error}") from error
    if sum(len(side) for one in found.values() for side in one.condition) > MAX_SQL:
        raise SearchError("The segments of the search are made of too many conditions.")
    return found
