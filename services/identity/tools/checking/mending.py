"""How what is wrong with contacts is mended: by the same compare-and-set steps that the services take.

Each step may be done twice, and does nothing where somebody was faster. What it wrote is projected.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

import msgspec

from services.common.clickhouse import ClickHouse, insert_rows
from services.common.merging import take_out
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.tables import ALIASES, AliasRow
from services.identity.tools import claims
from services.identity.tools.checking import findings as kinds
from services.identity.tools.checking.findings import Finding
from services.identity.tools.checking.picture import alias_rows
from services.identity.tools.leads import chain, load_led

_NEWEST = "SELECT profile FROM contacts WHERE id IN ({ids}) ORDER BY id, version DESC LIMIT 1 BY id"
_documents = msgspec.json.Decoder(Profile)
# In this order: what Redis has lost explains much of the rest, and what is projected comes of what is stored.
_STAGES = (
    {kinds.PROJECTION_AHEAD},
    {kinds.LOSER_ELSEWHERE, kinds.ALIAS_NOWHERE},
    {kinds.ALIAS_CYCLE, kinds.ALIAS_CHAIN, kinds.MERGE_HALF_DONE},
    {kinds.VALUE_UNCLAIMED},
    {kinds.PROJECTION_MISSING, kinds.PROJECTION_BEHIND},
    {kinds.ALIAS_ROW_WRONG},
)


def first_stage(findings: Sequence[Finding]) -> list[Finding]:
    """Those that must be mended before the others, which may then look different."""
    stages = ([one for one in findings if one.kind in stage] for stage in _STAGES)
    return next((stage for stage in stages if stage), [])


class Mender:
    def __init__(self, store: ProfileStore, clickhouse: ClickHouse, unique_fields: tuple[str, ...]) -> None:
        self._store, self._clickhouse, self._unique_fields = store, clickhouse, unique_fields

    async def mend(self, findings: Sequence[Finding]) -> set[int]:
        """Those of one stage; whom it has touched."""
        stage = {one.kind for one in findings}
        ids = {int(one.subject) for one in findings}
        if kinds.PROJECTION_AHEAD in stage:
            ids |= await self._put_back(ids)
        elif kinds.VALUE_UNCLAIMED in stage:
            await claims.mend(self._store, await self._load(ids), self._unique_fields)
        else:
            for one in findings:
                ids |= await self._mend_lead(one)
        lasting = [one for one in await self._load(ids) if not one.is_brief]
        await project(self._store, self._clickhouse, lasting, uuid.uuid4().hex)
        if kinds.ALIAS_ROW_WRONG in stage:
            await self._correct_rows(findings)
        return ids

    async def _mend_lead(self, finding: Finding) -> set[int]:
        contact_id, other = int(finding.subject), int(finding.about or 0)
        if finding.kind == kinds.LOSER_ELSEWHERE:
            return await self._part(contact_id, other)
        if finding.kind == kinds.ALIAS_NOWHERE:
            return await self._stand_alone(contact_id)
        if finding.kind in (kinds.ALIAS_CYCLE, kinds.ALIAS_CHAIN, kinds.MERGE_HALF_DONE):
            passed = chain(await load_led(self._store, [contact_id]), contact_id)
            survivor = await self._store.resolve(contact_id)
            return {one.id for one in passed} | ({survivor.id} if survivor else set())
        return {other} if finding.kind == kinds.ALIAS_ROW_WRONG else set()

    async def _put_back(self, contact_ids: set[int]) -> set[int]:
        """What Redis has lost, as ClickHouse has it. Whoever else shows one of its values by now keeps that."""
        sql = _NEWEST.format(ids=",".join(map(str, contact_ids)))
        rows = (await self._clickhouse.query(sql)).result_rows
        stored = await self._store.load(contact_ids)
        back = []
        for (document,) in rows:
            kept = _documents.decode(document)
            old = stored[kept.id]
            if old is None or old.version < kept.version:
                back.append(msgspec.structs.replace(kept, version=old.version if old else 0))
        versions = await self._store.write(back)
        written = [one for one in back if versions[one.id]]
        await claims.mend(self._store, written, self._unique_fields)
        return {one.id for one in written}

    async def _part(self, contact_id: int, loser_id: int) -> set[int]:
        """Takes out of a contact whoever does not lead to it, as an undo that was left half done would."""
        put_back = await self._put_back({loser_id})
        led = await load_led(self._store, [contact_id, loser_id])
        whole, loser = led[contact_id], led[loser_id]
        if whole is None or loser_id not in whole.losers or any(one.id == contact_id for one in chain(led, loser_id)):
            return put_back
        if loser is None:  # nothing else is left of it
            frozen = Profile(loser_id, whole.losers[loser_id], alias=whole.id, merge=whole.merges.get(loser_id))
            return await self._write([frozen])
        return put_back | await self._take_out(whole, loser)

    async def _take_out(self, whole: Profile, loser: Profile) -> set[int]:
        """Where nobody asked for an undo, they may be merged again."""
        undone_us = 0 if loser.alias else loser.separated.get(whole.id, 0)
        parted = take_out(whole, loser, undone_us)
        if parted is None:
            return set()
        rest = parted.rest if undone_us else msgspec.structs.replace(parted.rest, separated=whole.separated)
        written = await self._write([rest])
        followers = [one for one in await self._load(parted.back.losers) if one.alias == whole.id]
        return written | await self._write([msgspec.structs.replace(one, alias=loser.id) for one in followers])

    async def _stand_alone(self, contact_id: int) -> set[int]:
        """Whoever merged into nobody is a contact again."""
        profile = (await self._store.load([contact_id]))[contact_id]
        if profile is None or not profile.alias:
            return set()
        put_back = await self._put_back({profile.alias})
        survivor = (await self._store.load([profile.alias]))[profile.alias]
        if survivor is not None and (survivor.own or survivor.alias or survivor.deleted_us):
            return put_back
        return await self._write([msgspec.structs.replace(profile, alias=0, merge=None)])

    async def _correct_rows(self, wrong: Iterable[Finding]) -> None:
        """Where the projection of the survivor did not: its version is not the newest, or it is somebody alone."""
        winners = {int(one.subject): int(one.about) for one in wrong}
        rows = await alias_rows(self._clickhouse, winners)
        wrong_rows = [row for row in rows.values() if row.winner != winners[row.loser]]
        right = [AliasRow(row.loser, winners[row.loser], row.version + 1) for row in wrong_rows]
        await insert_rows(self._clickhouse, ALIASES, right, uuid.uuid4().hex)

    async def _load(self, contact_ids: Iterable[int]) -> list[Profile]:
        return [one for one in (await self._store.load(contact_ids)).values() if one is not None]

    async def _write(self, profiles: list[Profile]) -> set[int]:
        return {contact_id for contact_id, version in (await self._store.write(profiles)).items() if version}
