"""A contact's profile: its own part, the frozen parts of all that merged into it, and the pure fold of them.

A profile exists only for a contact that somebody knows something about; an anonymous visitor has none. The one stored
under the contact that a device was born as also says where that device moved to. Nothing in here does I/O, and time is
an argument: microseconds since 1970.
"""

from __future__ import annotations

import bisect
from typing import Any

import msgspec

Value = str | int | float | bool | None

MAX_POINTS = (1 << 31) - 1  # what their column holds
MAX_COMPANIES = 1_000  # of one part; hits may name what they like
MAX_MOVES = 100  # the newest of a device; older hits than the oldest of them are far behind any retry or replay
IDENTIFYING_FIELDS = ("email", "firstname", "lastname", "company", "facebook", "foursquare", "instagram", "linkedin",
                      "skype", "twitter")  # fmt: skip


class Stamped(msgspec.Struct, array_like=True, frozen=True):
    """A value and when it was said; the newer one wins, and a deliberate blank is a value."""

    value: Value
    time_us: int


class Member(msgspec.Struct, array_like=True, frozen=True):
    """The newest word on a membership, in a tag or a company: added or removed, and when."""

    is_in: bool
    time_us: int


class DoNotContact(msgspec.Struct, array_like=True, frozen=True):
    """One channel's do-not-contact entry; reason 1 unsubscribed, 2 bounced, 3 manual."""

    reason: int
    comments: str
    channel_id: int
    time_us: int


class Part(msgspec.Struct, omit_defaults=True):
    """What one contact was told by itself, before any merge."""

    added_us: int
    modified_us: int = 0
    identified_us: int = 0
    fields: dict[str, Stamped] = {}
    tags: dict[str, Member] = {}
    ips: dict[str, int] = {}  # address: first seen
    dnc: dict[str, DoNotContact] = {}
    points: int = 0
    owner_id: int = 0
    stage_id: int = 0
    created_by: str = ""
    modified_by: str = ""
    companies: dict[int, Member] = {}
    company_id: int = 0  # the newest word on which of them is the primary one
    company_us: int = 0

    def value(self, field: str) -> Value:
        stamped = self.fields.get(field)
        return stamped.value if stamped else None

    def is_anonymous(self) -> bool:
        return all(self.value(field) in (None, "") for field in IDENTIFYING_FIELDS)

    def with_fields(self, values: dict[str, Value], time_us: int) -> Part:
        """This part after `values` were said at `time_us`; an older word than the stored one changes nothing."""
        fields = dict(self.fields)
        for field, value in values.items():
            old = fields.get(field)
            if old is None or old.time_us < time_us:
                fields[field] = Stamped(value, time_us)
        if fields == self.fields:
            return self
        part = msgspec.structs.replace(self, fields=fields, modified_us=max(self.modified_us, time_us))
        if not part.identified_us and not part.is_anonymous():
            part = msgspec.structs.replace(part, identified_us=time_us)
        return part

    def with_tags(self, tags: dict[str, bool], time_us: int) -> Part:
        """This part after tags were added or removed at `time_us`; an older word than the stored changes nothing."""
        members = dict(self.tags)
        for tag, is_in in tags.items():
            old = members.get(tag)
            if old is None or old.time_us < time_us:
                members[tag] = Member(is_in, time_us)
        if members == self.tags:
            return self
        return msgspec.structs.replace(self, tags=members, modified_us=max(self.modified_us, time_us))

    def with_company(self, company_id: int, time_us: int) -> Part:
        """This part after it joined a company at `time_us`; an older word than the stored one changes nothing."""
        old = self.companies.get(company_id)
        if old.time_us >= time_us if old else len(self.companies) >= MAX_COMPANIES:
            return self
        companies = {**self.companies, company_id: Member(True, time_us)}
        return msgspec.structs.replace(self, companies=companies, modified_us=max(self.modified_us, time_us))

    def with_primary(self, company_id: int, time_us: int) -> Part:
        """This part after a company became its primary one at `time_us`; an older word changes nothing."""
        if self.company_us >= time_us:
            return self
        modified_us = max(self.modified_us, time_us)
        return msgspec.structs.replace(self, company_id=company_id, company_us=time_us, modified_us=modified_us)


