"""What a stack has stored, as the ledger wants it; and when all of it is."""

from __future__ import annotations

import time
from collections.abc import Callable

from redis import Redis

from loadtests.ledger import Stored
from loadtests.stack import Stack, StackError
from services.common import keys

DRAIN_SECONDS = 180.0


def drain(stack: Stack, streams: int, seconds: float = DRAIN_SECONDS) -> None:
    """Waits until every stream is empty, which it is behind the last acknowledgement."""
    names = [name(stream) for name in (keys.hits, keys.slow_hits) for stream in range(streams)]
    redis = stack.redis()
    _wait(stack, "drained", lambda: not any(redis.xlen(name) for name in names), seconds)
    redis.close()


def settle(stack: Stack, seconds: float = DRAIN_SECONDS) -> None:
    """Waits until contacts are in ClickHouse as they are in Redis: what a writer could not do itself, the relay does
    some seconds later."""
    redis = stack.redis()
    names = [keys.QUEUED_MERGES, *(keys.changes(slot) for slot in range(keys.CONTACT_SLOTS))]

    def is_settled() -> bool:
        pipeline = redis.pipeline(transaction=False) if isinstance(redis, Redis) else redis.pipeline()
        for name in names:
            pipeline.zcard(name)
        return not any(pipeline.execute())

    _wait(stack, "settled", is_settled, seconds)
    redis.close()


def _wait(stack: Stack, what: str, is_true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            words = "\n".join(stack.log_tail(name) for name in stack.names() if name.startswith("identity"))
            raise StackError(f"not {what} after {seconds:.0f} s:\n{words}")
        time.sleep(0.02)


def stored_ids(stack: Stack) -> set[str]:
    return {row.event_id for row in stored_rows(stack)}


def stored_rows(stack: Stack, since_ms: int = 0) -> list[Stored]:
    """Every sort key that is stored, of that time or later, once."""
    client, rows = stack.clickhouse(), []
    for table in ("events", "bot_events"):
        text = client.raw_query(
            f"SELECT event_id, contact_id, toUnixTimestamp64Milli(time), toUnixTimestamp64Milli(min(stored_at)) "
            f"FROM {table} WHERE time >= fromUnixTimestamp64Milli({since_ms}) GROUP BY event_id, contact_id, time",
            fmt="TabSeparated",
        ).decode()
        for event_id, *numbers in map(str.split, text.splitlines()):
            contact_id, time_ms, stored_ms = map(int, numbers)
            rows.append(Stored(event_id, contact_id, time_ms, stored_ms, table == "bot_events"))
    client.close()
    return rows


def aliases(stack: Stack) -> dict[int, int]:
    client = stack.clickhouse()
    rows = client.query("SELECT loser, winner FROM aliases FINAL").result_rows
    client.close()
    return {int(loser): int(winner) for loser, winner in rows}


def addresses_of_contacts(stack: Stack) -> dict[int, str]:
    """The address of every known contact."""
    client = stack.clickhouse()
    rows = client.query("SELECT id, email FROM contacts FINAL").result_rows
    client.close()
    return {int(contact_id): str(email) for contact_id, email in rows}
