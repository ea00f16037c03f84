"""The connections of one process: Redis and ClickHouse, waited for in the background, and checked before a write."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from functools import cached_property

import structlog

from services.common import clickhouse as ch
from services.common.audit import AuditLog
from services.common.availability import Availability
from services.common.companies import CompanyStore
from services.common.contact_ids import ContactIds
from services.common.documents import User
from services.common.envelope import STORES_AWAY, ApiError
from services.common.faults import fault_points_from_environment
from services.common.field_registry import Fields
from services.common.logins import Logins
from services.common.loss import LOST, WHAT_TO_DO, is_redis_lost
from services.common.loss import RETRY_SECONDS as LOST_RETRY_SECONDS
from services.common.migrate import cluster_of, migrate
from services.common.profiles import ProfileStore
from services.common.records import RecordStore
from services.common.redis_client import RedisClient, connect, ping
from services.common.replication import Mark, Replicas
from services.common.settings import Settings
from services.common.user_directory import UserDirectory
from services.common.values import Operator
from services.contacts.people.faults import POINTS
from services.contacts.people.projector import Projector
from services.contacts.people.visitor_counts import VisitorCounts
from services.contacts.points.colors import TriggerColors
from services.contacts.segments import faults as segment_faults
from services.contacts.users.seed import seed_users
from services.contacts.webhooks.queue import HookQueue

log = structlog.get_logger()

CHECK_TIMEOUT_SECONDS = 2.0
RETRY_SECONDS = 0.3

_mark: ContextVar[Mark] = ContextVar("mark", default=None)  # of the request that runs: each has a context of its own


class BusyError(Exception):
    """Other writers of the same contact or company won for too long."""


class Stores:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.faults = fault_points_from_environment((*POINTS, *segment_faults.POINTS))
        self.redis: RedisClient = connect(settings.redis_url)
        self.replicas = Replicas(self.redis, settings.redis_wait_replicas, settings.redis_wait_seconds)
        self.profiles = ProfileStore(self.redis, is_grouped=True)
        self.records = RecordStore(self.redis)
        self.companies = CompanyStore(self.profiles, self.records)
        self.hooks = HookQueue(self.redis, self.records, settings.webhook_max_queued)
        self.ids = ContactIds(self.redis)
        self.fields = Fields(self.records, settings)
        self.colors = TriggerColors(self.records)
        self.directory = UserDirectory(self.records)
        self.audit = AuditLog(self.redis)
        self.operator = Operator(settings.unique_operator.lower())
        self.visitor_counts = VisitorCounts()
        self._clickhouse: ch.ClickHouse | None = None
        self._projector: Projector | None = None
        self._is_lost = False
        self._availability = Availability()

    @cached_property
    def logins(self) -> Logins:
        return Logins(self._settings, self.redis, self.directory)

    @property
    def is_open(self) -> bool:
        return self._clickhouse is not None

    @property
    def clickhouse(self) -> ch.ClickHouse:
        """Raises `ApiError` 503 until the first connection."""
        if self._clickhouse is None:
            raise self._not_open()
        return self._clickhouse

    @property
    def projector(self) -> Projector:
        if self._projector is None:
            raise self._not_open()
        return self._projector

    def _not_open(self) -> ApiError:
        return ApiError(503, WHAT_TO_DO if self._is_lost else "The service is starting.")

    async def open(self) -> None:
        """Waits, however long it takes, until both servers answer and the schema is up to date."""
        while True:
            try:
                await migrate(self._settings.clickhouse_url, cluster_of(self._settings))
                await self.replicas.learn()
                client = await ch.connect(self._settings.clickhouse_url)
                await self._wait_while_lost(client)
                await self.ids.open()
                await seed_users(self.records, client, self._settings.admin_user)
                self._projector = Projector(self.profiles, client)
                self._availability.watch(client)
                self._clickhouse = client
                return
            except STORES_AWAY as error:
                log.warning("servers_unreachable", error=type(error).__name__, text=str(error)[:200])
                await asyncio.sleep(RETRY_SECONDS)

    async def _wait_while_lost(self, client: ch.ClickHouse) -> None:
        while await is_redis_lost(self.profiles, client):
            if not self._is_lost:
                log.error(LOST, what_to_do=WHAT_TO_DO)
            self._is_lost = True
            await asyncio.sleep(LOST_RETRY_SECONDS)
        self._is_lost = False

    async def owners(self, user_ids: set[int]) -> dict[int, User]:
        """Those of these users that there are."""
        found = {one: await self.directory.user(one) for one in user_ids if one}
        return {one: user for one, user in found.items() if user}

    async def close(self) -> None:
        if "logins" in self.__dict__:
            await self.logins.close()
        if self._clickhouse is not None:
            await self._clickhouse.close()
        await self.redis.aclose()

    async def check_clickhouse(self) -> None:
        """Raises what ClickHouse's absence raises; a write asks here before it touches Redis. One check serves all.

        What is read and written from here on is what `confirm` is about.
        """
        if self._clickhouse is None:
            raise self._not_open()
        _mark.set(self.replicas.mark())
        await self._availability.check()

    async def confirm(self) -> None:
        """Returns when nothing of the write could be lost with a master of Redis. Raises `RedisError`."""
        await self.replicas.confirm(_mark.get())

    def distrust(self) -> None:
        """The next write asks again: something has just failed."""
        self._availability.distrust()

    async def trouble(self) -> str | None:
        """What keeps this process from its work, or None."""
        if self._clickhouse is None:
            return LOST if self._is_lost else "starting"
        try:
            await self._availability.ask()
        except STORES_AWAY:
            return "clickhouse_unreachable"
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                await ping(self.redis)
                await self.replicas.learn()
        except STORES_AWAY:
            return "redis_unreachable"
        return None
