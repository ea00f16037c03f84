"""What stays of a contact that is erased: ids, times, and where its devices went since. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.common.profile import Profile
from services.common.values import UniqueValue, normalise_unique


def tombstone(profile: Profile, now_us: int) -> Profile:
    """Of a contact of its own; one that was deleted before stays deleted since then. Moves say which later hits of its
    device are somebody else's, and no more than that."""
    deleted_us = profile.deleted_us or now_us
    return Profile(profile.id, deleted_us=deleted_us, moves=profile.moves, version=profile.version)


def bare_alias(profile: Profile, survivor_id: int) -> Profile:
    """Of one that was merged into it: it leads there, to the tombstone."""
    return Profile(profile.id, alias=survivor_id, moves=profile.moves, version=profile.version)


def told_values(profiles: Iterable[Profile], unique_fields: Iterable[str]) -> set[UniqueValue]:
    """All unique values that any part of these was told, also those that it does not show any more."""
    found = set()
    parts = [part for profile in profiles for part in profile.parts()]
    for field in unique_fields:
        for told in (part.value(field) for part in parts):
            if told and (value := normalise_unique(field, str(told))):
                found.add(UniqueValue(field, value))
    return found
