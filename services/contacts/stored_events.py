"""Up to when all events that were stored are to be seen: for whoever follows them in the order in which they were."""

from __future__ import annotations

from services.common.clickhouse import ClickHouse

SETTLE_SECONDS = 5.0  # for what is replicated, and for parts that are just being committed
MOST_SECONDS = 120.0  # an insert that hangs longer does not hold up the rest
# By the server's clock, which stamps events when their insert begins; those of an insert that runs are not seen yet.
_SQL = r"""
SELECT toUnixTimestamp64Milli(now64(3)), toInt64((
    SELECT greatest(ifNull(maxOrNull(elapsed), 0), 0) FROM system.processes
    WHERE match(query, '(?i)INSERT INTO\\s+\\S*\\bevents\\b')
) * 1000)
"""


async def settled_ms(clickhouse: ClickHouse) -> int:
    """Nothing is stored before this time, in milliseconds, that was not to be seen when this was asked."""
    now_ms, running_ms = (await clickhouse.query(_SQL)).result_rows[0]
    return int(now_ms) - round(SETTLE_SECONDS * 1_000) - min(int(running_ms), round(MOST_SECONDS * 1_000))


async def server_ms(clickhouse: ClickHouse) -> int:
    """What time it is where events are stamped."""
    return int((await clickhouse.query("SELECT toUnixTimestamp64Milli(now64(3))")).result_rows[0][0])
