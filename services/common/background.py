"""What runs beside the requests: each duty in one process of all at a time, whoever holds its lease."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from services.common import keys
from services.common.envelope import STORES_AWAY, ApiError
from services.common.redis_client import RedisClient, load_script

log = structlog.get_logger()

LEASE_SECONDS = 30.0
RENEWALS = 3  # of a lease before it ends


class Duty(NamedTuple):
    """`work` is done again `every_seconds` after it has ended; what it raises because a store is away is logged, and
    it is tried again. It must bear to be cancelled between any two of its awaits, and to begin again elsewhere."""

    name: str
    every_seconds: float
    work: Callable[[], Awaitable[None]]


class Background:
    def __init__(
        self,
        redis: RedisClient,
        duties: tuple[Duty, ...],
        is_open: Callable[[], bool] = lambda: True,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """Nothing is done before `is_open`."""
        self._duties, self._is_open, self._seconds = duties, is_open, lease_seconds
        self.on_failure: Callable[[str], None] = lambda _: None  # told whose work broke off
        self._name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._hold = load_script(redis, "hold_lease")

    async def run(self) -> None:
        """Never returns. A fault of a duty itself is raised: a service that only looks alive is worse than none."""
        async with asyncio.TaskGroup() as group:
            for duty in self._duties:
                group.create_task(self._run(duty))

    async def release(self) -> None:
        """Gives the leases up: the next process need not wait for them to expire."""
        for duty in self._duties:
            await self._hold(keys=[keys.duty(duty.name)], args=[self._name, 0, 0])

    async def _run(self, duty: Duty) -> None:
        # Asked as well as raised: `wait_for` of Python 3.11, by which redis-py sends, may swallow a cancellation.
        while not (task := asyncio.current_task()) or not task.cancelling():
            is_done = False
            try:
                if self._is_open() and await self._renew(duty, takes=True):
                    await self._work(duty)
                    is_done = True
            except (*STORES_AWAY, ApiError) as error:
                self.on_failure(duty.name)
                log.warning("duty_failed", duty=duty.name, error=type(error).__name__, text=str(error)[:200])
            await asyncio.sleep(duty.every_seconds if is_done else min(duty.every_seconds, self._seconds / RENEWALS))

    async def _work(self, duty: Duty) -> None:
        """Ends early when the lease is lost, which another process may have taken."""
        work = asyncio.ensure_future(duty.work())
        try:
            while not (await asyncio.wait({work}, timeout=self._seconds / RENEWALS))[0]:
                if not await self._renew(duty):
                    log.warning("duty_lost", duty=duty.name)
                    return
            await work
        finally:
            work.cancel()
            await asyncio.wait({work})  # what it must not leave half done it ends now

    async def _renew(self, duty: Duty, *, takes: bool = False) -> bool:
        lease = [self._name, int(self._seconds * 1_000), int(takes)]
        return bool(await self._hold(keys=[keys.duty(duty.name)], args=lease))
