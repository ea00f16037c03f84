"""Groups the projections of concurrent requests: one insert for all that come while another one is under way."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Protocol

import structlog

from services.common.clickhouse import ClickHouse, insert_rows
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.projection import insert_profiles, settle_profiles
from services.common.tables import EVENTS, ToldRow

log = structlog.get_logger()

MAX_AT_ONCE = 2_000  # profiles in one insert


class _Waiting(NamedTuple):
    profiles: list[Profile]
    events: list[ToldRow]
    done: asyncio.Future[None]


class Projection(Protocol):
    """Where written profiles, and what they add to histories, go on to."""

    async def put(self, profiles: list[Profile], events: list[ToldRow] | None = None) -> None: ...


class Collected:
    """Keeps what the items of a batch put until all are done: one insert, however often they change one contact."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._profiles: list[Profile] = []
        self._events: list[ToldRow] = []

    async def put(self, profiles: list[Profile], events: list[ToldRow] | None = None) -> None:
        self._profiles += profiles
        self._events += events or []

    async def flush(self) -> None:
        """As `Projector.put`."""
        await self._projection.put(self._profiles, self._events)


class Projector:
    def __init__(self, store: ProfileStore, clickhouse: ClickHouse) -> None:
        self._store, self._clickhouse = store, clickhouse
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, profiles: list[Profile], events: list[ToldRow] | None = None) -> None:
        """Returns when these versions, and what they add to histories, are in ClickHouse; raises what the insert
        raised, and the outbox repeats the versions."""
        if not profiles:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(profiles, events or [], done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush_all())
        await done

    async def _flush_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # whoever has written at the same time comes along
            await self._flush(self._take())

    def _take(self) -> list[_Waiting]:
        count = profiles = 0
        for waiting in self._waiting:
            profiles += len(waiting.profiles)
            if count and profiles > MAX_AT_ONCE:
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    async def _flush(self, batch: list[_Waiting]) -> None:
        profiles = [one for waiting in batch for one in waiting.profiles]
        try:
            await asyncio.gather(
                insert_profiles(self._clickhouse, profiles),
                insert_rows(self._clickhouse, EVENTS, [one for waiting in batch for one in waiting.events]),
            )
        except Exception as error:  # whoever waits is told, whatever it was
            for waiting in batch:
                if not waiting.done.done():
                    waiting.done.set_exception(error)
            return
        for waiting in batch:
            if not waiting.done.done():
                waiting.done.set_result(None)
        try:
            await settle_profiles(self._store, profiles)
        except Exception as error:  # nobody waits for it: the outbox repeats what it did not forget
            log.warning("profiles_not_settled", error=type(error).__name__, text=str(error)[:200])