class Move(msgspec.Struct, array_like=True, frozen=True, order=True):
    """From the hit with this key on, the device belongs to another contact."""

    time_us: int
    event_id: bytes
    contact_id: int


class Profile(msgspec.Struct, omit_defaults=True):
    """Everything that Redis knows of one contact id; `version` is 0 for one that is not stored yet."""

    id: int
    own: Part | None = None
    losers: dict[int, Part] = {}
    alias: int = 0  # the contact that this one merged into
    deleted_us: int = 0
    moves: list[Move] = []  # of the device that was born as this contact, by their keys
    is_brief: bool = False  # all it holds is the move of a caller without cookies: forgotten after a day
    separated: list[int] = []  # contacts that were taken out again, never to be merged automatically
    version: int = 0

    def contact_at(self, time_us: int, event_id: bytes) -> int:
        """Which contact the device born as this one belonged to at a hit: the last move not after the hit's key."""
        index = bisect.bisect_right(self.moves, (time_us, event_id), key=lambda move: (move.time_us, move.event_id))
        return self.moves[index - 1].contact_id if index else self.id

    def is_known(self) -> bool:
        """Whether this is a contact of its own to list: not merged away, not deleted, not just a device's moves."""
        return self.own is not None and not self.alias and not self.deleted_us

    def parts(self) -> list[Part]:
        return ([self.own] if self.own else []) + [self.losers[loser] for loser in sorted(self.losers)]

    def value(self, field: str) -> Value:
        """The newest word on one field over all parts."""
        said = [part.fields[field] for part in self.parts() if field in part.fields]
        return max(said, key=lambda stamped: stamped.time_us).value if said else None

    def told_us(self, field: str) -> int:
        """When the newest word on one field was said; 0 when nobody did."""
        return max((part.fields[field].time_us for part in self.parts() if field in part.fields), default=0)

    def has_tag(self, tag: str) -> bool:
        """By the newest word on it over all parts."""
        words = [part.tags[tag] for part in self.parts() if tag in part.tags]
        return max(words, key=lambda word: word.time_us).is_in if words else False

    def company_words(self) -> dict[int, Member]:
        """The newest word on each company over all parts."""
        return _newest([part.companies for part in self.parts()])

    def companies(self) -> dict[int, int]:
        """Company: since when (microseconds), the first one first."""
        joined = [(word.time_us, company_id) for company_id, word in self.company_words().items() if word.is_in]
        return {company_id: since_us for since_us, company_id in sorted(joined)}

    def company_id(self) -> int:
        """The primary company: by the newest word over all parts, else the first one; 0 without any."""
        companies = self.companies()
        _, said = max(((part.company_us, part.company_id) for part in self.parts()), default=(0, 0))
        return said if said in companies else next(iter(companies), 0)

    def primary_us(self) -> int:
        """When the newest word on the primary company was said."""
        return max((part.company_us for part in self.parts()), default=0)


class View(msgspec.Struct):
    """What is shown of a profile: all parts folded into one."""

    id: int
    version: int
    fields: dict[str, Value]
    tags: list[str]
    ips: list[str]
    dnc: dict[str, DoNotContact]
    points: int
    owner_id: int
    stage_id: int
    added_us: int
    modified_us: int
    identified_us: int
    created_by: str
    modified_by: str
    companies: dict[int, int]  # since when, microseconds; the first one first
    company_id: int  # the primary one


