"""What a contact did in each month of the last half year, and the points that it got: the data of a chart."""

from __future__ import annotations

from datetime import UTC, datetime

from services.common.clickhouse import ClickHouse
from services.common.event_types import IMPORTED, IP_ADDED, POINT_GAINED, REPORTED_TYPES
from services.contacts.objects import Json
from services.contacts.timeline.hidden_records import told_sql

MONTHS = 6  # before this one
_NOT_DONE = frozenset({IP_ADDED, IMPORTED})
_SQL = """
SELECT 1 AS kind, toYYYYMM(time) AS month, toInt64(uniqExact(event_id, time)) AS total
FROM events
WHERE contact_id IN {ids:Array(UInt64)} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
    AND type IN {types:Array(String)} AND {told}
GROUP BY month
UNION ALL
SELECT 2, toYYYYMM(time) AS month, sum(delta) FROM (
    SELECT time, JSONExtractInt(query, 'log', 'delta') AS delta FROM events
    WHERE contact_id IN {ids:Array(UInt64)} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
        AND type = {points:String} AND NOT JSONHas(query, 'log', 'group')
    LIMIT 1 BY time, event_id
) GROUP BY month
"""


async def load_engagement(clickhouse: ClickHouse, ids: list[int], now: datetime) -> Json:
    """As charts of lines want it: a label for each month, the oldest first, and two sets of numbers."""
    months = months_before(now)
    first = datetime(*_year_and_month(months[0]), 1, tzinfo=UTC)
    asked = {
        "ids": ids, "from": int(first.timestamp()) * 1_000, "types": sorted(REPORTED_TYPES - _NOT_DONE),
        "points": POINT_GAINED,
    }  # fmt: skip
    rows = (await clickhouse.query(_SQL.replace("{told}", told_sql()), parameters=asked)).result_rows
    found = {(kind, month): int(total) for kind, month, total in rows}
    return {
        "labels": [datetime(*_year_and_month(month), 1, tzinfo=UTC).strftime("%b %Y") for month in months],
        "datasets": [
            {"label": label, "data": [found.get((kind, month), 0) for month in months]}
            for kind, label in ((1, "Engagements"), (2, "Points"))
        ],
    }


def months_before(now: datetime) -> list[int]:
    """This month and those before it, as 202401, the oldest first."""
    count = now.year * 12 + now.month - 1
    return [number // 12 * 100 + number % 12 + 1 for number in range(count - MONTHS, count + 1)]


def _year_and_month(month: int) -> tuple[int, int]:
    return month // 100, month % 100
