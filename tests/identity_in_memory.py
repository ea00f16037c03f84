"""Identity and the writers of contacts on a store in memory, one thing after the other, by a clock of the test's."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from services.common.faults import NO_FAULTS, FaultPoints
from services.common.merges import MergeError, MergeStore
from services.common.profile import VERSION_DIGITS, Profile, decode_profile, encode_profile
from services.common.profiles import ProfileStore
from services.common.values import CARRY_CLAIM_US, Claim, Operator, UniqueValue
from services.contacts.people.change import Change
from services.contacts.people.writer import ContactWriter, ValueTakenError
from services.identity.identify import ContactDeleted, Rules, Sighting
from services.identity.placement import Placement
from tests.model import DROPPED, GONE, TAKEN, Hit

START_US = 1_700_000_000_000_000
FIRST_NEW_ID = 10_000


class Clock:
    """Microseconds; each look at it is one later than the one before."""

    def __init__(self) -> None:
        self.us = START_US

    def time_ns(self) -> int:
        self.us += 1
        return self.us * 1_000

    def now_us(self) -> int:
        return self.time_ns() // 1_000


class MemoryStore(ProfileStore):
    """What the scripts do, in a dictionary."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.stored: dict[int, bytes] = {}
        self.claims: dict[UniqueValue, Claim] = {}

    async def load(self, contact_ids: Iterable[int], decode: Any = decode_profile) -> dict[int, Profile | None]:
        return {one: decode(self.stored[one]) if one in self.stored else None for one in contact_ids}

    async def holders(self, values: Iterable[UniqueValue]) -> dict[UniqueValue, Claim | None]:
        return {value: self.claims.get(value) for value in values}

    async def write(self, profiles: list[Profile], claims: Mapping[int, Claim] | None = None) -> dict[int, int]:
        return {profile.id: self._write_one(profile, (claims or {}).get(profile.id)) for profile in profiles}

    def _write_one(self, profile: Profile, claim: Claim | None) -> int:
        version = int(self.stored[profile.id][:VERSION_DIGITS]) if profile.id in self.stored else 0
        now = self._clock.now_us()
        if version != profile.version or (claim and now > claim.time_us + CARRY_CLAIM_US):
            return 0
        version = max(version + 1, now)
        self.stored[profile.id] = f"{version:0{VERSION_DIGITS}d}".encode() + encode_profile(profile)
        return version

    async def claim(self, claims: list[tuple[UniqueValue, Claim | None, int]]) -> list[Claim | None]:
        for value, seen, contact_id in claims:
            if self.claims.get(value) == seen:
                self.claims.pop(value, None)
                if contact_id:
                    self.claims[value] = Claim(contact_id, self._clock.now_us())
        return [self.claims.get(value) for value, _, _ in claims]

    async def time_us(self) -> int:
        return self._clock.now_us()

    async def remember_brief(self, devices: Mapping[int, list[int]]) -> None:
        """Nothing is forgotten here."""


class Ids:
    def __init__(self) -> None:
        self._numbers = itertools.count(FIRST_NEW_ID)

    async def take_surely(self) -> int:
        return next(self._numbers)


class Identity:
    """One call is one thing that happens; answers are those of the model."""

    def __init__(
        self, store: ProfileStore, ids: Any, unique: tuple[str, ...], operator: Operator, first_seen: dict[int, int]
    ) -> None:
        self.unique, self.store = unique, store
        queue: Any = SimpleNamespace(put=_ignore)
        self.placement = Placement(store, ids, Rules(unique, operator), FaultPoints("", 1), queue)
        self._merges = MergeStore(store, self._first_seen_us)
        self._first_seen = first_seen
        self._writer = ContactWriter(_stores(store, ids, unique, operator), "test")

    async def hits(self, hits: list[tuple[Hit, int]]) -> list[int]:
        """With when each was received."""
        placed = await self.placement.place([sighting(*hit) for hit in hits])
        for (hit, _), contact in zip(hits, placed.contacts, strict=True):
            if not isinstance(contact, ContactDeleted):
                self._first_seen[contact] = min(hit.time, self._first_seen.get(contact, hit.time))
        return [DROPPED if isinstance(one, ContactDeleted) else one for one in placed.contacts]

    async def create(self, values: dict[str, str]) -> int:
        try:
            return (await self._writer.create(Change(dict(values)))).profile.id
        except ValueTakenError:
            return TAKEN

    async def edit(self, contact_id: int, values: dict[str, str]) -> int:
        written = await self._writer.edit(contact_id, Change(dict(values)))
        return written.profile.id if written else GONE

    async def delete(self, contact_id: int) -> int:
        gone = await self._writer.delete(contact_id)
        return gone.id if gone else GONE

    async def merge(self, winner_id: int, loser_id: int) -> int:
        try:
            return (await self._merges.merge(winner_id, loser_id, "test")).survivor.id
        except MergeError as error:
            return _gone(error)

    async def unmerge(self, contact_id: int) -> int:
        try:
            unmerged = await self._merges.unmerge(contact_id, self.unique)
        except MergeError as error:
            return _gone(error)
        return unmerged.back.id if unmerged.is_new else GONE

    async def _first_seen_us(self, contact_id: int) -> int:
        return self._first_seen.get(contact_id, 0)


def sighting(hit: Hit, received_us: int) -> Sighting:
    fields: Any = {"firstname": hit.firstname} if hit.firstname else {}
    event_id = hit.number.to_bytes(16, "big")
    return Sighting(hit.device, hit.is_new, hit.time, received_us, event_id, dict(hit.unique), fields, {}, "")


def _gone(error: MergeError) -> int:
    if error.reason not in ("contact_not_found", "not_merged"):
        raise error
    return GONE


def _stores(store: ProfileStore, ids: Any, unique: tuple[str, ...], operator: Operator) -> Any:
    async def fields() -> Any:
        return SimpleNamespace(unique=unique)

    return SimpleNamespace(
        profiles=store, ids=ids, operator=operator, faults=NO_FAULTS, companies=None,
        fields=SimpleNamespace(now=fields), hooks=SimpleNamespace(hooks=_ignore),
        check_clickhouse=_ignore, confirm=_ignore, distrust=lambda: None, projector=SimpleNamespace(put=_ignore),
    )  # fmt: skip


async def _ignore(*_: Any) -> None:
    """There is no ClickHouse here, and nothing is queued."""
