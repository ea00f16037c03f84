"""How contacts become one and are parted again. Pure: each function answers with what must be stored.

A merge freezes the loser, whose id leads to the winner from then on, and gives its part to the winner. An undo takes it
out again with all that had merged into it before. Nothing of either is ever overwritten, so undos go in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import dropwhile
from typing import NamedTuple

import msgspec

from services.common.profile import Merge, Part, Profile


def conflicts(first: Profile, second: Profile, unique_fields: tuple[str, ...]) -> bool:
    """Whether two contacts are two people: both have values of one unique field, and none in common."""
    for field in unique_fields:
        one, other = first.carried(field), second.carried(field)
        if one and other and one.isdisjoint(other):
            return True
    return False


def are_separated(first: Profile, second: Profile) -> bool:
    """Whether an undo parted them, or any that have merged into them since."""
    if not first.separated and not second.separated:
        return False
    return not (set(first.ids()).isdisjoint(second.separated) and set(second.ids()).isdisjoint(first.separated))


def survivor(first: Profile, second: Profile) -> tuple[Profile, Profile]:
    """(winner, loser) of two contacts that are one person: the older one keeps its id, then the smaller id."""
    return (first, second) if _age(first) <= _age(second) else (second, first)


def oldest(profiles: Iterable[Profile]) -> Profile | None:
    return min(profiles, key=_age, default=None)


def _age(profile: Profile) -> tuple[int, int]:
    return (min((part.added_us for part in profile.parts()), default=0), profile.id)


def freeze_into(
    loser: Profile, winner: Profile, time_us: int, *, under: int = 0, added_us: int = 0, by: str = ""
) -> Profile:
    """The loser as it is stored from now on: its parts stay as they are, and its id leads to the winner.

    `under` is for whose sake they are merged, the winner itself or somebody who merged into it before: an undo of that
    merge takes the loser along. `added_us` is when it was first seen, for one of whom nothing was known before.
    """
    own = loser.own or Part(added_us=added_us or time_us)
    merge = Merge(under if under in winner.losers else winner.id, time_us, by)
    return msgspec.structs.replace(loser, own=own, alias=winner.id, merge=merge, is_brief=False)


def take_in(winner: Profile, loser: Profile) -> Profile:
    """The winner with the frozen parts of the loser and of all that the loser had taken in before."""
    taken = dict(loser.losers)
    merges = dict(loser.merges)
    if loser.own is not None:
        taken[loser.id] = loser.own
        merges[loser.id] = loser.merge or Merge(winner.id, 0)
    taken.pop(winner.id, None)
    merges.pop(winner.id, None)
    if all(winner.losers.get(key) == part for key, part in taken.items()):
        return winner
    losers = {**winner.losers, **taken}
    separated = {**loser.separated, **winner.separated}
    return msgspec.structs.replace(
        winner,
        losers=losers,
        merges={**winner.merges, **merges},
        separated={one: time_us for one, time_us in separated.items() if one != winner.id and one not in losers},
    )


class Lead(NamedTuple):
    """Where a chain of aliases leads, and which profiles must be stored next so that all of it is true, the survivor
    only once the others are; then it is read again. Without a survivor it leads nowhere, or elsewhere once those are
    stored."""

    survivor: Profile | None
    changed: list[Profile]


def follow(chain: list[Profile]) -> Lead:
    """Of profiles that each lead to the next one. A cycle, which two merges at once can make, is read as the smallest
    id within it, from wherever one comes to it.

    A survivor takes in whoever leads to it (a merge was left half done), unless an undo took that one out since, along
    with whom it had merged into; then it leads there. Whom it takes in is stored again before it, also as it was: for
    one that was taken out or merged elsewhere since it was read that fails. Only when the survivor has all of them
    does who leads to it by way of others lead to it directly: what came to those in between goes with them, and not
    on its own.
    One that an undo took out, and that still says that it merged into the survivor itself, was read before the undo or
    merged again by another clock: its merge is renewed, which fails in the first case.
    """
    if not chain:
        return Lead(None, [])
    before = chain[-1]
    survivor = before
    if survivor.alias:
        cycle = list(dropwhile(lambda one: one.id != survivor.alias, chain))  # not who leads into it from outside
        if not cycle:
            return Lead(None, [])
        before = min(cycle, key=lambda one: one.id)
        survivor = msgspec.structs.replace(before, alias=0, merge=None)
    losers = [one for one in chain if one.id != survivor.id]
    taken = []
    for loser in reversed(losers if not survivor.deleted_us else []):
        if loser.id in survivor.losers:
            continue
        if loser.merge and (parted_us := survivor.separated.get(loser.id, -1)) >= loser.merge.time_us:
            went_along = loser.merge.winner not in survivor.losers or loser.alias == survivor.id
            if went_along and loser.merge.winner != survivor.id:
                return Lead(None, [msgspec.structs.replace(loser, alias=loser.merge.winner)])
            renewed = Merge(loser.merge.winner, parted_us + 1, loser.merge.by)
            loser = msgspec.structs.replace(loser, merge=renewed)
        taken.append(loser)
        survivor = take_in(survivor, loser)
    if survivor is not before:
        return Lead(survivor, [*taken, survivor])
    led = [msgspec.structs.replace(one, alias=survivor.id) for one in losers if one.alias != survivor.id]
    return Lead(survivor, led)


def recent_merges(profile: Profile, since_us: int) -> int:
    return sum(merge.time_us > since_us for merge in profile.merges.values())


class Parted(NamedTuple):
    """What an undo leaves: the contact that was taken out, with all that had merged into it before, and the other."""

    back: Profile
    rest: Profile


def take_out(whole: Profile, loser: Profile, time_us: int) -> Parted | None:
    """Both contacts after the undo of the loser's merge; None when it is not (or no longer) part of `whole`.

    `loser` is its stored profile, for the moves of its device. Its part is the frozen one that `whole` has.
    """
    if loser.id not in whole.losers:
        return None
    followers = [one for one in whole.losers if one != loser.id and _merged_into(whole, one, loser.id)]
    gone = {loser.id, *followers}
    apart = {one: since_us for one, since_us in whole.separated.items() if one not in gone}
    rest = msgspec.structs.replace(
        whole,
        losers={one: part for one, part in whole.losers.items() if one not in gone},
        merges={one: merge for one, merge in whole.merges.items() if one not in gone},
        separated={**whole.separated, **dict.fromkeys(gone, time_us)},
    )
    back = msgspec.structs.replace(
        loser,
        own=whole.losers[loser.id],
        losers={one: whole.losers[one] for one in followers},
        merges={one: whole.merges[one] for one in followers if one in whole.merges},
        alias=0,
        merge=None,
        separated={**loser.separated, **apart, whole.id: time_us},
    )
    return Parted(back, rest)


def _merged_into(whole: Profile, one: int, winner_id: int) -> bool:
    """Whether `one` came into `whole` as part of `winner_id`."""
    for _ in whole.losers:
        merge = whole.merges.get(one)
        if merge is None or merge.winner == whole.id:
            return False
        if merge.winner == winner_id:
            return True
        one = merge.winner
    return False
