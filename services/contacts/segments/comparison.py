"""The duty that notices who came into a segment or left it since it last looked, and tells it in their histories.

Segments are queries, so nobody is told when a contact begins to fit one. For each segment in turn: first the changes
are written down as members of a new generation, then told as events whose ids and times these give, then the segment
counts as built. Whoever comes after a crash tells again what may not have been told, which changes nothing that was.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from services.common import clickhouse as ch
from services.common.faults import FaultPoints
from services.common.queries.segment_query import FilterError, Segments
from services.common.queries.segments import load_segments, who_fits
from services.contacts.segments.comparison_sql import (
    BUILDS,
    BUILT,
    FORGET,
    PORTION,
    SETTINGS,
    TELL,
    changes_statement,
)
from services.contacts.stores import Stores

log = structlog.get_logger()

TIMEOUT_SECONDS = 600.0  # of one statement: the first comparison of a segment writes all its members
EVENTS_AT_ONCE = 50_000  # stored in well under the time that followers of events leave an insert to be seen


class Build(NamedTuple):
    """When a segment was last compared, and how long that took."""

    time_ms: int
    seconds: float


class Comparison:
    def __init__(self, stores: Stores, clickhouse_url: str) -> None:
        self._stores, self._url = stores, clickhouse_url
        self._faults: FaultPoints = stores.faults

    async def work(self) -> None:
        """Compares every published segment once."""
        clickhouse = await ch.connect(self._url, timeout_seconds=TIMEOUT_SECONDS)
        try:
            segments, builds = await load_segments(clickhouse), await load_builds(clickhouse)
            if gone := [number for number in builds if number not in segments]:
                for statement in FORGET:
                    await clickhouse.command(statement, parameters={"gone": gone})
            for number, segment in segments.items():
                if segment.is_published:
                    await self._compare(clickhouse, number, segments, builds.get(number, Build(0, 0.0)))
        finally:
            await clickhouse.close()

    async def _compare(self, clickhouse: ch.ClickHouse, number: int, segments: Segments, last: Build) -> None:
        try:
            where = await who_fits(clickhouse, number, segments, datetime.now(UTC))
        except FilterError as error:
            log.warning("segment_not_compared", segment=number, why=str(error))
            return
        began, name = time.monotonic(), segments[number].name
        now_ms = max(time.time_ns() // 1_000_000, last.time_ms + 1)
        await self._tell(clickhouse, number, name, last.time_ms)  # what a crash left untold
        parameters = {**where.parameters, "segment": number, "now": now_ms}
        # One at a time: what a process has begun ClickHouse may still be doing when another one comes.
        settings = {**SETTINGS, "query_id": f"segment-comparison-{number}"}
        await clickhouse.command(changes_statement(where.condition), parameters=parameters, settings=settings)
        self._faults.pass_by("after_members")
        await self._tell(clickhouse, number, name, last.time_ms)
        self._faults.pass_by("after_membership_events")
        built = {"segment": number, "now": now_ms, "seconds": time.monotonic() - began}
        await clickhouse.command(BUILT, parameters=built)

    async def _tell(self, clickhouse: ch.ClickHouse, number: int, name: str, built_ms: int) -> None:
        """Events of all changes after the last build, some at a time. Told twice they are the same."""
        asked = {"segment": number, "built": built_ms, "after": 0, "limit": EVENTS_AT_ONCE}
        while True:
            last, count = (await clickhouse.query(PORTION, parameters=asked)).result_rows[0]
            if not count:
                return
            await clickhouse.command(TELL, parameters={**asked, "last": last, "name": name})
            asked["after"] = last


async def load_builds(clickhouse: ch.ClickHouse) -> dict[int, Build]:
    """By segment; of those that were ever compared."""
    rows = (await clickhouse.query(BUILDS)).result_rows
    return {number: Build(time_ms, seconds) for number, time_ms, seconds in rows}
