"""A contact's profile: its own part, and the frozen parts of all that merged into it (see `folding`, `merging`).

A profile exists only for a contact that somebody knows something about; an anonymous visitor has none. The one stored
under the contact that a device was born as also says where that device moved to. Nothing in here does I/O, and time is
an argument: microseconds since 1970.
"""

from __future__ import annotations

import bisect
from typing import Any

import msgspec

from services.common.values import normalise_unique

Value = str | int | float | bool | None

BY_FORM = "form"  # beside the ways of a `Caller`
MAX_POINTS = (1 << 31) - 1  # what their column holds
MAX_COMPANIES = 1_000  # of one part; hits may name what they like
MAX_TAGS = 1_000  # the same
MAX_CHANNELS = 50  # that one part may refuse
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
    """One channel's do-not-contact entry; reason 1 unsubscribed, 2 bounced, 3 manual, 0 contactable again since
    then."""

    reason: int
    comments: str
    channel_id: int
    time_us: int


class FrequencyRule(msgspec.Struct, array_like=True, frozen=True):
    """How often one channel may be used (0 for no limit), and when not at all; the newest word counts."""

    number: int
    time_unit: str  # DAY, WEEK or MONTH
    is_preferred: bool
    pause_from: str
    pause_to: str
    time_us: int


class ExternalLink(msgspec.Struct, array_like=True, frozen=True):
    """The newest word on an id that another system knows a contact by: whether it does, and what else it said."""

    is_in: bool
    url: str
    synced_us: int
    time_us: int


class Granted(msgspec.Struct, array_like=True, frozen=True):
    """That a rule gave its points for what was stored up to a time, and hashes of the newest events among that: one
    that is stored again later does not count again."""

    until_ms: int
    events: list[int] = []


class Sources(msgspec.Struct, array_like=True, frozen=True):
    """How a contact came to be, and how it came to be known and by whom: api, ui, import, form; '' for a hit, or for
    what was before this was kept."""

    created: str = ""
    identified: str = ""
    identified_by: str = ""


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
    created_by_id: int = 0  # of the user; 0 for who is none
    modified_by_id: int = 0
    companies: dict[int, Member] = {}
    company_id: int = 0  # the newest word on which of them is the primary one
    company_us: int = 0
    owner_us: int = 0  # when somebody set the owner, also to nobody
    stage_us: int = 0
    segments: dict[int, Member] = {}  # added and removed by hand; what filters give is never stored
    campaigns: dict[int, Member] = {}
    categories: dict[int, Member] = {}
    frequency: dict[str, FrequencyRule] = {}  # by channel
    image: Stamped | None = None  # where it is kept; a deliberate blank goes back to none
    preferred_image: Stamped | None = None  # custom, gravatar, or the alias of a social field
    links: dict[str, ExternalLink] = {}  # by `system:id there`
    granted: dict[int, Granted] = {}  # by rule for points
    scores: dict[int, int] = {}  # points by their group
    sources: Sources | None = None  # of most by hits, who are many, nothing

    def value(self, field: str) -> Value:
        stamped = self.fields.get(field)
        return stamped.value if stamped else None

    def told_us(self, field: str) -> int:
        """When it was told a field; 0 for never."""
        stamped = self.fields.get(field)
        return stamped.time_us if stamped else 0

    def is_anonymous(self) -> bool:
        for field in IDENTIFYING_FIELDS:
            stamped = self.fields.get(field)
            if stamped and stamped.value not in (None, ""):
                return False
        return True

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
            if old.time_us < time_us if old else len(members) < MAX_TAGS:
                members[tag] = Member(is_in, time_us)
        if members == self.tags:
            return self
        return msgspec.structs.replace(self, tags=members, modified_us=max(self.modified_us, time_us))

    def with_unsubscribed(self, channel: str, entry: DoNotContact) -> Part:
        """This part after the contact unsubscribed from a channel; an older word than the stored changes nothing."""
        old = self.dnc.get(channel)
        if old.time_us >= entry.time_us if old else len(self.dnc) >= MAX_CHANNELS:
            return self
        dnc = {**self.dnc, channel: entry}
        return msgspec.structs.replace(self, dnc=dnc, modified_us=max(self.modified_us, entry.time_us))

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
    """From the hit with this key on, the device belongs to another contact; for hits that had arrived before that one,
    it never did: they are stored already, and come again at most."""

    time_us: int
    event_id: bytes
    contact_id: int
    received_us: int = 0


class Merge(msgspec.Struct, array_like=True, frozen=True):
    """That a contact was merged into another one: what an undo needs to know."""

    winner: int  # who may have been merged into somebody else since
    time_us: int
    by: str = ""  # the user or the service that asked for it, nothing for a hit


