"""The hot paths as plain ASGI: the pixel, the script's page view, who the caller is, and consent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from services.common.clickthrough import Clickthroughs, Verdict
from services.common.hit import Door as DoorKind
from services.common.redis_client import RedisError
from services.ingest import answers
from services.ingest.answers import Headers
from services.ingest.body import HotBodies, Receive
from services.ingest.buffer import HitsNotKeptError
from services.ingest.door import Admitted, Dropped, read_clickthrough, read_consent, read_headers, too_large
from services.ingest.entrance import Entrance
from services.ingest.tracking_queue import Queued, TrackingQueue

Send = Callable[[Any], Awaitable[None]]
Handler = Callable[[Any, Receive, Send], Awaitable[None]]


class HotPaths:
    def __init__(self, entrance: Entrance, queue: TrackingQueue, clickthroughs: Clickthroughs) -> None:
        self._door, self._buffer, self._cors = entrance.door, entrance.buffer, entrance.cors
        self._metrics, self._drops = entrance.metrics, entrance.drops
        self._queue, self._clickthroughs = queue, clickthroughs
        self.bodies = HotBodies()

    def handlers(self) -> dict[str, Handler]:
        """By path."""
        return {
            "/mtracking.gif": self._pixel,
            "/mtc/event": self._event,
            "/mtc": self._identity,
            "/mtc/consent": self._consent,
        }

    async def _pixel(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = read_headers(scope["headers"])
        cors = self._cors.headers(headers.get(b"origin"))
        status = too_large(scope["query_string"], scope["headers"])
        body = b""
        if status is None and scope["method"] not in ("GET", "HEAD"):
            body, status = await self.bodies.read(headers, receive)
        if status is None:
            try:
                admission = self._admit(scope, headers, body, DoorKind.PIXEL)
                if isinstance(admission, Dropped):
                    await _answer(send, 200, answers.PIXEL_HEADERS + cors, answers.GIF)
                    return
                hit, device, is_news = admission
                await self._buffer.keep(hit)
            except HitsNotKeptError:
                status = 503
            else:
                self._metrics.accepted.add(value="pixel")
                head = answers.PIXEL_HEADERS + cors
                await _answer(send, 200, head + answers.device_cookies(device) if is_news else head, answers.GIF)
                return
        await self._refuse(send, status, cors)

    async def _event(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = read_headers(scope["headers"])
        cors = self._cors.headers(headers.get(b"origin"))
        status = too_large(scope["query_string"], scope["headers"])
        body = b""
        if status is None and scope["method"] not in ("GET", "HEAD"):
            body, status = await self.bodies.read(headers, receive)
        if status is None:
            try:
                admission = self._admit(scope, headers, body, DoorKind.EVENT)
                if isinstance(admission, Dropped):
                    await _answer_json(send, answers.dropped_body(admission.reason), cors)
                    return
                hit, device, is_news = admission
                whereabouts = await self._buffer.keep(hit, asks_contact=not hit.is_new_device)
            except HitsNotKeptError:
                status = 503
            else:
                self._metrics.accepted.add(value="event")
                contact_id = whereabouts.get(device.contact_id, device.contact_id)
                extra = cors + answers.device_cookies(device, contact_id) if is_news else cors
                queued = await self._queued(contact_id, scope, body) if self._queue.has_some else None
                await _answer_json(send, answers.event_body(device, contact_id, queued), extra)
                return
        await self._refuse(send, status, cors)

    async def _queued(self, contact_id: int, scope: Any, body: bytes) -> Queued | None:
        """Nobody reads the answer to a beacon."""
        is_beacon = b"left_event_id=" in body or b"left_event_id=" in scope["query_string"]
        return None if is_beacon else await self._queue.take(contact_id)

    async def _identity(self, scope: Any, receive: Receive, send: Send) -> None:
        """/mtc names the caller without recording a hit; a new visitor costs nothing until there is one."""
        headers = read_headers(scope["headers"])
        cors = self._cors.headers(headers.get(b"origin"))
        status = too_large(scope["query_string"], scope["headers"])
        if status is not None:
            await self._refuse(send, status, cors)
            return
        if self._door.refuses(scope, headers):
            await _answer_json(send, answers.identity_body(None, 0), cors)
            return
        try:
            device, _, is_news = self._door.device(headers, scope["query_string"], b"")
            contact_id = await self._whereabouts(device.contact_id)
        except RedisError:
            await self._refuse(send, 503, cors)
            return
        extra = cors + answers.device_cookies(device, contact_id) if is_news else cors
        await _answer_json(send, answers.identity_body(device, contact_id), extra)

    async def _consent(self, scope: Any, receive: Receive, send: Send) -> None:
        """Who denies is forgotten by the browser, which also remembers the no, until somebody grants."""
        headers = read_headers(scope["headers"])
        cors = self._cors.headers(headers.get(b"origin"))
        status = too_large(scope["query_string"], scope["headers"]) if scope["method"] == "POST" else 405
        body = b""
        if status is None:
            body, status = await self.bodies.read(headers, receive)
        choice = read_consent(body)
        if status is None and choice:
            await _answer_json(send, answers.SUCCESS, cors + answers.consent_cookies(choice))
        else:
            await self._refuse(send, status or 400, cors)

    async def _whereabouts(self, contact_id: int) -> int:
        return (await self._buffer.ask([contact_id])).get(contact_id, contact_id)

    def _admit(self, scope: Any, headers: dict[bytes, bytes], body: bytes, door: DoorKind) -> Admitted | Dropped:
        """The hit of a request, or why it is dropped, which is counted."""
        admission = self._door.admit(scope, headers, body, door, time.time_ns() // 1_000)
        query = scope["query_string"]
        if door is DoorKind.EVENT and (b"ct=" in body or b"ct=" in query) and type(admission) is Admitted:
            admission = self._judge_clickthrough(query, body) or admission
        if isinstance(admission, Dropped):
            self._drops.add(admission.reason, scope, headers, body, self._door.address(scope, headers))
        return admission

    def _judge_clickthrough(self, query: bytes, body: bytes) -> Dropped | None:
        """A script that sends a spoiled `ct` itself is told so; one in a page's address is passed over."""
        token = read_clickthrough(query, body)
        is_bad = token and self._clickthroughs.read(token, time.time())[1] is Verdict.BAD
        return Dropped("bad_clickthrough") if is_bad else None

    async def preflight(self, scope: Any, send: Send) -> None:
        origin = dict(scope["headers"]).get(b"origin")
        await _answer(send, 204, self._cors.headers(origin), b"")

    async def _refuse(self, send: Send, status: int, cors: Headers | None = None) -> None:
        self._metrics.refused.add(value=answers.ERRORS[status])
        headers, body = answers.error(status)
        await _answer(send, status, headers + (cors or []), body)


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    # Granian takes the head when it is called, not when it is awaited: 3 microseconds saved on every answer.
    _ = send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer_json(send: Send, body: bytes, extra: Headers) -> None:
    length = (b"content-length", b"%d" % len(body))
    await _answer(send, 200, [*answers.JSON_HEADERS, length, *extra], body)
