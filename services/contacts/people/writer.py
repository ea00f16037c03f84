"""Writes contacts: claim the unique values, write the profiles by compare-and-set, project them, answer.

Each write is computed purely on what was read, and computed again when somebody else was faster. A crash in between
leaves nothing half done for good: a claim that its contact does not carry is void after 3 s, a frozen loser is taken
in by whoever follows its alias, and what is in Redis but not in ClickHouse is projected by the outbox's relay.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from services.common.audit import LEAD, note
from services.common.caller import author, author_id, source
from services.common.folding import creator_of, fold, owner_of
from services.common.hook_notes import Note
from services.common.merging import are_separated, conflicts, freeze_into, oldest, take_in
from services.common.profile import Part, Profile
from services.common.profiles import ProfileStore
from services.common.tables import ToldRow
from services.common.tombstone import tombstone
from services.common.values import Claim, Operator, UniqueValue
from services.contacts.audit.notes import note_contact
from services.contacts.companies.company_writer import CompanyWriter
from services.contacts.people.change import Change, apply_change
from services.contacts.people.projector import Projection
from services.contacts.stores import BusyError as BusyError
from services.contacts.stores import Stores
from services.contacts.timeline.changes import events_of
from services.contacts.users.ownership import DELETE, EDIT, check_contact
from services.contacts.webhooks.notes import note_of_deletion, notes_of_change

ROUNDS = 400
ROUND_SECONDS = 12.0  # a claim becomes void within this time
UNSETTLED_WAIT_SECONDS = 0.05


class _AgainError(Exception):
    """Somebody else was faster: read again and compute again."""


class _GoneError(Exception):
    """The contact to edit is not there, or no longer."""


class Written(NamedTuple):
    """The profile as it is stored now, whether this write made a new contact, and the profile as it was before it."""

    profile: Profile
    is_new: bool
    before: Profile | None = None


class ValueTakenError(Exception):
    """A unique value of the change belongs to another person."""

    def __init__(self, value: UniqueValue, contact_id: int) -> None:
        super().__init__(f"{value.field} belongs to contact {contact_id}")
        self.value, self.contact_id = value, contact_id


class Rules(NamedTuple):
    unique_fields: tuple[str, ...]
    operator: Operator


class Target(NamedTuple):
    """What is written: a new contact, or a known one, or one that is an anonymous visitor yet."""

    new_id: int
    contact_id: int
    first_seen_us: int


class ContactWriter:
    """`projection` is where its writes go on to, if not straight to ClickHouse."""

    def __init__(self, stores: Stores, user: str, projection: Projection | None = None) -> None:
        self._stores, self._projection = stores, projection
        self._store: ProfileStore = stores.profiles
        self._user = user
        self._companies = CompanyWriter(stores, user)

    async def create(self, change: Change, new_id: int = 0) -> Written:
        """A new contact, or the one that holds the unique values of the change, changed. Raises `ValueTakenError`.

        With `new_id` a new one is called that, and when it is there already it is this one that is changed."""
        await self._stores.check_clickhouse()
        new_id = new_id or await self._stores.ids.take_surely()
        return await self._persist(await self._attempt(change, new_id=new_id))

    async def edit(self, contact_id: int, change: Change, first_seen_us: int = 0) -> Written | None:
        """The contact, changed; None for one that is not there. With `first_seen_us` it may be an anonymous visitor."""
        await self._stores.check_clickhouse()
        attempt = await self._attempt(change, contact_id=contact_id, first_seen_us=first_seen_us)
        try:
            return await self._persist(attempt)
        except _GoneError:
            return None

    async def delete(self, contact_id: int, first_seen_us: int = 0) -> Profile | None:
        """The profile as it was before it was deleted; None for one that is not there."""
        await self._stores.check_clickhouse()
        deadline = time.monotonic() + ROUND_SECONDS
        while time.monotonic() < deadline:
            profile = await self._store.resolve(contact_id)
            if profile is None and first_seen_us:
                profile = Profile(contact_id, own=Part(added_us=first_seen_us))
            if profile is None or not profile.is_known():
                return None
            check_contact(owner_of(profile), creator_of(profile), DELETE)
            held = await self._store.holders(_all_values(profile, (await self._stores.fields.now()).unique))
            gone = tombstone(profile, now_us())
            gone.version = (await self._store.write([gone]))[gone.id]
            if gone.version:
                note_contact("delete", fold(profile), None)
                self._stores.faults.pass_by("after_tombstone")
                await self._free(profile, held)
                stripped = await self._store.strip(profile.losers, gone.id)
                self._stores.faults.pass_by("after_strip")
                await self._tell(partial(_deletion, profile))
                await self._project([gone, *stripped])
                return profile
        raise BusyError

    async def _attempt(
        self, change: Change, *, new_id: int = 0, contact_id: int = 0, first_seen_us: int = 0
    ) -> _Attempt:
        rules = Rules((await self._stores.fields.now()).unique, self._stores.operator)
        target = Target(new_id, contact_id, first_seen_us)
        return _Attempt(self._stores, self._companies, change, author(self._user), rules, target)

    async def _persist(self, attempt: _Attempt) -> Written:
        deadline = time.monotonic() + ROUND_SECONDS
        for number in range(ROUNDS):
            try:
                written = await attempt.run()
            except _AgainError:
                if time.monotonic() > deadline:
                    break
                await asyncio.sleep(0 if number < 3 else UNSETTLED_WAIT_SECONDS)
                continue
            _note(written, attempt.merged_ids())
            self._stores.faults.pass_by("after_write")
            await self._free(written.profile, attempt.given_up)
            self._stores.faults.pass_by("after_freeing")
            await self._tell(partial(notes_of_change, written.before, written.profile, now_us()))
            await self._project(list(attempt.written.values()), self._events(written, attempt.change))
            return written
        raise BusyError

    async def _free(self, profile: Profile, held: dict[UniqueValue, Claim | None]) -> None:
        """Values that the contact gave up are free for others, unless they were claimed anew since they were read."""
        for value, claim in held.items():
            if claim and await self._is_given_up(value, claim, profile):
                await self._store.claim([(value, claim, 0)])

    async def _is_given_up(self, value: UniqueValue, claim: Claim, profile: Profile) -> bool:
        """Not when it was told the contact again, or parted from it with its value, since it was read."""
        holder = await self._store.resolve(claim.contact_id)
        return holder is not None and holder.id == profile.id and not holder.carries(*value)

    def _events(self, written: Written, change: Change) -> list[ToldRow]:
        if not change.is_in_history():
            return []
        before = fold(written.before) if written.before and written.before.own else None
        return events_of(before, fold(written.profile), change, author(self._user), now_us())

    async def _tell(self, notes: Callable[[], list[Note]]) -> None:
        """Puts what webhooks want to know where it outlives this process; without a webhook it costs nothing."""
        if await self._stores.hooks.hooks():
            await self._stores.hooks.put(notes())

    async def _project(self, profiles: list[Profile], events: list[ToldRow] | None = None) -> None:
        try:
            await self._stores.confirm()
            await (self._projection or self._stores.projector).put(profiles, events)
        except Exception:
            self._stores.distrust()
            raise


class _Attempt:
    """One create or edit, run until no one interferes."""

    def __init__(
        self,
        stores: Stores,
        companies: CompanyWriter,
        change: Change,
        user: str,
        rules: Rules,
        target: Target,
    ) -> None:
        self._store: ProfileStore = stores.profiles
        self._faults = stores.faults
        self._companies, self.change, self._user = companies, change, user
        self._unique_fields, self._operator = rules
        self._new_id, self._contact_id, self._first_seen_us = target
        self.written: dict[int, Profile] = {}
        self.given_up: dict[UniqueValue, Claim | None] = {}
        self._frozen: list[Profile] = []  # in any of the rounds: whoever led to these is led to the target

    def merged_ids(self) -> list[int]:
        """Who was merged into the contact."""
        return sorted({loser.id for loser in self._frozen})

    async def run(self) -> Written:
        """Raises `ApiError` 403, `_AgainError`, `_GoneError`."""
        values = [UniqueValue(field, value) for field, value in self.change.unique_values(self._unique_fields).items()]
        seen = await self._store.holders(values)
        found = {value: await self._holder(value, seen[value]) for value in values}
        holders = [holder for holder in found.values() if holder]
        _check(holders)  # before anything is said of them
        target, is_new = await self._target(found)
        _check([] if is_new else [target])
        others = {holder.id: holder for holder in holders if holder.id != target.id}
        for holder in holders:
            if holder.id == target.id and len(holder.losers) > len(target.losers):
                target = holder  # with those whose merge into it was left half done
        self.change = await self._companies.settled(self.change, [target, *others.values()])
        # The target was read after its claims: a value that it no longer shows may be freed by whoever took it away.
        as_read = {target.id: target, **others}
        free = [
            value
            for value, holder in found.items()
            if holder is None or not as_read[holder.id].carries(value.field, value.value)
        ]
        claims = await self._claim(free, seen, target.id)
        self._faults.pass_by("after_claim")
        merged = target
        for loser in others.values():
            merged = await self._merge(merged, loser)
        written = await self._finish(target, merged, claims)
        for loser in self._frozen:
            led = await self._store.lead(loser.losers, loser.id, written.id)
            self.written.update({one.id: one for one in led})
        return Written(written, is_new, merged)

    async def _merge(self, winner: Profile, loser: Profile) -> Profile:
        """The loser is frozen first: whoever finds it alone is led to the winner, which then takes it in."""
        frozen = await self._write(freeze_into(loser, winner, now_us(), by=self._user))
        self._faults.pass_by("after_freeze")
        self._frozen.append(frozen)
        return take_in(winner, frozen)

    async def _target(self, found: dict[UniqueValue, Profile | None]) -> tuple[Profile, bool]:
        """The contact that is written, and whether it is new. Of several holders the oldest is upserted, and takes in
        the others. Raises `ValueTakenError` where they are not one person."""
        if self._contact_id:
            return await self._find(), False
        first = oldest(holder for holder in found.values() if holder)
        if first:
            others = {value: holder for value, holder in found.items() if holder and holder.id != self._new_id}
            check_one_person(first, others, list(found), self._operator, self._unique_fields)
            return first, first.id == self._new_id
        stored = (await self._store.load([self._new_id]))[self._new_id]
        return stored or Profile(self._new_id), True

    async def _find(self) -> Profile:
        """The contact to edit."""
        profile = await self._store.resolve(self._contact_id)
        if profile is None and self._first_seen_us:
            return Profile(self._contact_id, own=Part(added_us=self._first_seen_us))
        if profile is None or not profile.is_known():
            raise _GoneError
        return profile

    async def _finish(self, before: Profile, target: Profile, claims: list[Claim]) -> Profile:
        """Writes the target, changed. What was its own, also `before` all merges, and no longer is, is given up."""
        changed = apply_change(target, self.change, now_us(), self._user, author_id(), source())
        if changed is target and changed.version and not self.written:
            self.written[changed.id] = changed  # nothing to write; projected again, which does no harm
            return changed
        self.given_up = await self._store.holders(_lost_values((before, target), changed, self._unique_fields))
        return await self._write(changed, claims)

    async def _write(self, profile: Profile, claims: Iterable[Claim] = ()) -> Profile:
        oldest = min(claims, key=lambda claim: claim.time_us, default=None)
        version = (await self._store.write([profile], {profile.id: oldest} if oldest else None))[profile.id]
        if not version:
            raise _AgainError
        stored = msgspec.structs.replace(profile, version=version)
        self.written[profile.id] = stored
        return stored

    async def _holder(self, value: UniqueValue, claim: Claim | None) -> Profile | None:
        """Who carries a value now, through merges; None when it is free. Raises `_AgainError` while that is open."""
        if claim is None:
            return None
        holder = await self._store.resolve(claim.contact_id)
        if holder is not None and holder.deleted_us:
            return None
        if holder is not None and holder.carries(value.field, value.value):
            return holder
        if await self._store.is_void(value, claim):
            return None
        if claim.contact_id in (self._new_id, self._contact_id) or (holder and holder.id == self._contact_id):
            return None  # claimed by this very write, a round ago
        raise _AgainError

    async def _claim(
        self, values: list[UniqueValue], seen: dict[UniqueValue, Claim | None], contact_id: int
    ) -> list[Claim]:
        """Claims them, also those that it claimed before: a claim as old as a former one could be freed with it."""
        holders = await self._store.claim([(value, seen[value], contact_id) for value in values])
        claims = [holder for holder in holders if holder is not None and holder.contact_id == contact_id]
        if len(claims) < len(values):
            raise _AgainError
        return claims


def _check(profiles: Iterable[Profile]) -> None:
    """Raises `ApiError` 403 where the caller may not write one of them."""
    for one in profiles:
        check_contact(owner_of(one), creator_of(one), EDIT)


def _note(written: Written, merged: list[int]) -> None:
    before = fold(written.before) if written.before and written.before.own else None
    note_contact("create" if written.is_new else "update", before, fold(written.profile))
    for loser in merged:
        note("merge", LEAD, written.profile.id, {"merged": loser}, contact_id=written.profile.id)
        note("merge", LEAD, loser, {"merged_into": written.profile.id}, contact_id=loser)


def check_one_person(
    first: Profile,
    holders: Mapping[UniqueValue, Profile],
    values: Iterable[UniqueValue],
    operator: Operator,
    unique_fields: tuple[str, ...],
) -> None:
    """Whether the holders of some of these values are one person, `first` among them. Raises `ValueTakenError`."""
    said = list(values)
    for value, holder in holders.items():
        contradicts = any(holder.lacks(other.field, other.value) for other in said)
        if operator is Operator.AND and contradicts:
            raise ValueTakenError(value, holder.id)
        if holder.id != first.id and (are_separated(first, holder) or conflicts(first, holder, unique_fields)):
            raise ValueTakenError(value, holder.id)


def _all_values(profile: Profile, unique_fields: tuple[str, ...]) -> set[UniqueValue]:
    """Every unique value of it."""
    return {UniqueValue(field, value) for field in unique_fields for value in profile.carried(field)}


def _lost_values(before: Iterable[Profile], after: Profile, unique_fields: tuple[str, ...]) -> set[UniqueValue]:
    """Carried before and no longer."""
    carried = {value for one in before for value in _all_values(one, unique_fields)}
    return carried - _all_values(after, unique_fields)


def _deletion(profile: Profile) -> list[Note]:
    return [note_of_deletion(profile, now_us())]


def now_us() -> int:
    return time.time_ns() // 1_000
