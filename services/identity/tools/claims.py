"""Who must hold the unique values that contacts show, and what becomes of a claim that leads elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.values import VOID_CLAIM_US, Claim, UniqueValue
from services.identity.tools.leads import load_led, survivor_of


class Unclaimed(NamedTuple):
    """A value that a contact carries and nobody holds: its void claim, and the id under which it is to be held."""

    value: UniqueValue
    void: Claim | None
    contact_id: int
    bearer_id: int


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
    unclaimed, held = await missing(store, profiles, unique_fields)
    return await give(store, unclaimed), held


async def missing(
    store: ProfileStore, profiles: Iterable[Profile], unique_fields: tuple[str, ...]
) -> tuple[list[Unclaimed], int]:
    """What of these contacts' values nobody holds, and how many others do. Nothing is written."""
    now_us = await store.time_us()
    carrying = {value: profile for profile in profiles for value in carried(profile, unique_fields)}
    claims = {
        value: claim
        for value, claim in (await store.holders(carrying)).items()
        if claim is None or claim.contact_id not in carrying[value].ids()
    }
    led = await load_led(store, {claim.contact_id for claim in claims.values() if claim})
    unclaimed, held = [], 0
    for value, claim in claims.items():
        profile = carrying[value]
        holder = survivor_of(led, claim.contact_id) if claim else None
        if holder is not None and holder.id == profile.id:
            continue
        if claim and not is_void(claim, value, holder, now_us):
            held += 1
        else:
            unclaimed.append(Unclaimed(value, claim, profile.id, bearer(profile, value)))
    return unclaimed, held


async def give(store: ProfileStore, unclaimed: Iterable[Unclaimed]) -> int:
    """Claims those that their contacts still carry: the services may have changed them. How many."""
    asked = list(unclaimed)
    now = await store.load({one.contact_id for one in asked})
    wanted = [one for one in asked if _carries(now[one.contact_id], one.value)]
    made = await store.claim([(one.value, one.void, one.bearer_id) for one in wanted])
    return sum(claim is not None and claim.contact_id == one.bearer_id for one, claim in zip(wanted, made, strict=True))


def is_void(claim: Claim, value: UniqueValue, holder: Profile | None, now_us: int) -> bool:
    """Whether nobody carries the value that it claims, or will. `holder` is who it led to at that time of Redis or
    later."""
    return not _carries(holder, value) and is_old(claim, now_us)


def is_old(claim: Claim, now_us: int) -> bool:
    """Whether it is carried by then, or never."""
    return now_us - claim.time_us > VOID_CLAIM_US


def _carries(profile: Profile | None, value: UniqueValue) -> bool:
    return profile is not None and profile.is_known() and profile.carries(*value)
