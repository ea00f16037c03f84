"""Merges and undoes merges in Redis: what people and services ask for, and what was queued.

Each step is one compare-and-set. A merge freezes the loser first: whoever finds it alone is led to the winner, which
then takes it in. An undo gives the loser its own back first, then takes it out of the winner. What a crash leaves in
between is completed by whoever sees it: `ProfileStore.resolve`, the relay, or the same call again."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

import msgspec

from services.common.faults import NO_FAULTS, FaultPoints
from services.common.merging import Parted, freeze_into, take_in, take_out
from services.common.profile import Part, Profile, Stamped, Value
from services.common.profiles import ProfileStore
from services.common.values import Claim, UniqueValue, normalise_unique

ROUNDS = 200
UNSETTLED_WAIT_SECONDS = 0.05
MERGE_POINTS = ("after_freeze", "after_take_in", "after_claim_back", "after_give_back", "after_take_out")

FirstSeen = Callable[[int], Awaitable[int]]  # when an anonymous visitor first came, microseconds; 0 for nobody

Doubt = Callable[[Profile, Profile], str]  # (winner, loser): why they must not be merged, or nothing


class MergeError(Exception):
    """Why contacts were not merged or parted: `reason` is lower_snake, `contact_id` who is meant."""

    def __init__(self, reason: str, contact_id: int) -> None:
        super().__init__(f"{reason}: {contact_id}")
        self.reason, self.contact_id = reason, contact_id


class Merged(NamedTuple):
    """The survivor; whether anything was done; and every profile as it was written, to be projected."""

    survivor: Profile
    is_new: bool
    written: list[Profile]


class Unmerged(NamedTuple):
    """The contact that was taken out, the one it was taken out of, and every profile as it was written.

    `taken` has the values of the former that somebody else holds by now: they stay with them.
    """

    back: Profile
    rest: Profile
    is_new: bool
    taken: list[UniqueValue]
    written: list[Profile]


class _GivenUp(NamedTuple):
    """What an undo left; who went along, of whom some may have come for the loser's sake when it had been given back
    already; and whether others wrote the whole in between, and so said anew that it has the loser."""

    rest: Profile
    gone: set[int]
    is_contested: bool


class _AgainError(Exception):
    """Somebody else was faster: read again."""


class MergeStore:
    def __init__(self, store: ProfileStore, first_seen: FirstSeen, faults: FaultPoints = NO_FAULTS) -> None:
        self._store, self._first_seen, self._faults = store, first_seen, faults

    async def merge(self, winner_id: int, loser_id: int, by: str, unless: Doubt | None = None) -> Merged:
        """Merges the contact that one id leads to into that of another; merged before, nothing is done again.

        `unless` says why two contacts must not be merged, for those merges that nobody asked for. Raises `MergeError`
        (`contact_not_found`, `busy`, or what `unless` says) and `RedisError`.
        """
        frozen: Profile | None = None
        for _ in range(ROUNDS):
            winner, loser = await self._contact(winner_id), await self._contact(loser_id)
            if winner.id == loser.id and frozen:  # taken in by whoever followed it, `_contact` at the latest
                followers = await self._store.lead(frozen.losers, frozen.id, winner.id)
                return Merged(winner, is_new=True, written=[frozen, winner, *followers])
            if winner.id == loser.id:
                return Merged(winner, is_new=False, written=[winner] if winner.version else [])
            if unless and (reason := unless(winner, loser)):
                raise MergeError(reason, loser.id)
            try:
                frozen = await self._write(freeze_into(loser, winner, now_us(), under=winner_id, by=by))
                self._faults.pass_by("after_freeze")
                survivor = await self._write(take_in(winner, frozen))
            except _AgainError:
                if frozen and frozen.id == loser.id and await self._thaw(loser, frozen, winner.id):
                    frozen = None
                continue  # a frozen loser leads to its winner, which takes it in when it is read
            self._faults.pass_by("after_take_in")
            followers = await self._store.lead(loser.losers, loser.id, survivor.id)
            return Merged(survivor, is_new=True, written=[frozen, survivor, *followers])
        raise MergeError("busy", loser_id)

    async def _thaw(self, loser: Profile, frozen: Profile, winner_id: int) -> bool:
        """Where the winner has merged into somebody meanwhile, perhaps into this very loser, nobody was merged into it:
        so two merges of the same two end as the first of them, not as a cycle that turns it round."""
        winner = (await self._store.load([winner_id]))[winner_id]
        if winner is None or not winner.alias or frozen.alias != winner_id:
            return False
        back = msgspec.structs.replace(loser, version=frozen.version)
        return bool((await self._store.write([back]))[back.id])

    async def unmerge(self, loser_id: int, unique_fields: tuple[str, ...]) -> Unmerged:
        """Takes a contact out of the one that it merged into, with its fields, values and devices and all that had
        merged into it before. Raises `MergeError` (`contact_not_found`, `not_merged`, `busy`) and `RedisError`."""
        for _ in range(ROUNDS):
            loser = (await self._store.load([loser_id]))[loser_id]
            if loser is None or loser.deleted_us:
                raise MergeError("contact_not_found", loser_id)
            try:
                undo = self._take_out if loser.alias else self._as_before
                return await undo(loser, unique_fields)
            except _AgainError:
                continue
        raise MergeError("busy", loser_id)

    async def complete(self, back: Profile, unique_fields: tuple[str, ...]) -> list[Profile]:
        """Takes a contact that an undo gave back, with all that had merged into it, out of whoever still has it: its
        writer died in between. Returns what was written. Raises `MergeError` (`busy`)."""
        for _ in range(ROUNDS):
            try:
                return await self._complete(back, unique_fields)
            except _AgainError:
                continue
        raise MergeError("busy", back.id)

    async def _complete(self, back: Profile, unique_fields: tuple[str, ...]) -> list[Profile]:
        written, gone = list[Profile](), set(back.losers)
        values = _carried(back, unique_fields)
        others = await self._store.load(back.separated)
        for whole in [one for one in others.values() if one is not None and back.id in one.losers]:
            if parted := take_out(whole, back, back.separated[whole.id]):
                merge = whole.merges.get(back.id)
                rest = _parted_from(parted.rest, values, merge.time_us if merge else 0)
                written.append(await self._write(rest))
                gone.update(parted.back.losers)
        was_there = bool(written)
        for other in back.separated:
            written += await self._lead(gone, other, back.id)
        return [*written, *(await self._written_again([back.id]) if was_there else [])]

    async def _contact(self, contact_id: int) -> Profile:
        """Who an id leads to, perhaps an anonymous visitor of whom nothing is stored yet."""
        profile = await self._store.resolve(contact_id)
        if profile is not None and profile.is_known():
            return profile
        first_seen_us = 0 if profile is not None and profile.deleted_us else await self._first_seen(contact_id)
        if not first_seen_us:
            raise MergeError("contact_not_found", contact_id)
        own = Part(added_us=first_seen_us)
        return msgspec.structs.replace(profile or Profile(contact_id), own=own, is_brief=False)

    async def _take_out(self, loser: Profile, unique_fields: tuple[str, ...]) -> Unmerged:
        whole = await self._store.resolve(loser.id)
        if whole is None or whole.deleted_us:
            raise MergeError("contact_not_found", loser.id)
        parted = take_out(whole, loser, now_us())
        if parted is None:
            raise _AgainError
        values = _carried(parted.back, unique_fields)
        claims, taken = await self._claim(values, parted.back, parted.rest)
        self._faults.pass_by("after_claim_back")
        back = await self._write(_without(parted.back, taken), claims)
        self._faults.pass_by("after_give_back")
        rest, gone, is_contested = await self._give_up(parted, loser, [one for one in values if one not in taken])
        self._faults.pass_by("after_take_out")
        followers = await self._lead(gone, rest.id, back.id)
        again = await self._written_again([back.id]) if is_contested else []
        released = await self._release(back, unique_fields)
        written = [rest, *followers, back, *again, *released]
        kept = await self._keep([back, *again, *released][-1], unique_fields)
        return Unmerged(kept, rest, True, taken, [*written, kept])

    async def _release(self, holder: Profile, unique_fields: tuple[str, ...]) -> list[Profile]:
        """Another undo may have given back one of its losers just before it became a contact of its own: whoever stands
        alone, or has merged anew since, is taken out of it. Returns what was written, the newest last."""
        for _ in range(ROUNDS):
            loaded = (await self._store.load(holder.losers)).values()
            stored = (await self._store.load([holder.id]))[holder.id]
            rest, followers = stored, dict[int, Iterable[int]]()
            for one in loaded:
                if one is None or rest is None:
                    continue
                merge = rest.merges.get(one.id)
                is_gone = one.is_known() or (one.alias and one.merge and merge and one.merge != merge)
                if is_gone and (parted := take_out(rest, one, now_us())):
                    rest = _parted_from(parted.rest, _carried(one, unique_fields), merge.time_us if merge else 0)
                    followers[one.id] = parted.back.losers
            if rest is None or rest is stored:
                return []
            try:
                written = await self._write(rest)
            except _AgainError:
                continue
            led = [await self._lead(ids, holder.id, gone_id) for gone_id, ids in followers.items()]
            return [*itertools.chain(*led), *await self._written_again(followers), written]
        raise MergeError("busy", holder.id)

    async def _written_again(self, contact_ids: Iterable[int]) -> list[Profile]:
        """Those whom these lead to, with a newer version than any that said otherwise of where they lead: table
        `aliases` believes the newest."""
        ends = [await self._store.resolve(one) for one in contact_ids]
        standing = {end.id: end for end in ends if end is not None and end.is_known()}
        versions = await self._store.write(list(standing.values()))
        return [msgspec.structs.replace(standing[one], version=version) for one, version in versions.items() if version]

    async def _keep(self, back: Profile, unique_fields: tuple[str, ...]) -> Profile:
        """Claims its values anew: who saw the whole give one up a moment ago, when it still led there, is about to free
        it. One that a third contact took in between is theirs."""
        for _ in range(ROUNDS):
            try:
                _, taken = await self._claim(_carried(back, unique_fields), back, back)
                return await self._write(_without(back, taken)) if taken else back
            except _AgainError:
                stored = (await self._store.load([back.id]))[back.id]
            if stored is None or not stored.is_known():  # it was merged or deleted again
                return back
            back = stored
        raise MergeError("busy", back.id)

    async def _give_up(self, parted: Parted, loser: Profile, values: list[UniqueValue]) -> _GivenUp:
        """The second half of an undo: once the first is written it is done, however often others write the rest
        meanwhile. What the rest was told since the merge is the other one's now; what it had before it keeps."""
        since_us = loser.merge.time_us if loser.merge else 0
        for number in range(ROUNDS):
            try:
                rest = await self._write(_parted_from(parted.rest, values, since_us))
                return _GivenUp(rest, set(parted.back.losers), is_contested=number > 0)
            except _AgainError:
                whole = await self._store.resolve(parted.rest.id)
            again = take_out(whole, loser, now_us()) if whole else None
            if again is None:  # it is gone, or somebody else has completed the undo
                return _GivenUp(whole or parted.rest, set(parted.back.losers), is_contested=True)
            parted = again
        raise MergeError("busy", loser.id)

    async def _lead(self, gone: Iterable[int], from_id: int, back_id: int) -> list[Profile]:
        """Who was taken out along with a contact leads to it, and is taken in by it if it had not been. Returns what
        was written of the former."""
        ids = list(gone)
        led = await self._store.lead(ids, from_id, back_id)
        back = (await self._store.load([back_id]))[back_id]
        for one in ids:
            if back is None or one not in back.losers:
                await self._store.resolve(one)
        return led

    async def _claim(
        self, values: list[UniqueValue], back: Profile, rest: Profile
    ) -> tuple[list[Claim], list[UniqueValue]]:
        """Claims for `back` what it brought along, unless a third contact holds it by now: those values are
        answered."""
        wanted, taken = [], []
        for value, claim in (await self._store.holders(values)).items():
            is_theirs = claim is not None and claim.contact_id in (*back.ids(), *rest.ids())
            if claim is not None and not is_theirs and await self._is_carried(value, claim):
                taken.append(value)
            else:
                # Its own anew, too: whoever is about to free it for the whole must notice.
                own = claim.contact_id if claim is not None and claim.contact_id in back.ids() else back.id
                wanted.append((value, claim, own))
        made = [claim for claim in await self._store.claim(wanted) if claim and claim.contact_id in back.ids()]
        if len(made) < len(wanted):
            raise _AgainError
        return made, taken

    async def _is_carried(self, value: UniqueValue, claim: Claim) -> bool:
        holder = await self._store.resolve(claim.contact_id)
        if holder is not None and not holder.deleted_us and holder.carries(value.field, value.value):
            return True
        if await self._store.is_void(value, claim):
            return False
        await asyncio.sleep(UNSETTLED_WAIT_SECONDS)
        raise _AgainError

    async def _as_before(self, back: Profile, unique_fields: tuple[str, ...]) -> Unmerged:
        """An undo that was made before, perhaps not all of it."""
        written = await self._complete(back, unique_fields)
        if not back.separated:
            raise MergeError("not_merged", back.id)
        rest = await self._store.resolve(max(back.separated, key=lambda other: back.separated[other]))
        if rest is None:
            raise MergeError("not_merged", back.id)
        return Unmerged(back, rest, False, [], [*written, back])

    async def _write(self, profile: Profile, claims: Iterable[Claim] = ()) -> Profile:
        oldest = min(claims, key=lambda claim: claim.time_us, default=None)
        version = (await self._store.write([profile], {profile.id: oldest} if oldest else None))[profile.id]
        if not version:
            raise _AgainError
        return msgspec.structs.replace(profile, version=version)


