"""`/api/stats`: the data of pages that show what arrives: the live feed, and the overview."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import json_response, query_of
from services.common.hit_queue import load_queue
from services.common.live_feed import load_entries, watch
from services.common.minute_counts import load_counts
from services.common.operation import DescribedRoute, described
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.contact_list import read_list_query
from services.contacts.people.contact_reader import ContactReader
from services.contacts.stats.live_page import live_page, read_live_query
from services.contacts.stats.overview import hit_counts, identified_share, last_minutes, read_minutes
from services.contacts.stats.stats_shapes import LIVE, OVERVIEW
from services.contacts.stores import Stores

ACTIVE_SECONDS = 300
COUNTED_SECONDS = 10.0  # for so long numbers may be kept that take their time
_KNOWN, _ANONYMOUS = read_list_query({"search": "!is:anonymous"}), read_list_query({"search": "is:anonymous"})
# Of the newest hours of a table that is sorted by them. Who has merged into another is that one.
_ACTIVE = """
WITH active AS (
    SELECT DISTINCT contact_id FROM recent
    WHERE hour >= toStartOfHour(now() - {seconds:UInt32}) AND last_active >= now() - {seconds:UInt32}
)
SELECT uniqExact(if(led.winner = 0, active.contact_id, led.winner)) FROM active
LEFT ANY JOIN (SELECT loser, winner FROM aliases FINAL WHERE loser IN active) AS led ON led.loser = active.contact_id
"""


class StatsApi:
    def __init__(self, stores: Stores, metrics: ContactsMetrics, streams: int) -> None:
        self._stores, self._metrics, self._streams = stores, metrics, streams
        self._reader = ContactReader(stores)

    def routes(self) -> list[DescribedRoute]:
        return [
            described("/api/stats/live", self.live, get=LIVE),
            described("/api/stats/overview", self.overview, get=OVERVIEW),
        ]

    async def live(self, request: Request) -> Response:
        """Renews the watch; without one nobody tells anything."""
        asked = read_live_query(query_of(request))
        await watch(self._stores.redis)
        entries = await load_entries(self._stores.redis, asked.after)
        self._metrics.reads.add(value="live")
        return json_response(live_page(asked, entries))

    async def overview(self, request: Request) -> Response:
        minutes = last_minutes(time.time(), read_minutes(query_of(request)))
        contacts, noted, visitors, active, counted, queue = await asyncio.gather(
            self._kept("contacts", lambda: self._reader.known(_KNOWN)),
            self._kept("noted", lambda: self._reader.known(_ANONYMOUS)),  # visitors of whom a tag, say, was noted
            self._reader.visitors(_ANONYMOUS, COUNTED_SECONDS),
            self._kept("active", self._active),
            load_counts(self._stores.redis, minutes),
            load_queue(self._stores.redis, self._streams),
        )
        visitors, counts = visitors + noted, hit_counts(minutes, counted)
        self._metrics.reads.add(value="overview")
        return json_response({
            "visitors": visitors,
            "contacts": contacts,
            "identifiedShare": identified_share(visitors, contacts),
            "activeNow": active,
            "hits": counts.minutes,
            "drops": counts.drops,
            "refusals": counts.refusals,
            "queue": {"entries": queue.entries, "seconds": round(queue.seconds, 3)},
        })  # fmt: skip

    async def _kept(self, name: str, count: Callable[[], Awaitable[int]]) -> int:
        return await self._stores.visitor_counts.get(f"stats:{name}", count, COUNTED_SECONDS)

    async def _active(self) -> int:
        found = await self._stores.clickhouse.query(_ACTIVE, parameters={"seconds": ACTIVE_SECONDS})
        return int(found.result_rows[0][0])
