"""`POST /v1/batch`: servers report events, up to 2,000 at once; each is kept, or told why not."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.common import keys
from services.common.device import DeviceCodec
from services.common.envelope import STORES_AWAY
from services.common.field_registry import Fields
from services.common.hit import Hit
from services.common.records import RecordStore
from services.common.settings import Settings
from services.ingest.answers import ERRORS
from services.ingest.batch import BatchError, Clock, Event, EventReader, Problem, TooManyEventsError, split_events
from services.ingest.door import event_ids
from services.ingest.entrance import Entrance
from services.ingest.guard import Refused, guarded
from services.ingest.inflate import ENCODINGS, InflateError, TooLargeError, inflate
from services.ingest.known_contacts import KnownContacts
from services.ingest.reception import Reception
from services.ingest.senders import Senders
from services.ingest.visitor import Visitors

MAX_BODY_BYTES = 4_194_304
MAX_INFLATED_BYTES = 16_777_216
FIRST_TIME_SECONDS = 86_400  # how long the time of an event is remembered that has an id and no time
DAY_US = 86_400_000_000
BLOCKED = "blocked_address"
NOT_KNOWN = "contact_id: there is no such contact"


class BatchApi:
    def __init__(
        self,
        entrance: Entrance,
        reception: Reception,
        senders: Senders,
        visitors: Visitors,
        codec: DeviceCodec,
        settings: Settings,
    ) -> None:
        self._redis, self._buffer = entrance.redis, entrance.buffer
        self._cors, self._metrics, self._live = entrance.cors, entrance.metrics, entrance.live
        self._reception, self._senders, self._visitors = reception, senders, visitors
        new_id = event_ids()
        self._reader = EventReader(codec.choose, visitors.stored, new_id.__next__)
        self._contacts = KnownContacts(entrance.redis, settings.clickhouse_url)
        self._fields = Fields(RecordStore(entrance.redis), settings)
        self._retention_us = settings.retention_days * DAY_US

    def routes(self) -> list[Route]:
        return [Route("/v1/batch", guarded(self.post, self._cors, self._metrics), methods=["POST"])]

    async def close(self) -> None:
        await self._contacts.close()

    async def post(self, request: Request) -> Response:
        sender = await self._reception.sender(request)
        try:
            raw = split_events(await _body(request))
        except BatchError as error:
            raise Refused(413 if isinstance(error, TooManyEventsError) else 400, str(error)) from error
        self._slow_down(sender, len(raw))
        try:
            self._reader.follow(await self._fields.now())
            return await self._take(raw, request.scope)
        except STORES_AWAY as error:
            raise Refused(503) from error

    def _slow_down(self, sender: str, events: int) -> None:
        wait = self._senders.wait_seconds(sender, events, time.monotonic())
        if wait:
            raise Refused(429, retry_after_seconds=wait)

    async def _take(self, raw: list[bytes], scope: Any) -> Response:
        now_us = time.time_ns() // 1_000
        clock = Clock(now_us, now_us - self._retention_us)
        read = [self._reader.read(position, text, clock) for position, text in enumerate(raw)]
        problems = [one for one in read if isinstance(one, Problem)]
        events = [one for one in read if isinstance(one, Event)]
        dropped = [event for event in events if self._is_blocked(event.hit)]
        kept, unknown = await self._known([event for event in events if not self._is_blocked(event.hit)])
        if kept:
            await self._buffer.keep_all(await self._timed(kept))
        problems += unknown
        self._count(len(kept), len(dropped), len(problems))
        if self._live.feed.is_watched:
            reasons = [BLOCKED for _ in dropped] + [ERRORS[problem.code] for problem in problems]
            self._live.refuse_events(reasons, scope)
        return _answer(len(kept), sorted(problems), [event.position for event in dropped])

    def _is_blocked(self, hit: Hit) -> bool:
        """Only what the operator lists: a server may well report what happened inside."""
        return bool(hit.ip) and self._visitors.judge(hit.ip) == BLOCKED

    async def _known(self, events: list[Event]) -> tuple[list[Event], list[Problem]]:
        """(those whose contact is there, the others as problems)."""
        named = {event.contact_id for event in events if event.contact_id}
        unknown = await self._contacts.unknown(named) if named else set()
        if not unknown:
            return events, []
        problems = [Problem(one.position, one.event_id, 404, NOT_KNOWN) for one in events if one.contact_id in unknown]
        return [event for event in events if event.contact_id not in unknown], problems

    async def _timed(self, events: list[Event]) -> list[Hit]:
        """The hits. An id and a time are a hit's key, so the first arrival of an id without a time gives it one."""
        timeless = [event.hit for event in events if event.is_timeless]
        if timeless:
            pipeline: Any = self._redis.pipeline(transaction=False)
            for hit in timeless:
                pipeline.set(keys.first_time(hit.event_id), hit.time_us, ex=FIRST_TIME_SECONDS, nx=True, get=True)
            first = await pipeline.execute()
            for hit, time_us in zip(timeless, first, strict=True):
                hit.time_us = int(time_us) if time_us else hit.time_us
        return [event.hit for event in events]

    def _count(self, kept: int, dropped: int, problems: int) -> None:
        self._metrics.accepted.add(kept, "batch")
        self._metrics.dropped.add(dropped, BLOCKED)
        self._metrics.batch_problems.add(problems)


def _answer(accepted: int, problems: list[Problem], dropped: list[int]) -> Response:
    """200, whatever became of each event: the request was read, and `errors` says which ones to mend."""
    errors = [
        {"index": problem.position, "event_id": problem.event_id, "code": problem.code, "message": problem.message}
        for problem in problems
    ]
    body = {"accepted": accepted, "dropped": dropped, "errors": errors}
    return Response(msgspec.json.encode(body), media_type="application/json")


async def _body(request: Request) -> bytes:
    """The whole body, inflated. Raises `Refused`."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ENCODINGS:
        raise Refused(415, f"Content-Encoding may be one of {', '.join(ENCODINGS)}")
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_BODY_BYTES:
                raise Refused(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    except ClientDisconnect:
        raise Refused(400, "the request was cut off") from None
    try:
        return inflate(bytes(data), encoding, MAX_INFLATED_BYTES)
    except TooLargeError:
        raise Refused(413, f"inflated, the body is larger than {MAX_INFLATED_BYTES} bytes") from None
    except InflateError as error:
        raise Refused(400, str(error)) from error