def _carried(profile: Profile, unique_fields: tuple[str, ...]) -> list[UniqueValue]:
    return [UniqueValue(field, one) for field in unique_fields for one in sorted(profile.carried(field))]


def _parted_from(rest: Profile, values: list[UniqueValue], since_us: int) -> Profile:
    """What is left of a contact when these values went with one that had merged into it then. What it was told since is
    not its own; what it had before it keeps, unless that would be the other's value, too: it may have lost it before
    they merged, and got it back with the other one."""
    less = _without(rest, values, since_us)
    return _without(less, [value for value in values if less.carries(*value)])


def _without(profile: Profile, values: list[UniqueValue], since_us: int = 0) -> Profile:
    """The profile, no longer showing values that are somebody else's, in no part that was told them after
    `since_us`."""
    if not values:
        return profile
    own = _part_without(profile.own, values, since_us) if profile.own else None
    losers = {one: _part_without(part, values, since_us) for one, part in profile.losers.items()}
    return msgspec.structs.replace(profile, own=own, losers=losers)


def _part_without(part: Part, values: list[UniqueValue], since_us: int) -> Part:
    told = {value.field: part.fields[value.field] for value in values if part.told_us(value.field) > since_us}
    wrong = [field for field, value in values if field in told and _means(field, told[field].value, value)]
    blanks = {field: Stamped("", told[field].time_us + 1) for field in wrong}
    return msgspec.structs.replace(part, fields={**part.fields, **blanks}) if blanks else part


def _means(field: str, told: Value, value: str) -> bool:
    return normalise_unique(field, str(told)) == value if told else False


def now_us() -> int:
    return time.time_ns() // 1_000
