"""Who must hold the unique values that contacts show, and what becomes of a claim that leads elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.values import VOID_CLAIM_US, Claim, UniqueValue


def carried(profile: Profile, unique_fields: tuple[str, ...]) -> Iterator[UniqueValue]:
    """The values that a contact of its own answers to; none of one that is merged away or deleted."""
    if profile.is_known():
        for field in unique_fields:
            for value in profile.carried(field):
                yield UniqueValue(field, value)


def bearer(profile: Profile, value: UniqueValue) -> int:
    """Under which of its ids a contact holds a value: that of who brought it along, so that an undo takes it back."""
    brought = [loser for loser, part in profile.losers.items() if Profile(loser, own=part).carries(*value)]
    is_own = profile.own is not None and Profile(profile.id, own=profile.own).carries(*value)
    return profile.id if is_own or not brought else brought[0]


async def mend(store: ProfileStore, profiles: Iterable[Profile], unique_fields: tuple[str, ...]) -> tuple[int, int]:
    """Gives these contacts the values that they carry and nobody else does. How many it gave, and how many others hold.

    Whoever carries a value keeps it: two contacts that do are for people, or `dedupe`, to judge.
    """
    carrying = {value: profile for profile in profiles for value in carried(profile, unique_fields)}
    given = held = 0
    for value, claim in (await store.holders(carrying)).items():
        profile = carrying[value]
        if claim and claim.contact_id in profile.ids():
            continue
        if claim and not await _is_void(store, value, claim, profile.id):
            held += not await _leads_to(store, claim, profile.id)
        elif await _shows(store, profile.id, value):
            given += (await store.claim([(value, claim, bearer(profile, value))]))[0] is not None
    return given, held


async def _is_void(store: ProfileStore, value: UniqueValue, claim: Claim, contact_id: int) -> bool:
    """Whether nobody carries the value that it claims, or will."""
    holder = await store.resolve(claim.contact_id)
    if holder and (holder.id == contact_id or _carries(holder, value)):
        return False
    return time.time_ns() // 1_000 - claim.time_us > VOID_CLAIM_US


async def _leads_to(store: ProfileStore, claim: Claim, contact_id: int) -> bool:
    holder = await store.resolve(claim.contact_id)
    return holder is not None and holder.id == contact_id


async def _shows(store: ProfileStore, contact_id: int, value: UniqueValue) -> bool:
    """Still: the services may have changed it."""
    profile = (await store.load([contact_id]))[contact_id]
    return profile is not None and _carries(profile, value)


def _carries(profile: Profile, value: UniqueValue) -> bool:
    return profile.is_known() and profile.carries(*value)
