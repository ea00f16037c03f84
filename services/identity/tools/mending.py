"""Mends what `check-identity` found, each thing by compare-and-set on what is stored now."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec

from services.common import keys
from services.common.clickhouse import insert_rows
from services.common.merges import MergeStore
from services.common.merging import take_out
from services.common.profile import VERSION_DIGITS, Merge, Profile, encode_profile
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import Record, RecordStore, Ref, project_records
from services.common.redis_client import load_script
from services.common.tables import ALIASES, AliasRow
from services.identity.tools import claims, projected, stored
from services.identity.tools.invariants import Finding, Kind, Picture, is_carried
from services.identity.tools.tool import Connections

AT_ONCE = 500
_NEWEST = "SELECT loser, max(version) FROM aliases WHERE loser IN {ids:Array(UInt64)} GROUP BY loser"


class Mending:
    def __init__(self, connected: Connections, unique_fields: tuple[str, ...]) -> None:
        self._redis, self._clickhouse = connected.redis, connected.clickhouse
        self._store, self._records = ProfileStore(connected.redis), RecordStore(connected.redis)
        self._merges = MergeStore(self._store, _nobody)
        self._unique_fields = unique_fields
        self._put_newer = load_script(connected.redis, "put_newer")
        # In this order: who is there, then who is whose, then what follows from that.
        self._steps: dict[Kind, Callable[[list[str]], Awaitable[None]]] = {
            Kind.PROFILE_LOST: self._put_back,
            Kind.PROJECTION_AHEAD: self._put_back,
            Kind.RECORD_AHEAD: self._put_records_back,
            Kind.ALIAS_NOWHERE: self._free,
            Kind.ALIAS_CYCLE: self._resolve,
            Kind.MERGE_HALF_DONE: self._resolve,
            Kind.ALIAS_CHAIN: self._resolve,
            Kind.LOSER_ELSEWHERE: self._part,
            Kind.MOVE_NOWHERE: self._take_moves_back,
            Kind.CLAIM_VOID: self._free_claims,
            Kind.VALUE_UNCLAIMED: self._claim,
            Kind.PROJECTION_BEHIND: self._project,
            Kind.OUTBOX_FORGOTTEN: self._project,
            Kind.ALIAS_ROW_WRONG: self._lead_rows,
            Kind.RECORD_BEHIND: self._project_records,
        }

    async def mend(self, findings: Sequence[Finding]) -> int:
        """How many of them it could see to."""
        count = 0
        for kind, step in self._steps.items():
            subjects = [one.subject for one in findings if one.kind is kind]
            for start in range(0, len(subjects), AT_ONCE):
                await step(subjects[start : start + AT_ONCE])
            count += len(subjects)
        return count

    async def _profiles(self, subjects: Iterable[str]) -> list[Profile]:
        return [one for one in (await self._store.load(map(int, subjects))).values() if one is not None]

    async def _write(self, profiles: list[Profile]) -> None:
        """What somebody else writes meanwhile is left to the next run."""
        versions = await self._store.write(profiles)
        written = [msgspec.structs.replace(one, version=versions[one.id]) for one in profiles if versions[one.id]]
        await project(self._store, self._clickhouse, written)

    async def _put_back(self, subjects: list[str]) -> None:
        found = await projected.profiles_of(self._clickhouse, map(int, subjects))
        for profile in found:
            document = b"%0*d" % (VERSION_DIGITS, profile.version) + encode_profile(profile)
            await self._put_newer(keys=[keys.profile(profile.id)], args=[document])
        await claims.mend(self._store, found, self._unique_fields)

    async def _put_records_back(self, subjects: list[str]) -> None:
        for row in await projected.records_of(self._clickhouse, [Ref(*name.split(":", 1)) for name in subjects]):
            document = b"%0*d" % (VERSION_DIGITS, row.version) + row.data.encode()
            await self._put_newer(keys=[keys.record(row.kind, row.id)], args=[document])

    async def _free(self, subjects: list[str]) -> None:
        await self._write([msgspec.structs.replace(one, alias=0, merge=None) for one in await self._profiles(subjects)])

    async def _resolve(self, subjects: list[str]) -> None:
        for subject in subjects:
            survivor = await self._store.resolve(int(subject))
            if survivor is not None:
                await project(self._store, self._clickhouse, [survivor, *await self._profiles([subject])])

    async def _part(self, subjects: list[str]) -> None:
        for whole in await self._profiles(subjects):
            stored_losers = await stored.with_leads(self._store, whole.losers)
            for loser in whole.losers:
                await self._part_one(whole.id, loser, stored_losers)

    async def _part_one(self, whole_id: int, loser_id: int, profiles: dict[int, Profile | None]) -> None:
        """A loser that is gone leads to its survivor again; one that leads elsewhere is taken out."""
        (whole,) = await self._profiles([str(whole_id)])
        loser = profiles.get(loser_id)
        if loser_id not in whole.losers:
            return
        if loser is None:
            merge = whole.merges.get(loser_id) or Merge(whole_id, 0)
            own = whole.losers[loser_id]
            await self._write([Profile(loser_id, own=own, alias=whole_id, merge=merge)])
            return
        survivor = await self._store.resolve(loser_id)
        if survivor is None or survivor.id == whole_id:
            return
        if loser_id in whole.separated or not loser.alias:
            await project(self._store, self._clickhouse, await self._merges.complete(loser))
        (whole,) = await self._profiles([str(whole_id)])
        if parted := take_out(whole, loser, _now_us()):
            await self._write([parted.rest])

    async def _take_moves_back(self, subjects: list[str]) -> None:
        profiles = await self._profiles(subjects)
        await self._write([msgspec.structs.replace(one, moves=one.moves[:-1]) for one in profiles if one.moves])

    async def _free_claims(self, subjects: list[str]) -> None:
        found = await stored.claims_of(self._redis, subjects)
        profiles = await stored.with_leads(self._store, {claim.contact_id for claim in found})
        picture = Picture(profiles, {}, self._unique_fields)  # what was mended before may have made them true
        await self._store.free([(claim.key, claim.stored()) for claim in found if not is_carried(claim, picture)])

    async def _claim(self, subjects: list[str]) -> None:
        await claims.mend(self._store, await self._profiles(subjects), self._unique_fields)

    async def _project(self, subjects: list[str]) -> None:
        await project(self._store, self._clickhouse, await self._profiles(subjects))

    async def _lead_rows(self, subjects: list[str]) -> None:
        """Newer than any row there is."""
        newest = await self._clickhouse.query(_NEWEST, parameters={"ids": list(map(int, subjects))})
        versions = {int(loser): int(version) for loser, version in newest.result_rows}
        rows = []
        for contact_id in map(int, subjects):
            survivor = await self._store.resolve(contact_id)
            version = max(_now_us(), versions.get(contact_id, 0) + 1)
            rows.append(AliasRow(contact_id, survivor.id if survivor else contact_id, version))
        await insert_rows(self._clickhouse, ALIASES, rows)

    async def _project_records(self, subjects: list[str]) -> None:
        found: dict[Ref, Record] = await self._records.load(Ref(*name.split(":", 1)) for name in subjects)
        await project_records(self._records, self._clickhouse, found.values())


async def _nobody(_: int) -> int:
    """Who is parted here has a profile."""
    return 0


def _now_us() -> int:
    return time.time_ns() // 1_000
