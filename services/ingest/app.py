"""Wires ingest: the hot endpoints as plain ASGI in front of a Starlette app for everything else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.clickthrough import Clickthroughs
from services.common.contact_ids import ContactIds
from services.common.device import DeviceCodec
from services.common.hit import Door as DoorKind
from services.common.redis_client import RedisClient, RedisError, connect
from services.common.service import end_process_if_failed, operation_routes, quiet_garbage_collector
from services.common.settings import Settings, SettingsError, load_settings
from services.ingest import answers
from services.ingest.answers import Headers
from services.ingest.batch_api import BatchApi
from services.ingest.body import CutOffError, read_body
from services.ingest.buffer import EXPECTED_ERRORS, HitBuffer, HitsNotKeptError
from services.ingest.cors import Cors
from services.ingest.door import Admitted, Door, Dropped, read_headers, too_large
from services.ingest.forms import Forms
from services.ingest.memory import find_weakness, watch_memory
from services.ingest.metrics import IngestMetrics
from services.ingest.script.script import load_script
from services.ingest.spill import Spill
from services.ingest.touchpoints import TouchPoints
from services.ingest.tracking_queue import Queued, TrackingQueue
from services.ingest.visitor import PRIVACY_SIGNALS, Visitors

log = structlog.get_logger()

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

HIT_TIMEOUT_SECONDS = 5.0
WARN_SECONDS = 60.0
REPLAY_SECONDS = 0.5


def create_app(settings: Settings | None = None) -> IngestApp:
    settings = settings or load_settings()
    if not settings.secret:
        raise SettingsError("SPOOR_SECRET is required: it keys the device ids")
    return IngestApp(settings)


class IngestApp:
    """The ASGI application. Nothing of it is shared between workers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.redis: RedisClient = connect(settings.redis_url, timeout_seconds=HIT_TIMEOUT_SECONDS)
        self.ids = ContactIds(self.redis)
        self.spill = _open_spill(settings)
        self.buffer = HitBuffer(
            self.redis, settings.streams, settings.max_buffered_hits, HIT_TIMEOUT_SECONDS, self.spill
        )
        self._cors = Cors(settings.cors_origins)
        self.metrics = IngestMetrics(self.buffer, self.spill, self._cors)
        visitors = Visitors(
            settings.trusted_proxies,
            settings.do_not_track_ips,
            track_private_ip_ranges=settings.track_private_ip_ranges,
            anonymize_ip=settings.anonymize_ip,
            privacy_signals=[name for name in PRIVACY_SIGNALS if getattr(settings, f"respect_{name}")],
        )
        codec = DeviceCodec(settings.secret)
        self._door = Door(codec, visitors, self.ids.take)
        self._touch_points = TouchPoints(
            self._door,
            self.buffer,
            self._cors,
            self.metrics,
            self.redis,
            Clickthroughs(settings.secret),
            passes_clickthrough=settings.pass_clickthrough,
        )
        self._queue = TrackingQueue(self.redis)
        self._forms = Forms(self._door, self.buffer, self._cors, self.metrics, self.redis, settings.secret)
        self._batch = BatchApi(settings, self.redis, self.buffer, visitors, codec, self._cors, self.metrics)
        self._is_open = False
        self._hot: dict[str, Callable[[Any, Receive, Send], Awaitable[None]]] = {
            "/mtracking.gif": self._pixel,
            "/mtc/event": self._event,
            "/mtc": self._identity,
        }
        self._rest = self._starlette()

    def __call__(self, scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        hot = self._hot.get(scope["path"]) if scope["type"] == "http" else None
        if hot is None:
            return self._cold(scope, receive, send)
        return self._preflight(scope, send) if scope["method"] == "OPTIONS" else hot(scope, receive, send)

    async def _pixel(self, scope: Any, _: Receive, send: Send) -> None:
        headers = read_headers(scope["headers"])
        status = too_large(scope["query_string"], scope["headers"])
        if status is None:
            try:
                admission = self._admit(scope, headers, b"", DoorKind.PIXEL)
                if admission is None:
                    await _answer(send, 200, answers.PIXEL_HEADERS, answers.GIF)
                    return
                hit, device, is_news = admission
                await self.buffer.keep(hit)
            except HitsNotKeptError:
                status = 503
            else:
                self.metrics.accepted.add(value="pixel")
                head = answers.PIXEL_HEADERS + answers.device_cookies(device) if is_news else answers.PIXEL_HEADERS
                await _answer(send, 200, head, answers.GIF)
                return
        await self._refuse(send, status)

    async def _event(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = read_headers(scope["headers"])
        cors = self._cors.headers(headers.get(b"origin"))
        status = too_large(scope["query_string"], scope["headers"])
        body: bytes | None = b""
        if status is None and scope["method"] not in ("GET", "HEAD"):
            try:
                body = await read_body(headers, receive)
                status = 413 if body is None else None
            except CutOffError:
                status = 400
        if status is None:
            assert body is not None
            try:
                admission = self._admit(scope, headers, body, DoorKind.EVENT)
                if admission is None:
                    await _answer_json(send, answers.event_body(None, 0), cors)
                    return
                hit, device, is_news = admission
                whereabouts = await self.buffer.keep(hit, asks_contact=not hit.is_new_device)
            except HitsNotKeptError:
                status = 503
            else:
                self.metrics.accepted.add(value="event")
                contact_id = whereabouts.get(device.contact_id, device.contact_id)
                extra = cors + answers.device_cookies(device) if is_news else cors
                queued = await self._queued(contact_id, body) if self._queue.has_some else None
                await _answer_json(send, answers.event_body(device, contact_id, queued), extra)
                return
        await self._refuse(send, status, cors)

    async def _queued(self, contact_id: int, body: bytes) -> Queued | None:
        """Nobody reads the answer to a beacon."""
        return None if b"left_event_id=" in body else await self._queue.take(contact_id)

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
        extra = cors + answers.device_cookies(device) if is_news else cors
        await _answer_json(send, answers.identity_body(device, contact_id), extra)

    async def _whereabouts(self, contact_id: int) -> int:
        return (await self.buffer.ask([contact_id])).get(contact_id, contact_id)

    def _admit(self, scope: Any, headers: dict[bytes, bytes], body: bytes, door: DoorKind) -> Admitted | None:
        """The hit of a request, or None when it is dropped, and counted."""
        admission = self._door.admit(scope, headers, body, door, time.time_ns() // 1_000)
        if type(admission) is Admitted:
            return admission
        assert isinstance(admission, Dropped)
        self.metrics.dropped.add(value=admission.reason)
        return None

    async def _cold(self, scope: Any, receive: Receive, send: Send) -> None:
        """Everything but the hot paths; OPTIONS is answered alike on any path."""
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            await self._preflight(scope, send)
        else:
            await self._rest(scope, receive, send)

    async def _preflight(self, scope: Any, send: Send) -> None:
        origin = dict(scope["headers"]).get(b"origin")
        await _answer(send, 204, self._cors.headers(origin), b"")

    async def _refuse(self, send: Send, status: int, cors: Headers | None = None) -> None:
        self.metrics.refused.add(value=answers.ERRORS[status])
        headers, body = answers.error(status)
        await _answer(send, status, headers + (cors or []), body)

    def _starlette(self) -> Starlette:
        script = load_script()

        async def mtc_js(request: Request) -> Response:
            headers = {"etag": script.etag, "cache-control": "public, max-age=3600", "vary": "Accept-Encoding"}
            if script.etag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers=headers)
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["content-encoding"] = "gzip"
                return Response(script.gzip_body, media_type="application/javascript", headers=headers)
            return Response(script.body, media_type="application/javascript", headers=headers)

        async def not_found(_: Request, __: Exception) -> Response:
            self.metrics.refused.add(value=answers.ERRORS[404])
            headers, body = answers.error(404)
            return Response(body, 404, {name.decode(): value.decode() for name, value in headers})

        return Starlette(
            routes=[
                Route("/mtc.js", mtc_js, methods=["GET"]),
                *self._touch_points.routes(),
                *self._forms.routes(),
                *self._batch.routes(),
                *operation_routes(self.metrics.registry, self._readiness, self.metrics.warning),
            ],
            lifespan=self._lifespan,
            exception_handlers={404: not_found},
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.buffer.start()
        background = [
            asyncio.create_task(self._open()),
            asyncio.create_task(watch_memory(self.redis, self.buffer, self._settings.redis_memory_share)),
            asyncio.create_task(self._warn_forever()),
            asyncio.create_task(self._queue.watch_forever()),
        ]
        if self.spill:
            background.append(asyncio.create_task(self._replay_forever()))
        for task in background:
            task.add_done_callback(end_process_if_failed)
        yield
        self._is_open = False
        for task in background:
            task.cancel()
        await self.buffer.close()
        if self.spill:
            self.spill.close()
        await self._batch.close()
        await self.redis.aclose()

    async def _open(self) -> None:
        """Waits for Redis, then takes the first ids: from here on the service can do its job."""
        while not self._is_open:
            try:
                await self.ids.open()
                self.metrics.redis_weakness = await find_weakness(self.redis)
                quiet_garbage_collector()
                self._is_open = True
            except RedisError as error:
                log.warning("redis_unreachable", error=type(error).__name__)
                await asyncio.sleep(0.2)

    async def _warn_forever(self) -> None:
        while True:
            await asyncio.sleep(WARN_SECONDS)
            if warning := self.metrics.warning():
                log.warning("look_at_this", warning=warning, drops=self.metrics.dropped.total())

    async def _replay_forever(self) -> None:
        """Also what a process that is no more has left."""
        while True:
            try:
                await self.buffer.replay()
            except (*EXPECTED_ERRORS, HitsNotKeptError):
                pass  # it waits, which /readyz and the metrics say
            await asyncio.sleep(REPLAY_SECONDS)

    async def _readiness(self) -> str | None:
        if self.spill and self.spill.has_room():
            return None  # hits are safe here whatever Redis does; the warning says that they wait
        if not self._is_open:
            return "redis_unreachable"
        if self.buffer.is_full:
            return "redis_nearly_full"
        try:
            await self.redis.ping()
        except RedisError:
            return "redis_unreachable"
        return None


def _open_spill(settings: Settings) -> Spill | None:
    if not settings.spill_dir:
        return None
    spill = Spill(Path(settings.spill_dir), settings.spill_max_bytes)
    try:
        spill.open()
    except OSError as error:
        raise SettingsError(f"SPOOR_SPILL_DIR: {error}") from error
    return spill


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    # Granian takes the head when it is called, not when it is awaited: 3 microseconds saved on every answer.
    _ = send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer_json(send: Send, body: bytes, extra: Headers) -> None:
    length = (b"content-length", b"%d" % len(body))
    await _answer(send, 200, [*answers.JSON_HEADERS, length, *extra], body)
