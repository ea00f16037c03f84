"""Places a batch of sightings against the real store: load, place, claim, write; again where somebody was faster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from services.common.contact_ids import ContactIds
from services.common.faults import FaultPoints
from services.common.profile import Profile
from services.common.profiles import MAX_BRIEF, ProfileStore
from services.common.values import Claim, UniqueValue
from services.identity.identify import (
    ContactDeleted,
    EventKey,
    Fate,
    HalfMerged,
    Identifier,
    Missing,
    Rules,
    Sighting,
    State,
    UnsettledClaimError,
)
from services.identity.merge_queue import MergeQueue
from services.identity.suppression import SuppressionList

MAX_ROUNDS = 200
MAX_LOADS = 64
UNSETTLED_WAIT_SECONDS = 0.1
SPARE_IDS = 64
PROFILES_AT_ONCE = 500  # from claim to write some 50 ms


class PlacementError(Exception):
    """Other writers won every round: the batch is left unacknowledged and comes again."""


class ContestedError(Exception):
    """Others keep writing the same contacts, or have claimed a value and not carried it yet: the other sightings need
    not wait for these. `indexes` are theirs."""

    def __init__(self, indexes: set[int]) -> None:
        super().__init__(f"{len(indexes)} sightings")
        self.indexes = indexes


class Placed:
    """Where each sighting belongs, and the profiles that were written on the way; of the first ones what became of
    them, as far as that was asked for."""

    def __init__(self, told: int = 0) -> None:
        self.told = told
        self.fates: list[Fate | None] = []
        self.contacts: list[int | ContactDeleted] = []
        self.written: dict[int, Profile] = {}
        self.outcomes: dict[str, int] = {}


class Placement:
    def __init__(
        self,
        store: ProfileStore,
        ids: ContactIds,
        rules: Rules,
        faults: FaultPoints,
        queue: MergeQueue,
        suppression: SuppressionList | None = None,
    ) -> None:
        self._store, self._suppression = store, suppression
        self._ids = ids
        self.rules = rules
        self._faults = faults
        self._queue = queue

    def follow(self, unique_fields: tuple[str, ...]) -> None:
        """From now on these fields identify."""
        self.rules = self.rules._replace(unique_fields=unique_fields)

    async def place(self, sightings: list[Sighting], patience: int = MAX_ROUNDS, told: int = 0) -> Placed:
        """Settles every sighting in Redis, and tells of the first `told` ones. Raises `RedisError`, `PlacementError`;
        and `ContestedError` after so many rounds that were lost to others, where that leaves something to be placed."""
        placed = Placed(told)
        state, now_us = State(), await self._store.time_us()
        new_ids: dict[EventKey, int] = {}
        followers: set[int] = set()
        for number in range(MAX_ROUNDS):
            await self._load(state, _contacts(sightings), _values(sightings))
            identifier = await self._plan(state, sightings, placed, new_ids, now_us)
            if isinstance(identifier, Identifier):
                followers |= state.followers
                if await self._commit(state, placed):
                    await self._flatten(state, followers)
                    placed.outcomes = identifier.outcomes
                    return placed
                contested = _touching(sightings, placed, identifier, state.lost)
                state.seen.clear()  # a value may have been erased meanwhile
            else:
                await asyncio.sleep(UNSETTLED_WAIT_SECONDS)
                state, now_us = State(), await self._store.time_us()
                contested = _naming(sightings, identifier.value)
            if number >= patience and len(contested) < len(sightings):
                raise ContestedError(contested)
        raise PlacementError(f"{len(sightings)} sightings")

    async def _plan(
        self, state: State, sightings: list[Sighting], placed: Placed, new_ids: dict[EventKey, int], now_us: int
    ) -> Identifier | UnsettledClaimError:
        """Places all on the picture, loading what it turns out to lack; or says which claim is unsettled."""
        spare = [await self._ids.take_surely() for _ in range(SPARE_IDS)]

        def new_contact_id(key: EventKey) -> int:
            if key not in new_ids:
                if not spare:
                    raise Missing
                new_ids[key] = spare.pop()
                state.loaded[new_ids[key]] = None
            return new_ids[key]

        while True:
            state.start_anew()
            identifier = Identifier(state, self.rules, new_contact_id, now_us)
            try:
                _place(sightings, identifier, placed)
            except Missing as missing:
                if missing.contact_id or missing.value:
                    await self._load(
                        state,
                        {missing.contact_id} if missing.contact_id else set(),
                        {missing.value} if missing.value else set(),
                    )
                else:
                    spare += [await self._ids.take_surely() for _ in range(len(sightings))]
            except HalfMerged as half:
                await self._store.resolve(half.ids[0])
                for one in half.ids:
                    state.loaded.pop(one, None)
            except UnsettledClaimError as error:
                return error
            else:
                return identifier

    async def _load(self, state: State, contact_ids: set[int], values: set[UniqueValue]) -> None:
        """Loads these, and whatever they lead to, in as few round trips as they have steps."""
        unseen = [value for value in values if value not in state.seen]
        if unseen:
            await self._look(state, unseen)
        wanted = set(contact_ids)
        wanted.update(claim.contact_id for value in values if (claim := state.seen[value]))
        for _ in range(MAX_LOADS):
            wanted.difference_update(state.loaded)
            if not wanted:
                return
            profiles = await self._store.load(wanted)
            state.loaded.update(profiles)
            wanted = set(_leads(profiles.values()))

    async def _look(self, state: State, values: list[UniqueValue]) -> None:
        if self._suppression is None:
            state.seen.update(await self._store.holders(values))
            return
        holders, erased_us = await self._suppression.holders(values)
        state.erased.update(erased_us)
        state.seen.update(holders)

    async def _commit(self, state: State, placed: Placed) -> bool:
        """Writes the difference; False when somebody else wrote one of its parts meanwhile.

        A contact's claims come before it, then frozen losers, then contacts, then the moves that lead to them: whatever
        a crash leaves in between, the next delivery of the same hits completes. Some at a time, for Redis refuses what
        comes too long after its claim.
        """
        claims: dict[int, list[UniqueValue]] = {}
        for value, contact_id in state.claims.items():
            claims.setdefault(contact_id, []).append(value)
        brief = _brief_devices(state)
        for point, group in _stages(state):
            if point == "after_moves":  # a move that is there asks for no merge when its hit comes again
                await self._queue.put(state.queued)
                self._faults.pass_by("after_queueing")
            for start in range(0, len(group), PROFILES_AT_ONCE):
                profiles = group[start : start + PROFILES_AT_ONCE]
                made = await self._claim(state, [value for one in profiles for value in claims.pop(one.id, ())])
                if made is None:
                    return False
                self._faults.pass_by("after_claim")
                if not await self._write(state, profiles, made, placed):
                    return False
                self._faults.pass_by(point)
        if await self._claim(state, [value for values in claims.values() for value in values]) is None:
            return False
        await self._store.remember_brief(brief)
        return True

    async def _flatten(self, state: State, followers: set[int]) -> None:
        """Whom another merge was about to lead, or whose own step was lost to somebody else, leads to its end, too."""
        for one in followers:
            profile = state.loaded.get(one)
            end = state.loaded.get(profile.alias) if profile else None
            if end is None or end.alias:
                await self._store.resolve(one)

    async def _claim(self, state: State, values: list[UniqueValue]) -> dict[int, Claim] | None:
        """The oldest new claim of each contact; None when somebody else holds one of the values."""
        wanted = [(value, state.seen[value], state.claims[value]) for value in values]
        holders = await self._store.claim(wanted)
        made: dict[int, Claim] = {}
        is_ours = True
        for (value, _, contact_id), holder in zip(wanted, holders, strict=True):
            state.seen[value] = holder
            if holder is None or holder.contact_id != contact_id:
                is_ours = False
            elif contact_id not in made or holder.time_us < made[contact_id].time_us:
                made[contact_id] = holder
        if is_ours:
            return made
        state.lost = {holder.contact_id for holder in holders if holder} | {contact_id for _, _, contact_id in wanted}
        await self._reload(state, [holder for holder in holders if holder])
        return None

    async def _write(self, state: State, profiles: list[Profile], claims: dict[int, Claim], placed: Placed) -> bool:
        versions = await self._store.write(profiles, claims)
        lost = []
        for profile in profiles:
            version = versions[profile.id]
            if version:
                profile.version = version
                state.loaded[profile.id] = profile
                if not profile.is_brief:
                    placed.written[profile.id] = profile
            else:
                lost.append(profile.id)
        for contact_id in lost:
            del state.loaded[contact_id]
        state.lost = set(lost)
        return not lost

    async def _reload(self, state: State, holders: list[Claim]) -> None:
        for holder in holders:
            state.loaded.pop(holder.contact_id, None)
        await self._load(state, {holder.contact_id for holder in holders}, set())


def _place(sightings: list[Sighting], identifier: Identifier, placed: Placed) -> None:
    first = [identifier.place_and_tell(sighting) for sighting in sightings[: placed.told]]
    placed.fates = [fate for _, fate in first]
    rest = sightings[placed.told :] if placed.told else sightings
    placed.contacts = [contact for contact, _ in first] + [identifier.place(sighting) for sighting in rest]


def _touching(sightings: list[Sighting], placed: Placed, identifier: Identifier, contacts: set[int]) -> set[int]:
    """The sightings that need one of these contacts."""
    found = set()
    for index, (sighting, contact) in enumerate(zip(sightings, placed.contacts, strict=True)):
        needed = {sighting.device_contact_id, sighting.contact_id, sighting.clicked_contact_id}
        if not isinstance(contact, ContactDeleted):
            needed |= {contact, identifier.resolve(contact).id}
        if not contacts.isdisjoint(needed):
            found.add(index)
    return found


def _naming(sightings: list[Sighting], value: UniqueValue) -> set[int]:
    return {index for index, one in enumerate(sightings) if one.unique.get(value.field) == value.value}


def _contacts(sightings: list[Sighting]) -> set[int]:
    """All that they name, for what is missed later costs a round trip each."""
    named = {one.device_contact_id or one.contact_id for one in sightings}
    led = {one.clicked_contact_id for one in sightings} | {one.linked_contact_id for one in sightings}
    return (named | led) - {0}


def _values(sightings: list[Sighting]) -> set[UniqueValue]:
    return {UniqueValue(field, value) for one in sightings for field, value in one.unique.items()}


def _leads(profiles: Iterable[Profile | None]) -> Iterable[int]:
    """The contacts that a profile points at: its survivor, and where its device went."""
    for profile in profiles:
        if profile is not None:
            if profile.alias:
                yield profile.alias
            for move in profile.moves:
                yield move.contact_id


def _brief_devices(state: State) -> dict[int, list[int]]:
    """By contact, who joined it without cookies in this batch. Of very many the newest alone are kept at all."""
    joined: dict[int, list[int]] = {}
    for profile in list(state.profiles.values()):
        if profile.is_brief and not profile.version:
            devices = joined.setdefault(profile.moves[-1].contact_id, [])
            devices.append(profile.id)
            if len(devices) > MAX_BRIEF:
                del state.profiles[devices.pop(0)]
    return joined


def _stages(state: State) -> list[tuple[str, list[Profile]]]:
    """Changed profiles in the order in which they must be written, and the fault point behind them. Who led to a loser
    is led to the winner last: it must not go there alone when the loser's own step is lost to somebody else."""
    losers, contacts, led = [], [], []
    for profile in state.profiles.values():
        before = state.loaded.get(profile.id)
        if profile.alias and not (before and before.alias and before.merge == profile.merge):
            losers.append(profile)
        elif profile.alias or profile.moves != (before.moves if before else []):
            led.append(profile)
        else:
            contacts.append(profile)
    return [("after_losers", losers), ("after_winners", contacts), ("after_moves", led)]
