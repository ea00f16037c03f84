"""`GET /api/bothits`: the newest hits that were judged to be bots', and what says so. They belong to no contact."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import json_response, query_of, text_of, whole_number
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.contacts.objects import Json, iso
from services.contacts.shapes import Shown, Time
from services.contacts.stores import Stores

DEFAULT_LIMIT, MAX_LIMIT = 100, 1_000
DEFAULT_DAYS, MAX_DAYS = 7, 1_095

_WHERE = """
FROM bot_events FINAL
WHERE time >= now() - toIntervalDay({days:UInt32})
    AND (empty({search:String}) OR positionCaseInsensitive(user_agent, {search:String}) > 0)
"""
_PAGE = f"""
SELECT toString(event_id) AS id, toUnixTimestamp64Milli(time) AS time_ms, type, url, ip, user_agent, verdict {_WHERE}
ORDER BY time DESC, event_id LIMIT {{limit:UInt64}}
"""
_COUNTS = f"SELECT verdict, count() AS hits {_WHERE} GROUP BY verdict ORDER BY hits DESC, verdict LIMIT 100"


class BotHit(Shown):
    """A hit that belongs to no contact."""

    id: str
    date_hit: Time
    type: Annotated[str, Meta(examples=["page.hit"])]
    url: str
    ip: Annotated[str, Meta(examples=["192.0.2.1"])]
    user_agent: Annotated[str, Meta(examples=["Googlebot/2.1"])]
    verdict: Annotated[str, Meta(description="What says that it is a bot", examples=["Googlebot"])]


NEWEST = Operation(
    "The newest hits of bots, and what says that they are",
    {
        "total": int,
        "verdicts": Annotated[dict[str, int], Meta(description="Hits by verdict", examples=[{"Googlebot": 12}])],
        "hits": list[BotHit],
    },
    (
        Parameter("search", "A part of the User-Agent", example="bot"),
        Parameter("days", "How far back", Annotated[int, Meta(ge=0, le=MAX_DAYS)], DEFAULT_DAYS),
        Parameter("limit", "At most so many", Annotated[int, Meta(ge=0, le=1_000_000)], DEFAULT_LIMIT),
    ),
)


class BotsApi:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def routes(self) -> list[DescribedRoute]:
        return [described("/api/bothits", self.newest, get=NEWEST)]

    async def newest(self, request: Request) -> Response:
        """`search` in the User-Agent, `days` back, `limit`; and how many hits each verdict has."""
        query = query_of(request)
        asked: dict[str, Any] = {
            "search": text_of(query, "search").strip()[:200],
            "days": whole_number(query, "days", DEFAULT_DAYS, most=MAX_DAYS),
        }
        limit = min(whole_number(query, "limit", DEFAULT_LIMIT, most=1_000_000) or MAX_LIMIT, MAX_LIMIT)
        page = await self._stores.clickhouse.query(_PAGE, parameters={**asked, "limit": limit})
        counts = await self._stores.clickhouse.query(_COUNTS, parameters=asked)
        verdicts = {verdict: int(hits) for verdict, hits in counts.result_rows}
        hits = [_shown(row) for row in page.named_results()]
        return json_response({"total": sum(verdicts.values()), "verdicts": verdicts, "hits": hits})


def _shown(row: dict[str, Any]) -> Json:
    return {
        "id": row["id"],
        "dateHit": iso(row["time_ms"] * 1_000),
        "type": row["type"],
        "url": row["url"],
        "ip": row["ip"],
        "userAgent": row["user_agent"],
        "verdict": row["verdict"],
    }
