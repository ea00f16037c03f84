"""Merges that must wait, because a contact has taken in too many: queued in Redis, tried again by the relay.

What is queued is history alone: the device has moved already, so that what it does from then on is its contact's.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable

from services.common import keys
from services.common.faults import NO_FAULTS, FaultPoints
from services.common.merges import MergeError, MergeStore
from services.common.merging import are_separated, conflicts, recent_merges
from services.common.profile import Profile
from services.common.redis_client import RedisClient
from services.identity.identify import MERGE_WINDOW_US, Rules

AT_ONCE = 100
RETRY_SECONDS = 20
MAX_QUEUED = 100_000  # anybody can make devices that name somebody; 10 MB
FULL_RETRY_SECONDS = 3_600  # of a contact that has all the identifiers it may have

Project = Callable[[list[Profile]], Awaitable[None]]  # into ClickHouse


class MergeQueue:
    def __init__(self, redis: RedisClient, faults: FaultPoints = NO_FAULTS) -> None:
        self._redis, self._faults = redis, faults

    async def put(self, merges: Iterable[tuple[int, int]]) -> None:
        """(winner, loser) each; queued twice they are made once. A full queue takes no more: these stay two contacts.
        Raises `RedisError`."""
        due = time.time() + RETRY_SECONDS
        members = {f"{winner}:{loser}": due for winner, loser in merges}
        if members and await self._redis.zcard(keys.QUEUED_MERGES) < MAX_QUEUED:
            await self._redis.zadd(keys.QUEUED_MERGES, members, nx=True)

    async def work_off(self, merges: MergeStore, rules: Rules, project: Project) -> None:
        """Makes those that are due and may be made now. They leave the queue when `project` has put what was written
        into ClickHouse, so that each is in one of the two at any time; a merge that comes again changes nothing."""
        due = await self._redis.zrangebyscore(keys.QUEUED_MERGES, "-inf", time.time(), start=0, num=AT_ONCE)
        written, done = list[Profile](), list[bytes]()
        for member in due:
            winner, loser = map(int, member.split(b":"))
            try:
                merged = await merges.merge(winner, loser, "", lambda one, other: _doubt(one, other, rules))
            except MergeError as error:
                await self._put_off(member, error.reason)
                continue
            written += merged.written
            done.append(member)
            self._faults.pass_by("after_queued_merge")
        await project(written)
        if done:
            await self._redis.zrem(keys.QUEUED_MERGES, *done)

    async def _put_off(self, member: bytes, reason: str) -> None:
        """For some time, or for good."""
        if (wait := _WAITS.get(reason)) is None:
            await self._redis.zrem(keys.QUEUED_MERGES, member)
        else:
            await self._redis.zadd(keys.QUEUED_MERGES, {member: time.time() + wait}, xx=True)

    async def size(self) -> int:
        return int(await self._redis.zcard(keys.QUEUED_MERGES))


_WAITS = {"too_many_identifiers": FULL_RETRY_SECONDS, "too_many_merges": RETRY_SECONDS, "busy": RETRY_SECONDS}


def _doubt(winner: Profile, loser: Profile, rules: Rules) -> str:
    if are_separated(winner, loser):
        return "separated"
    if conflicts(winner, loser, rules.unique_fields):
        return "conflict"
    if len(winner.losers) + len(loser.losers) >= rules.max_identifiers:
        return "too_many_identifiers"
    if recent_merges(winner, time.time_ns() // 1_000 - MERGE_WINDOW_US) >= rules.max_merges:
        return "too_many_merges"
    return ""
