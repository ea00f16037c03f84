"""Wires identity: one reader loop and the relay beside the operational endpoints."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import maxminddb
import structlog
from starlette.applications import Starlette

from services.common import clickhouse as ch
from services.common import keys
from services.common.access import Access
from services.common.background import Background
from services.common.clickthrough import Clickthroughs
from services.common.companies import CompanyStore
from services.common.contact_ids import ContactIds
from services.common.device import DeviceCodec
from services.common.door import ApiDoor
from services.common.envelope import add_error_handlers
from services.common.faults import FaultPoints, fault_points_from_environment
from services.common.field_registry import Fields, preset_rules
from services.common.guesses import GuardedAccess, Guesses
from services.common.live_feed import LiveFeed
from services.common.loss import LOST, WHAT_TO_DO, is_redis_lost
from services.common.loss import RETRY_SECONDS as LOST_RETRY_SECONDS
from services.common.merges import MergeStore
from services.common.migrate import cluster_of, migrate
from services.common.minute_counts import MinuteCounts
from services.common.openapi import OPENAPI_PATH, openapi_route
from services.common.profiles import ProfileStore
from services.common.records import RecordStore
from services.common.redis_client import RedisClient, RedisError, connect
from services.common.replication import Replicas
from services.common.service import end_process_if_failed, operation_routes, quiet_garbage_collector
from services.common.settings import Settings, SettingsError, load_settings
from services.common.timing import Timed
from services.common.values import Operator
from services.identity.agents import Agents
from services.identity.api import IdentityApi
from services.identity.companies import Companies
from services.identity.dead_letters import DeadLetters
from services.identity.erasing.backlog import ErasureBacklog
from services.identity.erasures import Erasures
from services.identity.faults import POINTS
from services.identity.identify import Rules
from services.identity.leases import Leases
from services.identity.merge_queue import MergeQueue
from services.identity.metrics import IdentityMetrics
from services.identity.openapi import DOCUMENT
from services.identity.operations import Operations
from services.identity.pipeline import Pipeline
from services.identity.placement import Placement
from services.identity.places import Places
from services.identity.proofs import Proofs
from services.identity.reader import Lane, Reader
from services.identity.relay import Relay
from services.identity.resolver import Resolver
from services.identity.slow_lane import SlowLane
from services.identity.suppression import SuppressionList
from services.identity.surroundings import Surroundings

log = structlog.get_logger()

# Of the slow lane: at most so many hits, so often, whatever else there is to do.
SLOW_BATCH_HITS, SLOW_BATCH_SECONDS = 2_000, 0.25
OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics", OPENAPI_PATH})


def create_app(settings: Settings | None = None) -> Timed:
    settings = settings or load_settings()
    if not settings.secret:
        raise SettingsError("SPOOR_SECRET is required: it keys the click-throughs")
    if not settings.admin_password:
        raise SettingsError("SPOOR_ADMIN_PASSWORD is required: the API has no other login")
    worker, guesses = Worker(settings), Guesses(settings.redis_url)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(worker.run())
        running.add_done_callback(end_process_if_failed)
        yield
        worker.stop()
        await running
        await guesses.close()

    api = IdentityApi(worker.redis, lambda: worker.operations, worker.metrics)
    operations = operation_routes(worker.metrics, worker.readiness)
    app = Starlette(routes=[*operations, *api.routes(), openapi_route(DOCUMENT)], lifespan=lifespan)
    app.router.redirect_slashes = False
    add_error_handlers(app)
    access = Access(settings.admin_user, settings.admin_password, settings.api_tokens)
    door = ApiDoor(app, GuardedAccess(access, guesses), OPEN_PATHS.__contains__)
    return Timed(door, worker.metrics.request_seconds, lambda *_: "")


class Worker:
    """One resolver with its connections."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.metrics = IdentityMetrics(settings.streams)
        self._places = _open_places(settings.geo_database)
        self.redis: RedisClient = connect(settings.redis_url)
        self._replicas = Replicas(self.redis, settings.redis_wait_replicas, settings.redis_wait_seconds)
        self._feed = LiveFeed(self.redis, self.metrics.live_errors)
        self._counts = MinuteCounts(self.redis, self.metrics.counts)
        self._surroundings = Surroundings(self.redis, settings.streams, self.metrics)
        self._reader: Reader | None = None
        self._slow_reader: Reader | None = None
        self.operations: Operations | None = None
        self._stopping = asyncio.Event()
        self._is_lost = False

    def stop(self) -> None:
        self._stopping.set()
        for reader in (self._reader, self._slow_reader):
            if reader:
                reader.stop()

    async def readiness(self) -> str | None:
        return self._reader.trouble if self._reader else LOST if self._is_lost else "starting"

    async def run(self) -> None:
        looking = asyncio.create_task(self._surroundings.run_forever())  # also while it waits for the servers
        looking.add_done_callback(end_process_if_failed)
        try:
            await self._run()
        finally:
            looking.cancel()
            await self.redis.aclose()

    async def _run(self) -> None:
        client, ids = await self._connect()
        if client is None or ids is None:
            return
        reader, slow_reader, relay_work, erasures = self._assemble(client, ids)
        duties = Background(self.redis, (erasures.duty(),), lease_seconds=self._settings.lease_seconds)
        quiet_garbage_collector()
        beside = [
            asyncio.create_task(work)
            for work in (relay_work.run(), duties.run(), self._feed.run_forever(), self._counts.run_forever())
        ]
        for task in beside:
            task.add_done_callback(end_process_if_failed)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(reader.run())
                group.create_task(slow_reader.read())
        finally:
            for task in beside:
                task.cancel()
            with contextlib.suppress(RedisError):
                await duties.release()
            await self._counts.close()
            await client.close()

    async def _connect(self) -> tuple[ch.ClickHouse | None, ContactIds | None]:
        """Waits until both servers answer and the schema is up to date."""
        while not self._stopping.is_set():
            try:
                await migrate(self._settings.clickhouse_url, cluster_of(self._settings))
                await self._replicas.learn()
                client = await ch.connect(self._settings.clickhouse_url)
                if await is_redis_lost(ProfileStore(self.redis), client):
                    await self._tell_loss(client)
                    continue
                ids = ContactIds(self.redis)
                await ids.open()
                return client, ids
            except (RedisError, ch.ClickHouseError, OSError) as error:
                log.warning("servers_unreachable", error=type(error).__name__, text=str(error)[:200])
                await asyncio.sleep(0.3)
        return None, None

    async def _tell_loss(self, client: ch.ClickHouse) -> None:
        if not self._is_lost:
            log.error(LOST, what_to_do=WHAT_TO_DO)
        self._is_lost = True
        await client.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), LOST_RETRY_SECONDS)

    def _assemble(self, client: ch.ClickHouse, ids: ContactIds) -> tuple[Reader, Reader, Relay, Erasures]:
        settings, faults = self._settings, fault_points_from_environment(POINTS)
        store, records = ProfileStore(self.redis, allow_oom=True), RecordStore(self.redis, allow_oom=True)
        dead_letters = DeadLetters(self.redis, self._replicas)
        proofs = Proofs(
            Clickthroughs(settings.secret, reads_unsigned=settings.unsigned_clickthrough),
            settings.identify_secret,
            requires_signature=settings.require_signed_identify,
        )
        pipeline = Pipeline(
            Agents(settings.bots, settings.not_bots),
            self._places,
            proofs,
            preset_rules(settings),
            reads_companies=settings.companies_from_hits,
        )
        queue, fields = MergeQueue(self.redis, faults), Fields(records, settings)
        suppression = SuppressionList(store, records, settings.secret)
        placement = Placement(store, ids, rules_of(settings), faults, queue, suppression)
        operations = self.operations = self._open_operations(client, ids, queue, fields, faults)
        companies = Companies(CompanyStore(store, records), faults)
        parts = (pipeline, fields, placement, store, client, dead_letters, self.metrics, faults, companies, records)
        slow_lane = SlowLane(self.redis, settings.streams, self.metrics)
        resolver = Resolver(*parts, self._replicas, self._feed, slow_lane, settings.hot_hits)
        slow_resolver = Resolver(*parts, self._replicas, self._feed)
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        leases = Leases(self.redis, name, settings.streams, settings.lease_seconds)
        self._reader = Reader(
            self.redis,
            leases,
            resolver,
            dead_letters,
            self.metrics,
            faults,
            Lane(keys.hits, slow_lane, is_slow=False),
            batch_hits=settings.batch_hits,
            batch_seconds=settings.batch_seconds,
            lease_seconds=settings.lease_seconds,
        )
        self._slow_reader = Reader(
            self.redis,
            leases,
            slow_resolver,
            dead_letters,
            self.metrics,
            faults,
            Lane(keys.slow_hits, slow_lane, is_slow=True),
            batch_hits=SLOW_BATCH_HITS,
            batch_seconds=SLOW_BATCH_SECONDS,
            lease_seconds=settings.lease_seconds,
        )
        merges = MergeStore(store, operations.first_seen_us, faults)
        relay = Relay(store, records, client, queue, merges, lambda: placement.rules, self.metrics)
        erasures = Erasures(settings, records, client, ErasureBacklog(self.redis), self.metrics, faults)
        return self._reader, self._slow_reader, relay, erasures

    def _open_operations(
        self, client: ch.ClickHouse, ids: ContactIds, queue: MergeQueue, fields: Fields, faults: FaultPoints
    ) -> Operations:
        """For calls over HTTP, which may not write to a Redis that is full: they are told to come again."""
        store = ProfileStore(self.redis)
        placement = Placement(store, ids, rules_of(self._settings), faults, queue)
        codec = DeviceCodec(self._settings.secret)
        return Operations(store, placement, client, codec, fields, self._replicas, faults)


def rules_of(settings: Settings) -> Rules:
    operator = Operator(settings.unique_operator.lower())
    return Rules(settings.unique_fields, operator, settings.max_identifiers, settings.max_merges_a_minute)


def _open_places(paths: tuple[str, ...]) -> Places:
    try:
        return Places(paths)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise SettingsError(f"SPOOR_GEO_DATABASE: {error}") from error
