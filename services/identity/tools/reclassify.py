"""Judges the hits of bots anew, after the lists or the settings have changed: who is none any more comes back.

`python -m services.identity.tools.reclassify`: such a hit is put on its stream as it came, under the same event id,
and then taken out of `bot_events`. Whatever a crash leaves is done by the next run: a hit that comes twice counts once.
"""

from __future__ import annotations

import argparse
import base64
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.common import clickhouse as ch
from services.common import keys
from services.common.hit import BATCH_FIELD, Hit, decode_batch, encode_batch
from services.common.replication import Replicas
from services.identity.agents import Agents
from services.identity.tools.tool import Connections, Summary, parser, run

_AGENTS = """
SELECT user_agent, type, any(verdict), count() FROM bot_events FINAL
WHERE time >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND raw != '' GROUP BY user_agent, type
ORDER BY count() DESC
"""
_HITS = """
SELECT toString(event_id), raw FROM bot_events FINAL
WHERE time >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND raw != ''
    AND type = {type:String} AND user_agent IN {agents:Array(String)}
    AND stored_at < fromUnixTimestamp64Milli({before:Int64}, 'UTC')
LIMIT 1000
"""
_FORGET = "DELETE FROM bot_events WHERE event_id IN {ids:Array(UUID)}"


class Pardoned(NamedTuple):
    """A User-Agent that is no bot any more, at least not for events of this type."""

    user_agent: str
    type: str
    verdict: str  # why it was
    hits: int


async def find(clickhouse: ch.ClickHouse, agents: Agents, since_ms: int) -> list[Pardoned]:
    rows = (await clickhouse.query(_AGENTS, parameters={"since": since_ms})).result_rows
    return [Pardoned(*row) for row in rows if not agents.read(str(row[0])).is_bot_of(str(row[1]))]


async def put_back(
    clickhouse: ch.ClickHouse, replicas: Replicas, streams: int, pardoned: list[Pardoned], since_ms: int
) -> int:
    """How many hits are on their streams again. What a resolver with other settings judges as before is left alone."""
    count, before_ms = 0, time.time_ns() // 1_000_000
    for kind, agents in _by_type(pardoned):
        asked: dict[str, Any] = {"since": since_ms, "before": before_ms, "type": kind, "agents": agents}
        while rows := (await clickhouse.query(_HITS, parameters=asked)).result_rows:
            await _append(replicas, streams, [hit for _, raw in rows for hit in decode_batch(base64.b64decode(raw))])
            ids = [event_id for event_id, _ in rows]
            for first in range(0, len(ids), 100):
                await clickhouse.command(_FORGET, parameters={"ids": ids[first : first + 100]})
            count += len(rows)
    return count


def _by_type(pardoned: list[Pardoned]) -> Iterator[tuple[str, list[str]]]:
    """The User-Agents of each type, 50 at a time: they travel in the URL."""
    for kind in dict.fromkeys(one.type for one in pardoned):
        agents = [one.user_agent for one in pardoned if one.type == kind]
        for start in range(0, len(agents), 50):
            yield kind, agents[start : start + 50]


async def _append(replicas: Replicas, streams: int, hits: list[Hit]) -> None:
    by_stream: dict[int, list[Hit]] = {}
    for hit in hits:
        by_stream.setdefault(hit.device_contact_id % streams, []).append(hit)
    await replicas.call(
        [("XADD", keys.hits(stream), "*", BATCH_FIELD, encode_batch(batch)) for stream, batch in by_stream.items()]
    )


async def work(connected: Connections, options: argparse.Namespace) -> Summary:
    settings, since_ms = connected.settings, int(options.since.timestamp() * 1_000)
    pardoned = await find(connected.clickhouse, Agents(settings.bots, settings.not_bots), since_ms)
    for one in pardoned:
        print(f"{one.hits:>9,}  was {one.verdict!r}: {one.user_agent[:120]}", file=sys.stderr)
    if options.dry_run:
        return {"hits_come_back": sum(one.hits for one in pardoned)}
    replicas = Replicas(connected.redis, settings.redis_wait_replicas, settings.redis_wait_seconds)
    return {"hits_come_back": await put_back(connected.clickhouse, replicas, settings.streams, pardoned, since_ms)}


def main() -> int:
    arguments = parser("reclassify", __doc__)
    arguments.add_argument("--since", type=_day, default=_day("1970-01-01"), help="hits from this day on, ISO 8601")
    return run(arguments, work)


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
