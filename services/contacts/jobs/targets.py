"""The contacts that a job is about: those of a segment or of a search, by their ids, as ClickHouse has them now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.common.php_query import PhpQueryError
from services.common.queries.contact_query import ANONYMOUS, FALSE, Where, compile_search
from services.common.queries.query_error import QueryError
from services.common.queries.segment_query import FilterError, compile_segment
from services.common.queries.segments import load_memberships, load_segments
from services.contacts.jobs.job import Job, Target
from services.contacts.stores import Stores

UNREADABLE = (QueryError, PhpQueryError, FilterError, LookupError)  # what `where_of` raises when nobody can be found


class Targets:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def where_of(self, job: Job) -> Where:
        """Who it is about, as segments and fields are now. Raises what `UNREADABLE` lists."""
        clickhouse = self._stores.clickhouse
        if job.segment_id:
            segments = await load_segments(clickhouse)
            if job.segment_id not in segments:
                raise LookupError(f"Segment {job.segment_id} is gone.")
            return compile_segment(job.segment_id, segments, datetime.now(UTC))
        fields = (await self._stores.fields.now()).fields
        return compile_search(job.search, job.created_by, fields, await load_memberships(clickhouse, job.search))

    async def count(self, where: Where, before_us: int) -> int:
        sides = _sides(where, after=False)
        if not sides:
            return 0
        counts = " + ".join(f"(SELECT count() FROM ({side}))" for side in sides)
        rows = await self._rows(f"SELECT {counts}", {**where.parameters, "job_before": before_us // 1_000})
        return int(rows[0][0])

    async def page(self, where: Where, before_us: int, after: int, limit: int) -> list[Target]:
        """The next ones after an id. Who came later than `before_us` is left out."""
        sides = [f"{side} ORDER BY id LIMIT {{job_limit:UInt64}}" for side in _sides(where, after=True)]
        if not sides:
            return []
        both = " UNION ALL ".join(f"(SELECT * FROM ({side}))" for side in sides)
        sql = f"SELECT id, first_ms FROM ({both}) ORDER BY id LIMIT {{job_limit:UInt64}}"
        said = {"job_before": before_us // 1_000, "job_after": after, "job_limit": limit}
        return [Target(one, first_ms * 1_000) for one, first_ms in await self._rows(sql, {**where.parameters, **said})]

    async def first_seen(self, contact_ids: list[int]) -> dict[int, int]:
        """Of visitors, in microseconds; whoever never came is left out."""
        sql = (
            "SELECT contact_id, toUnixTimestamp64Milli(min(first_seen)) FROM activity"
            " WHERE contact_id IN {ids:Array(UInt64)} GROUP BY contact_id"
        )
        if not contact_ids:
            return {}
        return {one: first_ms * 1_000 for one, first_ms in await self._rows(sql, {"ids": contact_ids})}

    async def _rows(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        return list((await self._stores.clickhouse.query(sql, parameters=parameters)).result_rows)


def _sides(where: Where, *, after: bool) -> list[str]:
    """(id, when a visitor first came) of known contacts, and of visitors; without the side that cannot match."""
    before = "fromUnixTimestamp64Milli({job_before:Int64}, 'UTC')"
    next_ids = " AND id > {job_after:UInt64}" if after else ""
    sides = (
        (where.condition.known, "toInt64(0)", "contacts FINAL", f"date_added <= {before}"),
        (where.condition.anonymous, "toUnixTimestamp64Milli(first_seen)", ANONYMOUS, f"first_seen <= {before}"),
    )
    return [
        f"SELECT id, {first_ms} AS first_ms FROM {rows} WHERE {there}{next_ids} AND {condition}"
        for condition, first_ms, rows, there in sides
        if condition != FALSE
    ]
