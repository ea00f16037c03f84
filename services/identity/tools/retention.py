"""Takes out of ClickHouse what is past its time: whole months at once, the rest by deletions that return when done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.common.clickhouse import ClickHouse

AUDIT, FOOTPRINTS, MESSAGES = "audit", "footprints", "messages"
_TIMES = {MESSAGES: "added"}
BY_MONTH = ("events", "bot_events")
# A deletion rewrites the parts that it touches, so few large ones. Their text, 17 bytes an id, stays below the megabyte
# that a replicated table's keeper takes.
IDS_AT_ONCE = 50_000
_WAIT = {"mutations_sync": 2, "alter_sync": 2, "max_query_size": 4 << 20}

# Newest versions, of which the deleted and the identified need not be looked at: they stay.
_EXPIRED = """
SELECT contact_id FROM activity WHERE contact_id > {after:UInt64}
GROUP BY contact_id HAVING max(activity.last_active) < fromUnixTimestamp64Milli({before:Int64}, 'UTC')
ORDER BY contact_id LIMIT {most:UInt64}
SETTINGS optimize_aggregation_in_order = 1
"""
_KNOWN = """
SELECT id, is_deleted = 0 AND toUnixTimestamp64Milli(date_identified) = 0 AS is_anonymous, if(is_anonymous, profile, '')
FROM contacts
WHERE id IN (
    SELECT contact_id FROM activity WHERE contact_id BETWEEN {first:UInt64} AND {last:UInt64}
    GROUP BY contact_id HAVING max(activity.last_active) < fromUnixTimestamp64Milli({before:Int64}, 'UTC')
)
ORDER BY id, version DESC LIMIT 1 BY id
"""
_MONTHS = """
SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND active
    AND toUInt32(partition) < toYYYYMM(fromUnixTimestamp64Milli({before:Int64}, 'UTC')) ORDER BY partition
"""


class Known(NamedTuple):
    """A contact with a row in `contacts`; the document of one that is not identified."""

    contact_id: int
    is_anonymous: bool
    document: str


async def count_old(clickhouse: ClickHouse, table: str, before_ms: int) -> int:
    return await _number(clickhouse, f"SELECT count() FROM {table} WHERE {_old(_TIMES.get(table, 'time'), before_ms)}")


async def remove_old(clickhouse: ClickHouse, table: str, before_ms: int) -> None:
    """All rows of a time before. Raises `ClickHouseError`; whatever it had done stays done."""
    if table in BY_MONTH:
        rows = (await clickhouse.query(_MONTHS, parameters={"table": table, "before": before_ms})).result_rows
        for (month,) in rows:
            await clickhouse.command(f"ALTER TABLE {table} DROP PARTITION {int(month)}", settings=_WAIT)
    if await count_old(clickhouse, table, before_ms):
        condition = _old(_TIMES.get(table, "time"), before_ms)
        await clickhouse.command(f"ALTER TABLE {table} DELETE WHERE {condition}", settings=_WAIT)


async def count_expired(clickhouse: ClickHouse, before_ms: int) -> int:
    """Contacts, known ones too, that were last seen before."""
    asked = {"after": 0, "before": before_ms, "most": 1 << 62}
    sql = "SELECT count() FROM (" + _EXPIRED + ")"
    return int((await clickhouse.query(sql, parameters=asked)).result_rows[0][0])


async def expired(clickhouse: ClickHouse, before_ms: int, after: int) -> list[int]:
    """The next ids behind `after`, in their order, that were last seen before; some of them are known contacts'."""
    asked = {"after": after, "before": before_ms, "most": IDS_AT_ONCE}
    return [int(row[0]) for row in (await clickhouse.query(_EXPIRED, parameters=asked)).result_rows]


async def known(clickhouse: ClickHouse, ids: Sequence[int], before_ms: int) -> dict[int, Known]:
    """Those of these expired ids that have a row in `contacts`."""
    asked = {"first": ids[0], "last": ids[-1], "before": before_ms}
    rows = (await clickhouse.query(_KNOWN, parameters=asked)).result_rows
    return {int(row[0]): Known(int(row[0]), bool(row[1]), str(row[2])) for row in rows}


async def count_events(clickhouse: ClickHouse, ids: Sequence[int], before_ms: int) -> int:
    sql = f"SELECT count() FROM events WHERE contact_id IN ({_list(ids)}) AND {_old('time', before_ms)}"
    return await _number(clickhouse, sql)


async def remove_contacts(clickhouse: ClickHouse, ids: Sequence[int], before_ms: int) -> None:
    """Their rows and events from before; what has come since stays. Activity comes last: by it they are found again
    if this breaks off."""
    for table, column, is_old in (
        ("contacts", "id", f"version < {before_ms * 1_000}"),
        ("events", "contact_id", _old("time", before_ms)),
        (FOOTPRINTS, "contact_id", _old("time", before_ms)),
        ("recent", "contact_id", _old("last_active", before_ms)),
        ("activity", "contact_id", _old("last_active", before_ms)),
    ):
        condition = f"{column} IN ({_list(ids)}) AND {is_old}"
        if await _number(clickhouse, f"SELECT count() FROM {table} WHERE {condition}"):
            await clickhouse.command(f"ALTER TABLE {table} DELETE WHERE {condition}", settings=_WAIT)


async def _number(clickhouse: ClickHouse, sql: str) -> int:
    """Of a statement that may be long."""
    return int((await clickhouse.query(sql, settings={"max_query_size": 4 << 20})).result_rows[0][0])


def _list(ids: Sequence[int]) -> str:
    return ",".join(map(str, ids))


def _old(column: str, before_ms: int) -> str:
    return f"{column} < fromUnixTimestamp64Milli(toInt64({before_ms}), 'UTC')"
