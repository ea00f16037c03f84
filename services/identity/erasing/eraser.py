"""Erases contacts: with all that merged into them, from Redis and from ClickHouse, so that no replay brings them back.

What stays is a tombstone of each id (its survivor, the time, where its devices went since) and a keyed hash of each
unique value. First the values are listed as erased, then the survivor becomes its tombstone by one compare-and-set:
from then on hits of before are dropped. A hit whose contact was settled just before may be stored a moment later; so
all is swept again when the streams have been drained up to there. Each step may be done again and changes nothing then,
so what broke off is completed by the same call.

The projection of an edit over the API may come later still: that version is older than the tombstone, never shown, and
gone with the next merge of its part.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import NamedTuple

import msgspec

from services.common.audit import AuditLog
from services.common.clickhouse import ClickHouse, insert_rows
from services.common.faults import NO_FAULTS, FaultPoints
from services.common.notes import remove_notes
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import RecordStore, project_records
from services.common.redis_client import RedisClient
from services.common.replication import Replicas
from services.common.tables import AUDIT, AuditRow
from services.common.tombstone import bare_alias, told_values, tombstone
from services.common.values import Claim, UniqueValue
from services.identity.erasing import erased_keys, erased_rows
from services.identity.erasing.draining import drain
from services.identity.suppression import SuppressionList

ROUNDS = 200
NEWER_THAN_ALL = (1 << 64) - 1


class BusyError(Exception):
    """Others write this contact all the time."""


class Stores(NamedTuple):
    redis: RedisClient
    clickhouse: ClickHouse
    profiles: ProfileStore
    records: RecordStore
    suppression: SuppressionList
    replicas: Replicas


class Traces(NamedTuple):
    """By what hits of erased contacts are known."""

    deleted_us: dict[int, int]  # of each id
    values: dict[UniqueValue, int]  # erased when; those of earlier erasures are in the suppression list
    devices: set[str]


class Family(NamedTuple):
    """A contact and all that merged into it, as stored. `values` are those that nobody else carries, `held` the claims
    of them."""

    survivor: Profile
    profiles: dict[int, Profile]
    values: set[UniqueValue]
    held: dict[UniqueValue, Claim]


class Erased(NamedTuple):
    """What was removed, by name; and in how many streams there may still be hits of theirs."""

    counts: Counter[str]
    behind: int


Dead = Callable[[Traces, bool], Awaitable[int]]  # removes dead letters, or in a dry run counts them


class Eraser:
    def __init__(
        self,
        stores: Stores,
        unique_fields: tuple[str, ...],
        streams: int,
        dead: Dead | None = None,
        faults: FaultPoints = NO_FAULTS,
    ) -> None:
        self._stores, self._unique_fields, self._streams = stores, unique_fields, streams
        self._dead, self._faults = dead, faults

    async def look(self, contact_ids: Iterable[int]) -> Counter[str]:
        """What would go. `contacts` and `merged_ids` are those that still say something."""
        counts: Counter[str] = Counter()
        traces = Traces({}, {}, set())
        versions: dict[int, int] = {}
        now_us = time.time_ns() // 1_000
        for family in [await self._family(one) for one in contact_ids]:
            if family.survivor.id in versions:
                continue
            grave = tombstone(family.survivor, now_us)
            bare = {grave.id: grave, **{one.id: bare_alias(one, grave.id) for one in _losers(family)}}
            news = {one for one, stored in family.profiles.items() if bare[one] != stored}
            counts["contacts"] += grave.id in news
            counts["merged_ids"] += len(news - {grave.id})
            counts["values"] += len(family.values)
            versions |= {one.id: NEWER_THAN_ALL if one.id in news else one.version for one in family.profiles.values()}
            traces.deleted_us.update(dict.fromkeys(family.profiles, grave.deleted_us))
            traces.values.update(dict.fromkeys(family.values, grave.deleted_us))
        traces.devices.update(await erased_rows.devices(self._stores.clickhouse, versions))
        await AuditLog(self._stores.redis).work_off(self._stores.clickhouse)  # what waits would go, too
        counts.update(await erased_rows.count(self._stores.clickhouse, versions))
        counts["dead_letters"] += await self._dead(traces, True) if self._dead else 0
        return counts

    async def erase(
        self, contact_ids: Collection[int], by: str, wait_seconds: float, say: Callable[[str], None]
    ) -> Erased:
        """Waits for the resolvers so long at most. Raises `BusyError`, `RedisError`, `ClickHouseError`: then part of it
        may be done."""
        counts = await self._sweep(contact_ids, by)
        behind = await drain(self._stores.redis, self._streams, wait_seconds, say)
        counts.update(await self._sweep(contact_ids, by))
        return Erased(counts, behind)

    async def _sweep(self, contact_ids: Iterable[int], by: str) -> Counter[str]:
        stores = self._stores
        counts: Counter[str] = Counter()
        traces = Traces({}, {}, set())
        mark = stores.replicas.mark()
        survivors = {await self._bury(contact_id, traces, counts) for contact_id in contact_ids}
        self._faults.pass_by("after_burial")
        counts["left_in_redis"] += await erased_keys.remove(stores.redis, traces.deleted_us)
        await stores.replicas.confirm(mark)
        versions = await self._project(traces.deleted_us)
        traces.devices.update(await erased_rows.devices(stores.clickhouse, versions))
        await remove_notes(stores.records, stores.clickhouse, versions)
        await AuditLog(stores.redis).work_off(stores.clickhouse)
        counts.update(await erased_rows.remove(stores.clickhouse, versions))
        for survivor in survivors:
            await self._note(survivor, [one for one in versions if one != survivor], by)
        counts["dead_letters"] += await self._dead(traces, False) if self._dead else 0
        return counts

    async def _bury(self, contact_id: int, traces: Traces, counts: Counter[str]) -> int:
        """Leaves tombstones in Redis; returns the survivor's id."""
        stores = self._stores
        for _ in range(ROUNDS):
            family = await self._family(contact_id)
            grave = tombstone(family.survivor, time.time_ns() // 1_000)
            listed = await stores.suppression.put(family.values, grave.id, grave.deleted_us)
            await project_records(stores.records, stores.clickhouse, listed)
            if grave != family.survivor and not (await stores.profiles.write([grave]))[grave.id]:
                continue
            await stores.profiles.claim([(value, claim, 0) for value, claim in family.held.items()])
            counts["contacts"] += grave != family.survivor
            counts["merged_ids"] += len(await stores.profiles.strip((one.id for one in _losers(family)), grave.id))
            counts["values"] += len(listed)
            traces.deleted_us.update(dict.fromkeys(family.profiles, grave.deleted_us))
            traces.values.update(dict.fromkeys(family.values, grave.deleted_us))
            return grave.id
        raise BusyError(f"contact {contact_id} is being written all the time")

    async def _family(self, contact_id: int) -> Family:
        for _ in range(ROUNDS):
            survivor_id, ids = await self._ids(contact_id)
            loaded = await self._stores.profiles.load(ids)
            profiles = {one: profile or Profile(one) for one, profile in loaded.items()}
            survivor = profiles[survivor_id]
            # Who leads nowhere was taken out by an undo meanwhile.
            theirs = {one: profile for one, profile in profiles.items() if one == survivor_id or _is_theirs(profile)}
            if not survivor.alias:  # else it was merged meanwhile
                return await self._with_values(survivor, theirs)
        raise BusyError(f"contact {contact_id} is being merged all the time")

    async def _ids(self, contact_id: int) -> tuple[int, set[int]]:
        """The survivor, and all that lead to it: of one that was deleted, or whose merge is half done, ClickHouse alone
        knows who they are."""
        profile = await self._stores.profiles.resolve(contact_id)
        survivor_id = profile.id if profile else contact_id
        ids = {contact_id, survivor_id, *(profile.losers if profile else ())}
        unseen = set(ids)
        while unseen:
            found = await erased_rows.led_to(self._stores.clickhouse, unseen) - ids
            unseen = {one for one in found if await self._leads_to(one, survivor_id)}
            ids |= unseen
        return survivor_id, ids

    async def _leads_to(self, contact_id: int, survivor_id: int) -> bool:
        profile = await self._stores.profiles.resolve(contact_id)
        return profile is not None and profile.id == survivor_id

    async def _with_values(self, survivor: Profile, profiles: dict[int, Profile]) -> Family:
        """A value that somebody else carries by now is theirs."""
        told = told_values(profiles.values(), self._unique_fields)
        told |= await erased_rows.shown_values(self._stores.clickhouse, profiles, self._unique_fields)
        family = Family(survivor, profiles, set(), {})
        for value, claim in (await self._stores.profiles.holders(told)).items():
            holder = await self._stores.profiles.resolve(claim.contact_id) if claim else None
            is_own = claim is not None and (claim.contact_id in profiles or (holder and holder.id == survivor.id))
            if claim is not None and is_own:
                family.held[value] = claim
            if is_own or holder is None or not holder.is_known() or not holder.carries(*value):
                family.values.add(value)
        return family

    async def _project(self, ids: Iterable[int]) -> dict[int, int]:
        """Puts the tombstones into ClickHouse where it has older versions; returns the versions that it has then."""
        stores = self._stores
        stored = [one for one in (await stores.profiles.load(ids)).values() if one is not None]
        known = await erased_rows.newest_versions(stores.clickhouse, (one.id for one in stored))
        news = [one for one in stored if known.get(one.id, 0) < one.version]
        await project(stores.profiles, stores.clickhouse, news)
        return {one.id: one.version for one in stored}

    async def _note(self, survivor_id: int, merged_ids: list[int], by: str) -> None:
        """In the audit, once: who asked, and nothing of the person."""
        if await erased_rows.is_noted(self._stores.clickhouse, survivor_id):
            return
        row_id = hashlib.blake2b(b"erase %d" % survivor_id, digest_size=16).hexdigest()
        details = msgspec.json.encode({"merged_ids": merged_ids}).decode()
        row = AuditRow(row_id, survivor_id, time.time_ns() // 1_000_000, erased_rows.ERASE, by, details)
        await insert_rows(self._stores.clickhouse, AUDIT, [row])


def _losers(family: Family) -> list[Profile]:
    return [one for one in family.profiles.values() if one.id != family.survivor.id]


def _is_theirs(profile: Profile) -> bool:
    return bool(profile.alias) or profile.own is None
