"""What chunks add to ClickHouse: the rows of some chunks in one insert. Of 25,000 at once each costs half of what
it does of 5,000: larger parts are merged less often."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import structlog

from services.common.clickhouse import Block, ClickHouse, encoded, insert_blocks
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.tables import ALIASES, CONTACTS, EVENTS, Rows, ToldRow, alias_rows, contact_row

log = structlog.get_logger()

TOGETHER = 5  # chunks; the first ones go with fewer, so that an import is soon seen to come on
LONGEST_SECONDS = 2.0  # that one waits for others: who looks after the outbox takes a writer for dead after 5


class Lot:
    """What a chunk adds. It is encoded at once: rows as they are sent are smaller, and nobody is held up by 25,000."""

    def __init__(self) -> None:
        self.blocks: dict[str, list[Block]] = {CONTACTS: [], ALIASES: [], EVENTS: []}
        self.versions: dict[int, int] = {}

    async def put(self, profiles: list[Profile], events: list[ToldRow] | None = None) -> None:
        self._add(CONTACTS, [contact_row(profile) for profile in profiles])
        self._add(ALIASES, [row for profile in profiles for row in alias_rows(profile)])
        self._add(EVENTS, events or [])
        for profile in profiles:
            self.versions[profile.id] = max(profile.version, self.versions.get(profile.id, 0))

    def _add(self, table: str, rows: Rows) -> None:
        if block := encoded(rows):
            self.blocks[table].append(block)


class _Waiting(NamedTuple):
    lot: Lot
    done: asyncio.Future[None]


class Bulk:
    """Of one import."""

    def __init__(self, clickhouse: ClickHouse, store: ProfileStore) -> None:
        self._clickhouse, self._store = clickhouse, store
        self._waiting: list[_Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop alone would let them be collected
        self._together = 1
        self._timer: asyncio.TimerHandle | None = None

    async def insert(self, lot: Lot) -> None:
        """Returns when it is in ClickHouse; raises what the insert raised, and the outbox repeats the versions."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append(_Waiting(lot, done))
        if len(self._waiting) >= self._together:
            self._together = min(self._together + 1, TOGETHER)
            self._start()
        elif self._timer is None:
            self._timer = loop.call_later(LONGEST_SECONDS, self._start)
        await done

    def hurry(self) -> None:
        """Few more come."""
        self._together = 1
        self._start()

    def _start(self) -> None:
        if self._timer:
            self._timer.cancel()
        waiting, self._waiting, self._timer = self._waiting, [], None
        if waiting:
            task = asyncio.create_task(self._answer(waiting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, waiting: list[_Waiting]) -> None:
        try:
            await asyncio.gather(*(self._insert(table, waiting) for table in (CONTACTS, ALIASES, EVENTS)))
        except Exception as error:  # whoever waits is told, whatever it was
            for one in waiting:
                if not one.done.done():
                    one.done.set_exception(error)
            return
        for one in waiting:
            if not one.done.done():
                one.done.set_result(None)
        await self._settle(waiting)
        for one in waiting:  # chunks that wait for others to be counted hold on to them
            one.lot.blocks.clear()

    async def _insert(self, table: str, waiting: list[_Waiting]) -> None:
        if blocks := [block for one in waiting for block in one.lot.blocks[table]]:
            await insert_blocks(self._clickhouse, table, blocks)

    async def _settle(self, waiting: list[_Waiting]) -> None:
        versions: dict[int, int] = {}
        for one in waiting:
            for contact_id, version in one.lot.versions.items():
                versions[contact_id] = max(version, versions.get(contact_id, 0))
        try:
            await self._store.settle(versions)
        except Exception as error:  # nobody waits for it: the outbox repeats what it did not forget
            log.warning("profiles_not_settled", error=type(error).__name__, text=str(error)[:200])
