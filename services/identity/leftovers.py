"""Completes what a writer that died has left half done, found by what it wrote and did not project.

A merge, an undo, a deletion: the steps that are missing. And the values that a contact gave up: what it was before is
told by ClickHouse.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.common.clickhouse import ClickHouse
from services.common.merges import MergeStore
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.tombstone import told_values
from services.common.values import Claim, UniqueValue
from services.identity.tools.projected import profiles_of


class Leftovers:
    def __init__(self, store: ProfileStore, clickhouse: ClickHouse, unique_fields: tuple[str, ...]) -> None:
        self._store, self._clickhouse, self._unique_fields = store, clickhouse, unique_fields
        self._merges = MergeStore(store, _nobody)

    async def complete(self, unsettled: Iterable[Profile]) -> list[Profile]:
        """These, and whatever else was written on the way, in their newest versions. Raises what the stores raise."""
        newest = {profile.id: profile for profile in unsettled}
        before = {one.id: one for one in await profiles_of(self._clickhouse, newest)} if newest else {}
        for profile in list(newest.values()):
            written = [*await self._complete_merge(profile), *await self._complete_undo(profile)]
            if was := before.get(profile.id):
                written += await self._complete_loss(was, profile)
            newest.update({one.id: one for one in written})
        return list(newest.values())

    async def _complete_merge(self, loser: Profile) -> list[Profile]:
        """The survivor takes it in, which writes it again; who led to it leads to the survivor."""
        survivor = await self._store.resolve(loser.id) if loser.alias else None
        if survivor is None:
            return []
        now = (await self._store.load([loser.id]))[loser.id]
        led = await self._store.lead(loser.losers, loser.id, survivor.id)
        return [survivor, *([now] if now else []), *led]

    async def _complete_undo(self, back: Profile) -> list[Profile]:
        return await self._merges.complete(back, self._unique_fields) if back.separated and not back.alias else []

    async def _complete_loss(self, before: Profile, after: Profile) -> list[Profile]:
        """Frees the values that it had and has no longer; of a deleted one, strips also what had merged into it."""
        told = told_values([before], self._unique_fields)
        lost = {one for one in told if not after.carries(*one)} if not after.alias else set()
        for value, claim in (await self._store.holders(lost)).items():
            if claim and await self._is_given_up(value, claim, after):
                await self._store.claim([(value, claim, 0)])
        return await self._store.strip(before.losers, after.id) if after.deleted_us else []

    async def _is_given_up(self, value: UniqueValue, claim: Claim, contact: Profile) -> bool:
        """A claim that was made a moment ago may be carried yet."""
        holder = await self._store.resolve(claim.contact_id)
        if holder is None or holder.id != contact.id or holder.carries(*value):
            return False
        return await self._store.is_void(value, claim)


async def _nobody(_: int) -> int:
    """Who was merged has a profile."""
    return 0
