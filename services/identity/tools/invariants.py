"""What must hold between a profile, those that it leads to and those that lead to it, and the claims. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from services.common import keys
from services.common.merging import follow
from services.common.profile import Profile
from services.common.values import Claim, UniqueValue
from services.identity.tools.claims import carried


class Kind(Enum):
    VALUE_UNCLAIMED = "value_unclaimed"
    VALUE_SHARED = "value_shared"
    CLAIM_VOID = "claim_void"
    ALIAS_NOWHERE = "alias_nowhere"
    ALIAS_CHAIN = "alias_chain"
    ALIAS_CYCLE = "alias_cycle"
    MERGE_HALF_DONE = "merge_half_done"
    LOSER_ELSEWHERE = "loser_elsewhere"
    MOVE_NOWHERE = "move_nowhere"
    PROJECTION_BEHIND = "projection_behind"
    PROJECTION_AHEAD = "projection_ahead"
    PROFILE_LOST = "profile_lost"
    ALIAS_ROW_WRONG = "alias_row_wrong"
    RECORD_BEHIND = "record_behind"
    RECORD_AHEAD = "record_ahead"
    OUTBOX_FORGOTTEN = "outbox_forgotten"


MEANINGS = {
    Kind.VALUE_UNCLAIMED: "contacts carry a unique value that leads to nobody who does; mended by claiming it",
    Kind.VALUE_SHARED: "contacts carry a unique value that another one holds; for dedupe, or for people",
    Kind.CLAIM_VOID: "claims lead to a contact that does not carry the value; mended by freeing it",
    Kind.ALIAS_NOWHERE: "merged contacts lead to nobody; mended by making them contacts of their own",
    Kind.ALIAS_CHAIN: "merged contacts lead to their survivor by way of others; mended",
    Kind.ALIAS_CYCLE: "merged contacts lead in a circle; mended: the smallest id survives",
    Kind.MERGE_HALF_DONE: "merged contacts lead to a survivor that has not taken them in; mended",
    Kind.LOSER_ELSEWHERE: "contacts count somebody as merged who leads elsewhere; mended by what that one says",
    Kind.MOVE_NOWHERE: "devices moved to a contact that is not there; mended by taking the move back",
    Kind.PROJECTION_BEHIND: "profiles are newer than their rows in ClickHouse; mended by projecting them",
    Kind.PROJECTION_AHEAD: "rows in ClickHouse are newer than their profiles; mended by putting them back",
    Kind.PROFILE_LOST: "rows in ClickHouse have no profile; mended by putting it back",
    Kind.ALIAS_ROW_WRONG: "ids lead elsewhere in ClickHouse than in Redis; mended by projecting them",
    Kind.RECORD_BEHIND: "records are newer than their rows in ClickHouse; mended by projecting them",
    Kind.RECORD_AHEAD: "rows of records in ClickHouse are newer, or nowhere else; mended by putting them back",
    Kind.OUTBOX_FORGOTTEN: "written profiles have waited for their projection for a minute; mended by projecting them",
}


class Finding(NamedTuple):
    kind: Kind
    subject: str  # a contact's id, a record's name or a claim's key; never a value
    version: int = 0  # of the profile or record that it was seen in


class StoredClaim(NamedTuple):
    key: str
    field: str
    contact_id: int
    time_us: int

    def stored(self) -> str:
        return f"{self.contact_id}:{self.time_us}"


class Picture(NamedTuple):
    """What a profile is compared with: whatever it names, as far as it is stored."""

    profiles: Mapping[int, Profile | None]
    claims: Mapping[UniqueValue, Claim | None]
    unique_fields: tuple[str, ...]

    def survivor(self, contact_id: int) -> Profile | None:
        seen: set[int] = set()
        profile = self.profiles.get(contact_id)
        while profile is not None and profile.alias and profile.id not in seen:
            seen.add(profile.id)
            profile = self.profiles.get(profile.alias)
        return profile


def needed(profile: Profile) -> set[int]:
    """The contacts that must be in the picture; whoever they lead to, too."""
    return {profile.alias, *profile.losers, *(move.contact_id for move in profile.moves[-1:])} - {0, profile.id}


def of_profile(profile: Profile, picture: Picture) -> Iterator[Finding]:
    """What is wrong with one profile."""
    kinds: list[Kind] = []
    if profile.alias:
        kinds += _of_alias(profile, picture)
    elif profile.is_known():
        kinds += [Kind.LOSER_ELSEWHERE for loser in profile.losers if not _leads_to(loser, profile, picture)][:1]
        kinds += _of_values(profile, picture)
    if profile.moves and profile.moves[-1].contact_id != profile.id:
        target = picture.profiles.get(profile.moves[-1].contact_id)
        if target is None:
            kinds.append(Kind.MOVE_NOWHERE)
    yield from (Finding(kind, str(profile.id), profile.version) for kind in dict.fromkeys(kinds))


def is_carried(claim: StoredClaim, picture: Picture) -> bool:
    """Whether the contact that a claim leads to carries the value that it is of."""
    holder = picture.survivor(claim.contact_id)
    if holder is None or not holder.is_known():
        return False
    return any(keys.unique(claim.field, value) == claim.key for value in holder.carried(claim.field))


def _of_alias(profile: Profile, picture: Picture) -> Iterator[Kind]:
    chain = [profile]
    while (last := chain[-1]).alias and all(one.id != last.alias for one in chain):
        found = picture.profiles.get(last.alias)
        if found is None:
            yield Kind.ALIAS_NOWHERE
            return
        chain.append(found)
    if chain[-1].alias:
        yield Kind.ALIAS_CYCLE
        return
    lead = follow(chain)
    if lead.survivor is None or (not lead.survivor.deleted_us and profile.id not in chain[-1].losers):
        yield Kind.MERGE_HALF_DONE
    elif profile.alias != lead.survivor.id:
        yield Kind.ALIAS_CHAIN


def _leads_to(loser: int, survivor: Profile, picture: Picture) -> bool:
    stored = picture.profiles.get(loser)
    if stored is None or not stored.alias:
        return False
    found = picture.survivor(loser)
    return found is not None and found.id == survivor.id


def _of_values(profile: Profile, picture: Picture) -> Iterator[Kind]:
    for value in carried(profile, picture.unique_fields):
        claim = picture.claims.get(value)
        if claim is not None and claim.contact_id in profile.ids():
            continue
        holder = picture.survivor(claim.contact_id) if claim else None
        if holder is not None and holder.id == profile.id:
            continue
        is_held = holder is not None and holder.is_known() and holder.carries(*value)
        yield Kind.VALUE_SHARED if is_held else Kind.VALUE_UNCLAIMED
