"""Wires ingest: the hot endpoints as plain ASGI in front of a Starlette app for everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.common.answer_headers import NO_SNIFFING, adding
from services.common.clickthrough import Clickthroughs
from services.common.contact_ids import ContactIds
from services.common.device import DeviceCodec
from services.common.guesses import Guesses
from services.common.live_feed import LiveFeed
from services.common.minute_counts import MinuteCounts
from services.common.patience import patient
from services.common.redis_client import RedisClient, RedisError, connect, ping
from services.common.replication import NotReplicatedError, Replicas
from services.common.service import end_process_if_failed, operation_routes, quiet_garbage_collector
from services.common.settings import Settings, SettingsError, load_settings
from services.common.user_cookie import UserCookies
from services.ingest.batch_api import BatchApi
from services.ingest.body import Receive
from services.ingest.buffer import EXPECTED_ERRORS, HitBuffer, HitsNotKeptError
from services.ingest.cors import Cors
from services.ingest.door import Door, read_headers
from services.ingest.drops import Drops, DropsApi
from services.ingest.entrance import Entrance
from services.ingest.forms import Forms
from services.ingest.guard import Refused, refusal, with_headers
from services.ingest.hot import HotPaths, Send
from services.ingest.live import Live
from services.ingest.mail_view import MailView
from services.ingest.memory import find_weakness, watch_memory
from services.ingest.metrics import IngestMetrics
from services.ingest.paths import read_aliases
from services.ingest.reception import Reception
from services.ingest.script.routes import script_routes
from services.ingest.script.script import load_script
from services.ingest.senders import Senders
from services.ingest.spill import Spill
from services.ingest.touchpoints import TouchPoints
from services.ingest.tracking_queue import TrackingQueue
from services.ingest.unsubscribing import Unsubscribing
from services.ingest.visitor import PRIVACY_SIGNALS, Visitors

log = structlog.get_logger()

HIT_TIMEOUT_SECONDS = 5.0
WARN_SECONDS = 60.0
REPLAY_SECONDS = 0.5
PROBE_SECONDS = 1.0  # or whoever probes gives up before it hears the reason


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
        self.replicas = Replicas(self.redis, settings.redis_wait_replicas, settings.redis_wait_seconds)
        self.buffer = HitBuffer(
            self.redis,
            settings.streams,
            settings.max_buffered_hits,
            HIT_TIMEOUT_SECONDS,
            self.spill,
            self.replicas,
        )
        self._cors = Cors(settings.cors_origins)
        self.metrics = IngestMetrics(self.buffer, self.spill, self._cors)
        self.buffer.on_flush = self.metrics.count_flush
        visitors = Visitors(
            settings.trusted_proxies,
            settings.do_not_track_ips,
            track_private_ip_ranges=settings.track_private_ip_ranges,
            anonymize_ip=settings.anonymize_ip,
            privacy_signals=[name for name in PRIVACY_SIGNALS if getattr(settings, f"respect_{name}")],
            is_user=None if settings.track_users else UserCookies(settings.secret).is_good,
        )
        codec, clickthroughs = DeviceCodec(settings.secret), Clickthroughs(settings.secret)
        aliases = read_aliases(settings.path_aliases)
        self._feed = LiveFeed(self.redis, self.metrics.live_errors)
        self._live = Live(self._feed, self._cors, visitors, aliases)
        self._counts = MinuteCounts(self.redis, self.metrics.counts)
        door, drops = Door(codec, visitors, self.ids.take), Drops(self.metrics.dropped, self._live)
        entrance = Entrance(door, self.buffer, self._cors, self.metrics, drops, self.redis, self._live)
        senders = Senders(
            settings.write_keys, (settings.admin_user, settings.admin_password), settings.batch_events_per_second
        )
        self._guesses = Guesses(settings.redis_url)
        reception = Reception(senders, self._guesses, door)
        self._queue = TrackingQueue(self.redis)
        self._paths = HotPaths(entrance, self._queue, clickthroughs)
        self._batch = BatchApi(entrance, reception, senders, visitors, codec, settings)
        self._routes = [
            *TouchPoints(entrance, clickthroughs, passes_clickthrough=settings.pass_clickthrough).routes(),
            *Unsubscribing(entrance, settings.secret).routes(),
            *MailView(entrance, settings.secret).routes(),
            *Forms(entrance, settings.secret).routes(),
            *self._batch.routes(),
            *DropsApi(drops, reception, self._cors, self.metrics).routes(),
        ]
        self._is_open = False
        self._hot = self._paths.handlers()
        self._hot |= {alias: self._hot[path] for alias, path in aliases.items() if path in self._hot}
        self._script_names = ["/mtc.js", *(alias for alias, path in aliases.items() if path == "/mtc.js")]
        self._rest = self._starlette()

    def __call__(self, scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        if self._feed.is_watched:
            send = self._live.watched(scope, send)
        hot = self._hot.get(scope["path"]) if scope["type"] == "http" else None
        if hot is None:
            return self._cold(scope, receive, send)
        return self._paths.preflight(scope, send) if scope["method"] == "OPTIONS" else hot(scope, receive, send)

    async def _cold(self, scope: Any, receive: Receive, send: Send) -> None:
        """Everything but the hot paths; OPTIONS is answered alike on any path."""
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            await self._paths.preflight(scope, send)
        else:
            await self._rest(scope, patient(receive), adding(send, (NO_SNIFFING,)))

    def _starlette(self) -> Starlette:
        async def refused(request: Request, error: Exception) -> Response:
            assert isinstance(error, HTTPException)
            response = refusal(Refused(error.status_code), self.metrics)
            return with_headers(response, self._cors.headers(read_headers(request.scope["headers"]).get(b"origin")))

        app = Starlette(
            routes=[
                *script_routes(load_script(self._settings), self._script_names, self._cors),
                *self._routes,
                *operation_routes(self.metrics, self._readiness, self.metrics.warning),
            ],
            lifespan=self._lifespan,
            exception_handlers={404: refused, 405: refused},
        )
        app.router.redirect_slashes = False  # it would lead to wherever the Host header says
        return app

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.buffer.start()
        background = [
            asyncio.create_task(self._open()),
            asyncio.create_task(watch_memory(self.redis, self.buffer, self._settings.redis_memory_share)),
            asyncio.create_task(self._warn_forever()),
            asyncio.create_task(self._queue.watch_forever()),
            asyncio.create_task(self._paths.bodies.cut_off_forever()),
            asyncio.create_task(self._feed.run_forever()),
            asyncio.create_task(self._counts.run_forever()),
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
        await self._counts.close()
        if self.spill:
            self.spill.close()
        await self._batch.close()
        await self._guesses.close()
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
            async with asyncio.timeout(PROBE_SECONDS):
                await ping(self.redis)
                await self.replicas.learn(PROBE_SECONDS / 2)
        except NotReplicatedError:
            return "redis_not_replicated"
        except (RedisError, TimeoutError):
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