class Profile(msgspec.Struct, omit_defaults=True):
    """Everything that Redis knows of one contact id; `version` is 0 for one that is not stored yet."""

    id: int
    own: Part | None = None
    losers: dict[int, Part] = {}  # all that merged into it, and what had merged into those
    alias: int = 0  # the contact that this one leads to: who it merged into, or who that one merged into
    deleted_us: int = 0
    moves: list[Move] = []  # of the device that was born as this contact, by their keys
    is_brief: bool = False  # all it holds is the move of a caller without cookies: forgotten after a day
    separated: dict[int, int] = {}  # whom an undo parted it from, and when: never merged with automatically
    version: int = 0
    merge: Merge | None = None  # how this one was merged away
    merges: dict[int, Merge] = {}  # of each of the losers

    def contact_at(self, time_us: int, event_id: bytes, received_us: int) -> int:
        """Which contact the device born as this one belonged to at a hit: the last move not after the hit's key, of
        those that had arrived by then."""
        key = (time_us, event_id)
        index = bisect.bisect_right(self.moves, key, key=lambda move: (move.time_us, move.event_id))
        for move in reversed(self.moves[:index]):
            if move.received_us <= received_us or (move.time_us, move.event_id) == key:
                return move.contact_id
        return self.id

    def is_known(self) -> bool:
        """Whether this is a contact of its own to list: not merged away, not deleted, not just a device's moves."""
        return self.own is not None and not self.alias and not self.deleted_us

    def is_device_only(self) -> bool:
        """Whether it says nothing but where its device went. The deleted and the erased may say that too."""
        return self.own is None and bool(self.moves) and not self.alias and not self.deleted_us

    def is_anonymous(self) -> bool:
        """Whether nothing that it was told says who it is."""
        return all(part.is_anonymous() for part in self.parts())

    def ids(self) -> list[int]:
        """All that it goes by: its own id, and those of all that merged into it."""
        return [self.id, *self.losers]

    def parts(self) -> list[Part]:
        if not self.losers:
            return [self.own] if self.own else []
        return ([self.own] if self.own else []) + [self.losers[loser] for loser in sorted(self.losers)]

    def value(self, field: str) -> Value:
        """The newest word on one field over all parts."""
        if not self.losers:
            return self.own.value(field) if self.own else None
        said = [part.fields[field] for part in self.parts() if field in part.fields]
        return max(said, key=lambda stamped: stamped.time_us).value if said else None

    def told_us(self, field: str) -> int:
        """When the newest word on one field was said; 0 when nobody did."""
        if not self.losers:
            return self.own.told_us(field) if self.own else 0
        return max((part.fields[field].time_us for part in self.parts() if field in part.fields), default=0)

    def carries(self, field: str, value: str) -> bool:
        """Whether a unique value (normalised) is this contact's: it is shown, or somebody who merged in brought it
        along.

        So a person who had two addresses is still known by both. What a contact was told after a merge puts an end to
        what the other one had brought.
        """
        if self.own is not None and _is(field, self.own.value(field), value):
            return True
        if not self.losers:
            return False
        if _is(field, self.value(field), value):
            return True
        return any(
            _is(field, part.value(field), value) and self._still_says(loser, field)
            for loser, part in self.losers.items()
        )

    def carried(self, field: str) -> set[str]:
        """All values of a unique field that are this contact's, normalised."""
        told = [normalise_unique(field, str(value)) for part in self.parts() if (value := part.value(field))]
        return {value for value in told if value and self.carries(field, value)}

    def lacks(self, field: str, value: str) -> bool:
        """Whether it has values of a unique field, and this one is none of them: it is somebody else's."""
        return not self.carries(field, value) and bool(self.carried(field))

    def _still_says(self, loser: int, field: str) -> bool:
        since_us = 0  # it came to each on the way by the last merge before
        for _ in self.losers:
            merge = self.merges.get(loser) or Merge(self.id, 0)
            since_us = max(since_us, merge.time_us)
            winner = self.own if merge.winner == self.id else self.losers.get(merge.winner)
            if winner is not None and winner.told_us(field) > since_us:
                return False
            if merge.winner == self.id:
                return True
            loser = merge.winner
        return True

    def has_tag(self, tag: str) -> bool:
        """By the newest word on it over all parts."""
        words = [part.tags[tag] for part in self.parts() if tag in part.tags]
        return max(words, key=lambda word: word.time_us).is_in if words else False

    def company_words(self) -> dict[int, Member]:
        """The newest word on each company over all parts."""
        return newest([part.companies for part in self.parts()])

    def companies(self) -> dict[int, int]:
        """Company: since when (microseconds), the first one first."""
        words = self.company_words()
        if not words:
            return {}
        joined = [(word.time_us, company_id) for company_id, word in words.items() if word.is_in]
        return {company_id: since_us for since_us, company_id in sorted(joined)}

    def company_id(self) -> int:
        """The primary company: by the newest word over all parts, else the first one; 0 without any."""
        companies = self.companies()
        if not companies:
            return 0
        _, said = max(((part.company_us, part.company_id) for part in self.parts()), default=(0, 0))
        return said if said in companies else next(iter(companies), 0)

    def primary_us(self) -> int:
        """When the newest word on the primary company was said."""
        return max((part.company_us for part in self.parts()), default=0)


def within_points(points: int) -> int:
    """What their column holds of them."""
    return max(-MAX_POINTS, min(MAX_POINTS, points))


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
    return _encoder.encode(msgspec.structs.replace(profile, version=0) if profile.version else profile)


def decode_profile(stored: bytes) -> Profile:
    profile = _decoder.decode(memoryview(stored)[VERSION_DIGITS:])
    profile.version = int(stored[:VERSION_DIGITS])
    return profile


def _is(field: str, told: Value, value: str) -> bool:
    """Whether what a contact was told is this normalised value, however it was spelt."""
    return told == value or (bool(told) and normalise_unique(field, str(told)) == value)


def newest(maps: list[Any]) -> dict[Any, Any]:
    """By key the newest word; of one map it is the map itself, to be read only."""
    if len(maps) == 1:
        return maps[0]  # type: ignore[no-any-return]
    newest: dict[Any, Any] = {}
    for one in maps:
        for key, word in one.items():
            if key not in newest or word.time_us > newest[key].time_us:
                newest[key] = word
    return newest
