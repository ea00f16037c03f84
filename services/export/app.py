"""Wires the export service: jobs on disk, ClickHouse behind, one login in front."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from starlette.applications import Starlette

from services.common import clickhouse as ch
from services.common.door import ApiDoor
from services.common.envelope import STORES_AWAY, add_error_handlers
from services.common.field_registry import Fields
from services.common.logins import Logins
from services.common.migrate import cluster_of, migrate
from services.common.openapi import OPENAPI_PATH, document_of, openapi_route
from services.common.peer import read_networks
from services.common.rate_limit import RateLimit
from services.common.records import RecordStore
from services.common.redis_client import connect
from services.common.service import operation_routes
from services.common.settings import Settings, SettingsError, load_settings
from services.common.user_directory import UserDirectory
from services.export.api import ExportsApi
from services.export.erased import ErasureMark
from services.export.jobs.exporter import Exporter
from services.export.jobs.folder import JobFolder
from services.export.jobs.store import ObjectStore
from services.export.links import Links
from services.export.metrics import ExportMetrics
from services.export.notices import Notices
from services.export.record_folder import RecordFolder
from services.export.schedules.api import SchedulesApi
from services.export.schedules.schedule import Schedule
from services.export.schedules.scheduler import Scheduler

log = structlog.get_logger()

OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics", OPENAPI_PATH})
RETRY_SECONDS = 0.3
CHECK_SECONDS = 2.0
QUERY_SECONDS = 3_600.0


def create_app(settings: Settings | None = None) -> ApiDoor:
    settings = settings or load_settings()
    if not settings.admin_password:
        raise SettingsError("SPOOR_ADMIN_PASSWORD is required: the API has no other login")
    if not settings.redis_url:
        raise SettingsError("SPOOR_REDIS_URL is required: users and their tokens are kept there")
    metrics = ExportMetrics()
    folder = JobFolder(Path(settings.data_dir) / "exports")
    connection, redis = Connection(settings), connect(settings.redis_url)
    records = RecordStore(redis)
    users, links = UserDirectory(records), Links(settings.secret, settings.export_url)
    exporter = Exporter(
        folder, metrics, Fields(records, settings), Notices(settings, users, links), ObjectStore(settings),
        settings.clickhouse_url, ErasureMark(redis), limit=settings.export_limit, days=settings.export_days,
    )  # fmt: skip
    logins = Logins(settings, redis, users)
    schedules = RecordFolder(folder.folder / "schedules", Schedule)
    scheduler = Scheduler(schedules, exporter, logins, metrics)
    limit = RateLimit(settings.redis_url, "api", settings.api_rate_limiter_limit, settings.api_rate_limiter_seconds)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        folder.open()
        schedules.make()
        os.environ["TMPDIR"] = str(folder.folder)  # sheets that do not fit into memory are put together there
        opening = asyncio.create_task(connection.open(exporter, scheduler))
        yield
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        await scheduler.close()
        await exporter.close()
        await connection.close()
        await limit.close()
        await logins.close()
        await redis.aclose()

    exports = [*ExportsApi(exporter, folder, links).routes(), *SchedulesApi(schedules, folder, exporter).routes()]
    operations = operation_routes(metrics, connection.trouble)
    described = openapi_route(document_of("Spoor export", exports))
    app = Starlette(routes=[*operations, *exports, described], lifespan=lifespan)
    app.router.redirect_slashes = False
    add_error_handlers(app)
    return ApiDoor(app, logins, OPEN_PATHS.__contains__, limit=limit, trusted=read_networks(settings.trusted_proxies))


class Connection:
    """ClickHouse, waited for in the background."""

    def __init__(self, settings: Settings) -> None:
        self._url, self._cluster = settings.clickhouse_url, cluster_of(settings)
        self._client: ch.ClickHouse | None = None

    async def open(self, exporter: Exporter, scheduler: Scheduler) -> None:
        while self._client is None:
            try:
                await migrate(self._url, self._cluster)
                self._client = await ch.connect(self._url, timeout_seconds=QUERY_SECONDS)
            except STORES_AWAY as error:
                log.warning("clickhouse_unreachable", error=type(error).__name__, text=str(error)[:200])
                await asyncio.sleep(RETRY_SECONDS)
        exporter.open(self._client)
        scheduler.open()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def trouble(self) -> str | None:
        """What keeps this process from its work, or None."""
        if self._client is None:
            return "starting"
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._client.query("SELECT 1")
        except STORES_AWAY:
            return "clickhouse_unreachable"
        return None
