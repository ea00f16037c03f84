"""What may be wrong with contacts, judged on a picture of profiles, claims and what ClickHouse has of them. Pure.

A finding names the versions and times that it rests on. The same one found again after a pause is no matter of a write
that was under way: nobody has written any of it since.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from services.common.profile import Profile
from services.common.tables import AliasRow
from services.common.values import Claim, UniqueValue
from services.identity.tools.claims import carried
from services.identity.tools.leads import chain, survivor_of

VALUE_UNCLAIMED = "value_unclaimed"
VALUE_SHARED = "value_shared"
CLAIM_VOID = "claim_void"
MERGE_HALF_DONE = "merge_half_done"
ALIAS_CYCLE = "alias_cycle"
ALIAS_CHAIN = "alias_chain"
ALIAS_NOWHERE = "alias_nowhere"
LOSER_ELSEWHERE = "loser_elsewhere"
MOVE_NOWHERE = "move_nowhere"
PROJECTION_MISSING = "projection_missing"
PROJECTION_BEHIND = "projection_behind"
PROJECTION_AHEAD = "projection_ahead"
ALIAS_ROW_WRONG = "alias_row_wrong"
RECORD_MISSING = "record_missing"
RECORD_BEHIND = "record_behind"
RECORD_AHEAD = "record_ahead"
OUTBOX_FORGOTTEN = "outbox_forgotten"

NOT_MENDED = frozenset({VALUE_SHARED, MOVE_NOWHERE})
Subject = int | str


class Finding(NamedTuple):
    """`subject` is what is looked at again: a contact, the key of a claim, the name of a record."""

    kind: str
    subject: Subject
    about: str = ""  # the field, or the other contact
    seen: tuple[int, ...] = ()
    shown: Subject = 0  # an id to tell, where it is not the subject

    @property
    def example(self) -> Subject:
        return self.shown or self.subject


class Picture(NamedTuple):
    """Of some contacts, and of all that they lead to."""

    profiles: dict[int, Profile | None]
    claims: dict[UniqueValue, Claim | None]  # of all values that they carry
    projected: dict[int, int]  # newest versions in ClickHouse
    alias_rows: dict[int, AliasRow]  # the newest of each loser
    visited: set[int]  # of those whom devices moved to and nobody knows: who has events


def contact_findings(picture: Picture, contact_id: int, unique_fields: tuple[str, ...]) -> Iterator[Finding]:
    """What is wrong with one contact."""
    profile = picture.profiles.get(contact_id)
    yield from _projection(picture, contact_id, profile)
    wrong_lead = list(_lead(picture, profile)) if profile and profile.alias else []
    yield from wrong_lead
    if not wrong_lead:
        yield from _alias_row(picture, contact_id)
    if profile is not None:
        yield from _losers(picture, profile)
        yield from _moves(picture, profile)
        yield from _values(picture, profile, unique_fields)


def right_winner(picture: Picture, contact_id: int) -> int:
    """What table `aliases` must say of an id."""
    steps = chain(picture.profiles, contact_id)
    return steps[-1].id if steps else contact_id


def compare_versions(subject: Subject, stored: int, projected: int, kinds: tuple[str, str, str]) -> Iterator[Finding]:
    """`kinds`: missing, behind, ahead."""
    if stored != projected:
        missing, behind, ahead = kinds
        kind = ahead if stored < projected else behind if projected else missing
        yield Finding(kind, subject, seen=(stored, projected))


def _projection(picture: Picture, contact_id: int, profile: Profile | None) -> Iterator[Finding]:
    if profile is None or not profile.is_brief:  # what is forgotten after a day is not projected
        stored = profile.version if profile else 0
        kinds = (PROJECTION_MISSING, PROJECTION_BEHIND, PROJECTION_AHEAD)
        yield from compare_versions(contact_id, stored, picture.projected.get(contact_id, 0), kinds)


def _lead(picture: Picture, profile: Profile) -> Iterator[Finding]:
    """Of one that is merged away."""
    steps = chain(picture.profiles, profile.id)
    end, seen = steps[-1], _versions(steps)
    cycle = _cycle(steps)
    if cycle and profile.id in cycle:
        if profile.id == min(cycle):  # told once
            yield Finding(ALIAS_CYCLE, profile.id, seen=seen)
    elif len(steps) <= 2 and (len(steps) == 1 or _is_nobody(end)):
        yield Finding(ALIAS_NOWHERE, profile.id, str(profile.alias), seen)
    elif len(steps) > 2 or end.alias:
        yield Finding(ALIAS_CHAIN, profile.id, seen=seen)
    elif not end.deleted_us and profile.id not in end.losers:
        yield Finding(MERGE_HALF_DONE, profile.id, str(end.id), seen)


def _cycle(steps: list[Profile]) -> list[int]:
    ids = [one.id for one in steps]
    return ids[ids.index(steps[-1].alias) :] if steps[-1].alias in ids else []


def _alias_row(picture: Picture, contact_id: int) -> Iterator[Finding]:
    row = picture.alias_rows.get(contact_id)
    steps = chain(picture.profiles, contact_id)
    winner = right_winner(picture, contact_id)
    # Nobody has to say it of whoever merged into somebody who is deleted.
    may_lack = winner == contact_id or steps[-1].deleted_us
    is_wrong = row.winner != winner if row else not may_lack
    if is_wrong:
        yield Finding(ALIAS_ROW_WRONG, contact_id, str(winner), (*_versions(steps), row.version if row else 0))


def _losers(picture: Picture, profile: Profile) -> Iterator[Finding]:
    for loser in () if profile.alias else profile.losers:
        steps = chain(picture.profiles, loser)
        if all(one.id != profile.id for one in steps):
            yield Finding(LOSER_ELSEWHERE, profile.id, str(loser), _versions([profile, *steps]))


def _moves(picture: Picture, profile: Profile) -> Iterator[Finding]:
    for target in sorted({move.contact_id for move in profile.moves}):
        if target not in picture.visited and is_unknown(picture.profiles, target):
            yield Finding(MOVE_NOWHERE, profile.id, str(target), (profile.version,))


def is_unknown(profiles: dict[int, Profile | None], contact_id: int) -> bool:
    """Whether no profile says that there is, or was, such a contact."""
    steps = chain(profiles, contact_id)
    return not steps or _is_nobody(steps[-1])


def _values(picture: Picture, profile: Profile, unique_fields: tuple[str, ...]) -> Iterator[Finding]:
    """One of a field, however many of its values."""
    found: dict[Finding, None] = {}
    for value in carried(profile, unique_fields):
        claim = picture.claims.get(value)
        holder = survivor_of(picture.profiles, claim.contact_id) if claim else None
        if holder is not None and (holder.id == profile.id or (claim and claim.contact_id in profile.losers)):
            continue
        is_shared = holder is not None and holder.is_known() and holder.carries(*value)
        seen = (profile.version, *(claim or ()), holder.version if holder else 0)
        found[Finding(VALUE_SHARED if is_shared else VALUE_UNCLAIMED, profile.id, value.field, seen)] = None
    yield from found


def _is_nobody(profile: Profile) -> bool:
    return profile.own is None and not profile.deleted_us and not profile.alias


def _versions(profiles: list[Profile]) -> tuple[int, ...]:
    return tuple(one.version for one in profiles)
