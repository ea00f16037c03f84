"""Hits that were dropped: counted by reason, and the newest of them kept to be looked up.

Of somebody who asks not to be tracked nothing is kept but that it happened, for a path can name somebody too; of the
others no whole address.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.metrics import Counter
from services.ingest.cors import Cors
from services.ingest.guard import Refused, guarded
from services.ingest.live import Live
from services.ingest.metrics import IngestMetrics
from services.ingest.reception import Reception
from services.ingest.visitor import PRIVATE_REASONS, anonymized

KEPT = 1_000


class Drop(NamedTuple):
    """One dropped request; `page` is its Referer without the query, `address` without its last part."""

    time: float  # seconds since 1970
    reason: str
    path: str
    page: str
    address: str
    user_agent: str


class Drops:
    def __init__(self, counter: Counter, live: Live) -> None:
        self._counter, self._live = counter, live
        self._newest: deque[Drop] = deque(maxlen=KEPT)

    def add(self, reason: str, scope: Any, headers: dict[bytes, bytes], body: bytes, address: str) -> None:
        self._counter.add(value=reason)
        if self._live.feed.is_watched:
            self._live.drop(reason, scope, headers, body)
        is_private, path = reason in PRIVATE_REASONS, scope["path"]
        self._newest.append(
            Drop(
                time.time(),
                reason,
                f"/{path.split('/')[1][:60]}" if is_private else path[:200],
                "" if is_private else _page(headers.get(b"referer", b"")),
                "" if is_private else anonymized(address),
                "" if is_private else headers.get(b"user-agent", b"")[:200].decode("utf-8", "replace"),
            )
        )

    def newest(self, reason: str, limit: int) -> list[Drop]:
        """The newest first, of one reason or of all."""
        found = [drop for drop in reversed(self._newest) if not reason or drop.reason == reason]
        return found[:limit]


class DropsApi:
    """`GET /v1/drops`: what this process dropped lately, for the holders of write keys and the admin."""

    def __init__(self, drops: Drops, reception: Reception, cors: Cors, metrics: IngestMetrics) -> None:
        self._drops, self._reception, self._cors, self._metrics = drops, reception, cors, metrics

    def routes(self) -> list[Route]:
        return [Route("/v1/drops", guarded(self.list, self._cors, self._metrics), methods=["GET"])]

    async def list(self, request: Request) -> Response:
        await self._reception.sender(request)
        limit = request.query_params.get("limit", "100")
        if not (limit.isascii() and limit.isdecimal() and len(limit) < 10):
            raise Refused(400, "limit: is no number")
        found = self._drops.newest(request.query_params.get("reason", ""), int(limit))
        body: dict[str, Any] = {
            "counts": {reason: count for reason, count in self._metrics.dropped.counts.items() if count},
            "drops": [drop._asdict() for drop in found],
        }
        return Response(msgspec.json.encode(body), media_type="application/json")


def _page(referer: bytes) -> str:
    try:
        parts = urlsplit(referer.decode("utf-8", "replace"))
        return parts._replace(query="", fragment="").geturl()[:200]
    except ValueError:
        return ""
