"""What ClickHouse keeps of contacts beside their tombstones: found, counted, and taken out for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.common.clickhouse import ClickHouse

EVENT_TABLES = ("events", "bot_events", "activity")
_WAIT = {"mutations_sync": 2, "alter_sync": 2}
_MERGED = """
SELECT loser FROM aliases WHERE loser != {id:UInt64} GROUP BY loser HAVING argMax(winner, version) = {id:UInt64}
"""


async def merged_into(clickhouse: ClickHouse, contact_id: int) -> list[int]:
    rows = (await clickhouse.query(_MERGED, parameters={"id": contact_id})).result_rows
    return [int(loser) for (loser,) in rows]


async def count_events(clickhouse: ClickHouse, ids: Sequence[int]) -> int:
    sql = f"SELECT count() FROM events WHERE contact_id IN ({_list(ids)})"
    return int((await clickhouse.query(sql)).result_rows[0][0])


async def remove(clickhouse: ClickHouse, ids: Sequence[int], tombs: Mapping[int, int]) -> None:
    """Everything but the tombstones, by their versions. Raises `ClickHouseError`; whatever was done stays done."""
    for contact_id, version in tombs.items():
        await _delete(clickhouse, "contacts", f"id = {contact_id} AND version < {version}")
    await _delete(clickhouse, "audit", f"contact_id IN ({_list(ids)}) AND action != 'erase'")
    await remove_events(clickhouse, ids)


async def remove_events(clickhouse: ClickHouse, ids: Sequence[int]) -> None:
    for table in EVENT_TABLES:
        await _delete(clickhouse, table, f"contact_id IN ({_list(ids)})")


async def _delete(clickhouse: ClickHouse, table: str, condition: str) -> None:
    """A deletion rewrites what it touches, so none is begun for nothing."""
    if int((await clickhouse.query(f"SELECT count() FROM {table} WHERE {condition}")).result_rows[0][0]):
        await clickhouse.command(f"ALTER TABLE {table} DELETE WHERE {condition}", settings=_WAIT)


def _list(ids: Sequence[int]) -> str:
    return ",".join(map(str, ids))
