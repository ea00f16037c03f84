"""Who is who, for many at once: a few round trips to Redis, and one to ClickHouse for those of whom Redis knows
nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple

from services.common.clickhouse import ClickHouse
from services.common.device import DeviceCodec
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.sketch import sketcher
from services.common.values import Claim, UniqueValue
from services.identity.selectors import Selector

MAX_STEPS = 20  # of aliases, each a round trip for all at once; what is left is followed one by one
_SEEN = """
SELECT contact_id, toUnixTimestamp64Micro(toDateTime64(min(first_seen), 6, 'UTC'))
FROM activity WHERE contact_id IN {ids:Array(UInt64)} GROUP BY contact_id
"""


class Status(Enum):
    KNOWN = "known"
    ANONYMOUS = "anonymous"  # a visitor of whom nothing is known but visits
    DELETED = "deleted"
    UNKNOWN = "unknown"  # nobody


class Answer(NamedTuple):
    """`contact_id` is the survivor, None for nobody; `under` the id that the selector leads to before all merges."""

    status: Status
    contact_id: int | None = None
    under: int = 0


_NOBODY = Answer(Status.UNKNOWN)


class Lookup:
    def __init__(self, store: ProfileStore, clickhouse: ClickHouse, codec: DeviceCodec) -> None:
        self._store, self._clickhouse, self._codec = store, clickhouse, codec

    async def one(self, selector: Selector, unique_fields: tuple[str, ...]) -> Answer:
        return (await self.all([selector], unique_fields))[0]

    async def all(self, selectors: list[Selector], unique_fields: tuple[str, ...]) -> list[Answer]:
        """In the order of the selectors. Raises `RedisError`, and what ClickHouse's absence raises."""
        claims = await self._store.holders({one.value for one in selectors if one.value})
        starts = [self._start(one, claims) for one in selectors]
        profiles = await self._profiles((start for start in starts if start), sketcher(unique_fields))
        answers = [
            self._answer(one, start, profiles, claims) for one, start in zip(selectors, starts, strict=True)
        ]  # fmt: skip
        blank = {answer.under for answer in answers if answer.status is Status.ANONYMOUS}
        seen = await self.first_seen(blank) if blank else {}
        return [
            answer if answer.status is not Status.ANONYMOUS or answer.under in seen else _NOBODY for answer in answers
        ]

    async def first_seen(self, contact_ids: Iterable[int]) -> dict[int, int]:
        """When each of those that ever came was first seen, microseconds."""
        found = await self._clickhouse.query(_SEEN, parameters={"ids": list(contact_ids)})
        return {int(contact_id): int(first) for contact_id, first in found.result_rows}

    def _start(self, selector: Selector, claims: dict[UniqueValue, Claim | None]) -> int:
        """The id at which to begin; 0 for nobody."""
        if selector.contact_id:
            return selector.contact_id
        if selector.value:
            claim = claims[selector.value]
            return claim.contact_id if claim else 0
        device = self._codec.choose(selector.device_id, "")
        return device.contact_id if device else 0

    async def _profiles(self, starts: Iterable[int], decode: Callable[[bytes], Profile]) -> dict[int, Profile | None]:
        """These and all that they lead to."""
        found: dict[int, Profile | None] = {}
        wanted = set(starts)
        for _ in range(MAX_STEPS):
            if not wanted:
                break
            loaded = await self._store.load(wanted, decode)
            found.update(loaded)
            leading = [one for one in loaded.values() if one and (one.alias or one.moves)]
            wanted = {lead for one in leading for lead in _leads(one)} - found.keys()
        return found

    def _answer(
        self,
        selector: Selector,
        start: int,
        profiles: dict[int, Profile | None],
        claims: dict[UniqueValue, Claim | None],
    ) -> Answer:
        if not start:
            return _NOBODY
        under = start
        first = profiles.get(start)
        if selector.value and first is not None and _plainly_says(first, selector.value):
            return Answer(Status.KNOWN, start, start)
        if not selector.value and first and first.moves and (selector.device_id or first.is_device_only()):
            under = first.moves[-1].contact_id
        profile = _survivor(under, profiles)
        if profile is None or (profile.own is None and not profile.deleted_us):
            return _NOBODY if selector.value else Answer(Status.ANONYMOUS, under, under)
        if profile.deleted_us:
            return Answer(Status.DELETED, None, under)
        if selector.value and not profile.carries(*selector.value):
            return _NOBODY
        return Answer(Status.KNOWN, profile.id, under)


def _plainly_says(profile: Profile, value: UniqueValue) -> bool:
    """Nearly always: the holder of a claim was told the value itself. Half a microsecond."""
    if profile.own is None or profile.alias or profile.deleted_us:
        return False
    told = profile.own.fields.get(value.field)
    return told is not None and told.value == value.value


def _leads(profile: Profile) -> Iterable[int]:
    if profile.alias:
        yield profile.alias
    if profile.moves:
        yield profile.moves[-1].contact_id


def _survivor(contact_id: int, profiles: dict[int, Profile | None]) -> Profile | None:
    chain: list[Profile] = []
    profile = profiles.get(contact_id)
    while profile is not None and profile.alias:
        if profile in chain:  # two merges at once: the cycle is read as its smallest id
            return min(chain[chain.index(profile) :], key=lambda one: one.id)
        chain.append(profile)
        profile = profiles.get(profile.alias)
    return profile