def fold(profile: Profile) -> View:
    """All parts as one contact, the same in whatever order they came together.

    Per field the newest value, per tag and company the newest add or remove, the newest primary company, points added,
    the strictest do-not-contact, owner and stage of the survivor, else of the loser that has one.
    """
    parts = profile.parts()
    if not parts:
        raise ValueError(f"contact {profile.id} has nothing to show")
    fields = _newest([part.fields for part in parts])
    tags = _newest([part.tags for part in parts])
    ips: dict[str, int] = {}
    dnc: dict[str, DoNotContact] = {}
    for part in parts:
        for ip, seen in part.ips.items():
            ips[ip] = min(seen, ips.get(ip, seen))
        for channel, entry in part.dnc.items():
            dnc[channel] = min(entry, dnc.get(channel, entry), key=lambda one: (one.reason, one.time_us))
    identified = [part.identified_us for part in parts if part.identified_us]
    return View(
        id=profile.id,
        version=profile.version,
        fields={field: stamped.value for field, stamped in fields.items()},
        tags=sorted(tag for tag, member in tags.items() if member.is_in),
        ips=sorted(ips, key=lambda ip: ips[ip]),
        dnc=dnc,
        points=max(-MAX_POINTS, min(MAX_POINTS, sum(part.points for part in parts))),
        owner_id=next((part.owner_id for part in parts if part.owner_id), 0),
        stage_id=next((part.stage_id for part in parts if part.stage_id), 0),
        added_us=min(part.added_us for part in parts),
        modified_us=max(part.modified_us for part in parts),
        identified_us=min(identified, default=0),
        created_by=parts[0].created_by,
        modified_by=max(parts, key=lambda part: part.modified_us).modified_by,
        companies=profile.companies(),
        company_id=profile.company_id(),
    )


def conflicts(first: Profile, second: Profile, unique_fields: tuple[str, ...]) -> bool:
    """Whether two contacts are two people: both have a value of one unique field, and not the same."""
    for field in unique_fields:
        one, other = first.value(field), second.value(field)
        if one not in (None, "") and other not in (None, "") and one != other:
            return True
    return False


def survivor(first: Profile, second: Profile) -> tuple[Profile, Profile]:
    """(winner, loser) of two contacts that are one person: the older one keeps its id, then the smaller id."""

    def age(profile: Profile) -> tuple[int, int]:
        return (min((part.added_us for part in profile.parts()), default=0), profile.id)

    return (first, second) if age(first) <= age(second) else (second, first)


def freeze_into(loser: Profile, winner_id: int, time_us: int) -> Profile:
    """The loser as it is stored from now on: its parts stay as they are, and its id leads to the winner."""
    own = loser.own or Part(added_us=time_us)
    return msgspec.structs.replace(loser, own=own, alias=winner_id, is_brief=False)


def take_in(winner: Profile, loser: Profile) -> Profile:
    """The winner with the frozen parts of the loser and of all that the loser had taken in before."""
    taken = dict(loser.losers)
    if loser.own is not None:
        taken[loser.id] = loser.own
    taken.pop(winner.id, None)
    if all(winner.losers.get(key) == part for key, part in taken.items()):
        return winner
    return msgspec.structs.replace(winner, losers={**winner.losers, **taken})


def with_move(profile: Profile, move: Move) -> Profile:
    """The device's profile with one more move; a move that is already listed changes nothing."""
    key = (move.time_us, move.event_id)
    if any((known.time_us, known.event_id) == key for known in profile.moves):
        return profile
    moves = sorted([*profile.moves, move])[-MAX_MOVES:]
    return msgspec.structs.replace(profile, moves=moves)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Profile)
VERSION_DIGITS = 16  # in front of the document, where the script compares it


def encode_profile(profile: Profile) -> bytes:
    """The document as stored, without the version: that one is the script's to give."""
    return _encoder.encode(msgspec.structs.replace(profile, version=0))


def decode_profile(stored: bytes) -> Profile:
    profile = _decoder.decode(memoryview(stored)[VERSION_DIGITS:])
    profile.version = int(stored[:VERSION_DIGITS])
    return profile


def _newest(maps: list[Any]) -> dict[Any, Any]:
    newest: dict[Any, Any] = {}
    for one in maps:
        for key, word in one.items():
            if key not in newest or word.time_us > newest[key].time_us:
                newest[key] = word
    return newest
