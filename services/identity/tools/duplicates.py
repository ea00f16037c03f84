"""Which of the contacts that carry one unique value are one person. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cmp_to_key
from typing import NamedTuple

from services.common.merging import are_separated, conflicts, freeze_into, survivor, take_in
from services.common.profile import Profile
from services.common.values import Operator
from services.identity.identify import Rules

SEPARATED = "separated"
CONTRADICTS = "contradicts"
TOO_MANY_IDENTIFIERS = "too_many_identifiers"


class Join(NamedTuple):
    """The loser is merged into the winner; or is not, for this reason."""

    winner: Profile
    loser: Profile
    reason: str = ""


def doubt(winner: Profile, loser: Profile, rules: Rules) -> str:
    """Why two contacts that share a value are not merged; nothing where they are one person.

    With AND a unique field of which they have different values makes them two people; with OR any shared value makes
    them one.
    """
    if are_separated(winner, loser):
        return SEPARATED
    if rules.operator is Operator.AND and conflicts(winner, loser, rules.unique_fields):
        return CONTRADICTS
    if len(winner.losers) + len(loser.losers) >= rules.max_identifiers:
        return TOO_MANY_IDENTIFIERS
    return ""


def joins(carriers: Iterable[Profile], rules: Rules) -> list[Join]:
    """What becomes of contacts that carry one value, the older ones first. Who is not one with the oldest may still be
    one with another."""
    people: list[Profile] = []
    made: list[Join] = []
    for profile in _by_age(carriers):
        reasons = [doubt(one, profile, rules) for one in people]
        if "" in reasons:
            at = reasons.index("")
            winner, loser = survivor(people[at], profile)
            made.append(Join(winner, loser))
            people[at] = joined(winner, loser)
        else:
            made += [Join(one, profile, reason) for one, reason in zip(people[:1], reasons, strict=False)]
            people.append(profile)
    return made


def joined(winner: Profile, loser: Profile) -> Profile:
    """The survivor as it will be."""
    newest_us = max((stamped.time_us for part in winner.parts() for stamped in part.fields.values()), default=0)
    return take_in(winner, freeze_into(loser, winner, newest_us))


def _by_age(carriers: Iterable[Profile]) -> list[Profile]:
    def compare(one: Profile, other: Profile) -> int:
        return -1 if survivor(one, other)[0] is one else 1

    return sorted({profile.id: profile for profile in carriers}.values(), key=cmp_to_key(compare))
