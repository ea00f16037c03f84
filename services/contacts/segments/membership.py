"""In which segments one contact is: all of them asked about it alone, some in one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import structlog

from services.common.clickhouse import ClickHouse
from services.common.queries.contact_query import FALSE
from services.common.queries.segment_query import FilterError, Segments, compile_segment
from services.contacts.people.contact import Contact

log = structlog.get_logger()

SQL_AT_ONCE = 50_000  # characters of conditions in one statement
AT_ONCE = 4
_VISITOR = (
    "(SELECT {contact:UInt64} AS id, fromUnixTimestamp64Milli({first_seen:Int64}, 'UTC') AS first_seen,"
    " fromUnixTimestamp64Milli({last_active:Int64}, 'UTC') AS last_active)"
)
Asked = list[tuple[int, str, dict[str, Any]]]  # segment, condition, its parameters


async def segments_of(clickhouse: ClickHouse, contact: Contact, segments: Segments) -> list[int]:
    """Those that the contact is in now. Its events alone are looked at, however many segments there are."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(asked: Asked) -> list[int]:
        async with turns:
            return await _ask(clickhouse, contact, asked)

    found = await asyncio.gather(*(ask(one) for one in _in_portions(_conditions(contact, segments))))
    return sorted(number for one in found for number in one)


async def _ask(clickhouse: ClickHouse, contact: Contact, asked: Asked) -> list[int]:
    parameters: dict[str, Any] = {"contact": contact.id}
    for _, _, more in asked:
        parameters.update(more)
    conditions = ", ".join(f"toUInt8({condition})" for _, condition, _ in asked)
    if contact.view is None:
        rows = _VISITOR
        seen = contact.footprint
        parameters.update(first_seen=seen.first_seen_ms, last_active=seen.last_active_ms)
    else:
        rows = "contacts FINAL WHERE id = {contact:UInt64}"
    answer = (await clickhouse.query(f"SELECT [{conditions}] FROM {rows}", parameters=parameters)).result_rows
    return [number for (number, _, _), is_in in zip(asked, answer[0][0], strict=True) if is_in] if answer else []


def _conditions(contact: Contact, segments: Segments) -> Asked:
    now, asked = datetime.now(UTC), []
    for number in segments:
        try:
            where = compile_segment(number, segments, now, only=contact.ids)
        except FilterError as error:
            log.warning("segment_not_answered", segment=number, why=str(error))
            continue
        condition = where.condition.known if contact.view else where.condition.anonymous
        if condition != FALSE:
            asked.append((number, condition, where.parameters))
    return asked


def _in_portions(asked: Asked) -> Iterator[Asked]:
    portion: Asked = []
    size = 0
    for one in asked:
        if portion and size + len(one[1]) > SQL_AT_ONCE:
            yield portion
            portion, size = [], 0
        portion.append(one)
        size += len(one[1])
    if portion:
        yield portion
