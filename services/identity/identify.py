"""Who a hit is from: the identity table of the design as a pure function of what Redis held.

`Identifier.place` works on a picture of the store (`State`), changes the picture, and so says what has to be written.
The same hit placed again, by whomever, changes nothing more: moves carry the key of their hit, parts are frozen once,
an older word on a field is not news. So a conflict or a crash is answered by loading again and placing again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

import msgspec

from services.common.merging import (
    are_separated,
    conflicts,
    follow,
    freeze_into,
    oldest,
    recent_merges,
    survivor,
    take_in,
)
from services.common.profile import BY_FORM, DoNotContact, Move, Part, Profile, Sources, Value, with_move
from services.common.values import VOID_CLAIM_US, Claim, Operator, UniqueValue

EventKey = tuple[int, bytes]

OUTCOMES = (
    "anonymous",
    "known",
    "identified",
    "merged_anonymous",
    "merged_known",
    "moved_to_new",
    "moved_to_known",
    "joined_without_cookie",
    "forwarded",
    "unique_value_taken",
    "merge_queued",
)
UNSUBSCRIBED = 1  # the reason of a do-not-contact entry
UNSUBSCRIBE_COMMENT = "Unsubscribed by the contact"
MERGE_WINDOW_US = 60_000_000


class Rules(NamedTuple):
    """What of the identity table can be set."""

    unique_fields: tuple[str, ...] = ("email",)
    operator: Operator = Operator.AND
    max_identifiers: int = 1_000  # contacts that may merge into one
    max_merges: int = 100  # of one contact in a minute


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """What of a hit matters for identity."""

    device_contact_id: int  # 0 for a hit without a device
    is_new_device: bool
    time_us: int
    received_us: int
    event_id: bytes
    unique: dict[str, str]
    fields: dict[str, Value]
    tags: dict[str, bool]  # added or removed
    timezone: str  # taken by a known contact that has none
    contact_id: int = 0  # the contact itself, where a server names it
    clicked_contact_id: int = 0  # for whom the link was made that was clicked, or the mail that was opened
    company_id: int = 0  # the company that it names, settled already
    company: str = ""  # its name
    unsubscribed: str = ""  # the channel that the contact wants no more of
    unsubscribed_by: int = 0  # the mail, or whatever it was
    linked_contact_id: int = 0  # a service says that the device is this contact's
    is_form: bool = False

    @property
    def birth_key(self) -> EventKey:
        """Of the contact that this may make. A client's event id may be on events of several people."""
        who = "\n".join(self.unique.values()).encode("utf-8", "surrogatepass")
        return (self.time_us, self.event_id + self.device_contact_id.to_bytes(8, "big") + who)


class Missing(Exception):
    """The picture lacks these; load them and place again."""

    def __init__(self, contact_id: int = 0, value: UniqueValue | None = None) -> None:
        super().__init__(contact_id, value)
        self.contact_id, self.value = contact_id, value


class HalfMerged(Exception):
    """What a crash in a merge, or two merges at once, left: mend it, load these and place again."""

    def __init__(self, chain: list[Profile]) -> None:
        super().__init__(chain[0].id)
        self.ids = [one.id for one in chain]


class UnsettledClaimError(Exception):
    """A value is claimed by a contact that does not carry it, and not yet for long enough: try again soon."""

    def __init__(self, value: UniqueValue) -> None:
        super().__init__(value.field)
        self.value = value


class ContactDeleted(Enum):
    """The outcome of a hit that is older than the deletion of its contact, or names a value that was erased since."""

    DROPPED = "contact_deleted"
    ERASED = "contact_erased"


class State:
    """A picture of profiles and unique values, as loaded and as they shall become."""

    def __init__(self) -> None:
        self.loaded: dict[int, Profile | None] = {}
        self.seen: dict[UniqueValue, Claim | None] = {}
        self.erased: dict[UniqueValue, int] = {}  # of those seen: when it was erased with its contact, microseconds
        self.profiles: dict[int, Profile] = {}  # changed ones
        self.claims: dict[UniqueValue, int] = {}  # new holders
        self.queued: set[tuple[int, int]] = set()  # merges to be made later: (winner, loser)
        self.followers: set[int] = set()  # who had merged into a loser before
        self.lost: set[int] = set()  # contacts that somebody else was faster with, the last time

    def start_anew(self) -> None:
        """Forgets what shall become; what was loaded stays."""
        self.profiles.clear()
        self.claims.clear()
        self.queued.clear()
        self.followers.clear()

    def profile(self, contact_id: int) -> Profile:
        """The profile, an empty one if nothing is stored. Raises `Missing`."""
        changed = self.profiles.get(contact_id)
        if changed is not None:
            return changed
        if contact_id not in self.loaded:
            raise Missing(contact_id=contact_id)
        return self.loaded[contact_id] or Profile(contact_id)

    def is_blank(self, contact_id: int) -> bool:
        """Whether nothing at all is known under this id. Raises `Missing`."""
        if contact_id not in self.loaded:
            raise Missing(contact_id=contact_id)
        return self.loaded[contact_id] is None and contact_id not in self.profiles

    def put(self, profile: Profile) -> None:
        if profile == self.loaded.get(profile.id):
            self.profiles.pop(profile.id, None)
        else:
            self.profiles[profile.id] = profile

    def holder(self, value: UniqueValue) -> Claim | None:
        if value in self.claims:
            return Claim(self.claims[value], 0)
        if value not in self.seen:
            raise Missing(value=value)
        return self.seen[value]

    def erased_us(self, value: UniqueValue) -> int:
        """When it was erased with its contact; 0 for never. Raises `Missing`."""
        if value not in self.seen:
            raise Missing(value=value)
        return self.erased.get(value, 0)

    def claim(self, value: UniqueValue, contact_id: int) -> None:
        """Also anew where an old claim of the same contact is void: whoever is about to free that one must notice."""
        self.claims[value] = contact_id


class Fate(NamedTuple):
    """What became of one sighting, for whoever watches: whose it is now, whether that one is known, and which outcomes
    it counted."""

    contact_id: int
    is_known: bool
    outcomes: tuple[str, ...]


class Found(NamedTuple):
    """The contact that holds a unique value, and the id under which the hit belongs to it: that of whoever brought the
    value along. An undo of a merge then gives both back."""

    profile: Profile
    under: int


class Identifier:
    """Places sightings, one device's in their order, on one picture.

    `new_contact_id` must answer the same for the same event key for as long as one batch is worked on.
    """

    def __init__(
        self,
        state: State,
        rules: Rules,
        new_contact_id: Callable[[EventKey], int],
        now_us: int,
    ) -> None:
        self.state = state
        self.outcomes: dict[str, int] = dict.fromkeys(OUTCOMES, 0)
        self._rules = rules
        self._new_contact_id = new_contact_id
        self._now_us = now_us

    def place(self, sighting: Sighting) -> int | ContactDeleted:
        """The contact under which the hit's event is stored for ever."""
        if sighting.unique and self._is_erased(sighting):
            return ContactDeleted.ERASED
        if not sighting.device_contact_id:
            return self._place_without_device(sighting)
        says_nothing = not (sighting.unique or sighting.fields or sighting.tags or sighting.company_id)
        says_nothing = says_nothing and not sighting.unsubscribed
        if sighting.clicked_contact_id or sighting.linked_contact_id:
            says_nothing = False
        if says_nothing and self.state.is_blank(sighting.device_contact_id):
            self.outcomes["anonymous"] += 1  # nearly all hits end here: 0.3 microseconds
            return sighting.device_contact_id
        base = self._base(sighting)
        if base is ContactDeleted.DROPPED:
            return base
        assert isinstance(base, int)
        if says_nothing:
            self.outcomes["known"] += 1
            self._take_timezone(self.resolve(base), sighting)
            return base
        if sighting.linked_contact_id:
            base = self._as_linked(sighting, base, self.resolve(base))
        clicked = self._clicked(sighting)
        if clicked and self._is_forwarded(sighting, self.resolve(base), clicked):
            self.outcomes["forwarded"] += 1
            self._take_in(sighting, base)
            return sighting.clicked_contact_id
        if clicked:
            base = self._as_clicked(sighting, base, self.resolve(base), clicked)
        return self._take_in(sighting, base)

    def place_and_tell(self, sighting: Sighting) -> tuple[int | ContactDeleted, Fate | None]:
        """The same, and what became of it; None where it is dropped."""
        before = dict(self.outcomes)
        contact = self.place(sighting)
        if isinstance(contact, ContactDeleted):
            return contact, None
        outcomes = tuple(outcome for outcome, count in self.outcomes.items() if count > before[outcome])
        now = self.resolve(contact)
        return contact, Fate(now.id, now.is_known(), outcomes)

    def _take_in(self, sighting: Sighting, base: int) -> int:
        """What the hit says of its visitor; whose it is then."""
        contact_id = self._identify(sighting, base, self.resolve(base)) if sighting.unique else base
        self._write(self.resolve(contact_id), sighting, sighting.fields, sighting.tags)
        self._take_timezone(self.resolve(contact_id), sighting)
        return contact_id

    def _place_without_device(self, sighting: Sighting) -> int | ContactDeleted:
        """A server names the contact, by its id or by a unique value, which may be a new contact's."""
        if sighting.contact_id:
            named = self.state.profile(sighting.contact_id)
            # An id that the door gave to a caller without cookies leads to whom it is stored under.
            stored_under = named.moves[-1].contact_id if named.is_device_only() else sighting.contact_id
            contact = self.resolve(stored_under)
            if contact.deleted_us:
                return ContactDeleted.DROPPED
            self.outcomes["known"] += 1
        else:
            given = _given(sighting)
            found = self._find(sighting, given, 0)
            self.outcomes["known" if found else "identified"] += 1
            stored_under = found.under if found else self._new_contact(sighting)
            self._take(self.resolve(stored_under), sighting, given)
        self._write(self.resolve(stored_under), sighting, sighting.fields, sighting.tags)
        return stored_under

    def _is_erased(self, sighting: Sighting) -> bool:
        """Whether it would bring back somebody who was erased since: its device may be one that nobody knows."""
        return any(sighting.time_us < self.state.erased_us(value) for value in _given(sighting).values())

    def resolve(self, contact_id: int) -> Profile:
        """The survivor that an id leads to, also one of whom nothing is stored yet. Raises `Missing`, `HalfMerged`."""
        profile = self.state.profile(contact_id)
        while profile.alias:
            chain = [profile]
            while chain[-1].alias and all(one.id != chain[-1].alias for one in chain):
                chain.append(self.state.profile(chain[-1].alias))
            lead = follow(chain)
            is_led_alone = lead.survivor is not None and lead.survivor not in lead.changed
            if not is_led_alone and all(one.version and one.id not in self.state.profiles for one in chain):
                raise HalfMerged(chain)
            for changed in lead.changed:
                self.state.put(changed)
            profile = lead.survivor or self.state.profile(contact_id)
        return profile

    def _base(self, sighting: Sighting) -> int | ContactDeleted:
        """The contact that the device belonged to at this hit, a new one if that has been deleted since."""
        device = self.state.profile(sighting.device_contact_id)
        if device.is_brief and not sighting.is_new_device:
            device = msgspec.structs.replace(device, is_brief=False)  # it came back: it keeps cookies after all
            self.state.put(device)
        base = device.contact_at(sighting.time_us, sighting.event_id, sighting.received_us)
        deleted_us = self.resolve(base).deleted_us
        if not deleted_us:
            return base
        if sighting.time_us < deleted_us:
            return ContactDeleted.DROPPED
        return self._move(sighting, self._new_contact(sighting))

    def _new_contact(self, sighting: Sighting) -> int:
        """Another one where it was made a round ago, and has been merged and deleted since."""
        time_us, key = sighting.birth_key
        while self.resolve(contact_id := self._new_contact_id((time_us, key))).deleted_us:
            key += b"again"
        return contact_id

    def _clicked(self, sighting: Sighting) -> Profile | None:
        """For whom the link was made, if there still is such a contact."""
        if not sighting.clicked_contact_id:
            return None
        clicked = self.resolve(sighting.clicked_contact_id)
        return clicked if clicked.own is not None and not clicked.deleted_us else None

    def _is_forwarded(self, sighting: Sighting, own: Profile, clicked: Profile) -> bool:
        """Whether somebody else has clicked: the device is another known person's, or the hit says who it is.

        Then the event alone is the reader's, and all that the hit says is of whoever sits there.
        """
        if any(clicked.lacks(field, value) for field, value in sighting.unique.items()):
            return True
        return clicked.id != own.id and not self._is_anonymous(own)

    def _as_clicked(self, sighting: Sighting, base: int, own: Profile, clicked: Profile) -> int:
        """An anonymous device becomes the reader's."""
        if clicked.id == own.id:
            return base
        if sighting.is_new_device and own.id == sighting.device_contact_id:
            self.outcomes["joined_without_cookie"] += 1
            return self._move(sighting, sighting.clicked_contact_id, is_brief=True)
        if are_separated(own, clicked) or not self._may_merge(clicked, own):
            self.outcomes["moved_to_known"] += 1
            return self._move(sighting, sighting.clicked_contact_id)
        self.outcomes["merged_anonymous"] += 1
        self._merge(clicked, own, sighting, sighting.clicked_contact_id)
        return base

    def _as_linked(self, sighting: Sighting, base: int, own: Profile) -> int:
        """The device becomes the contact's: with its history where it was anonymous, else from now on."""
        linked = self.resolve(sighting.linked_contact_id)
        if linked.id == own.id:
            self.outcomes["known"] += 1
            return base
        is_whole = linked.own is not None and self._is_anonymous(own) and not are_separated(own, linked)
        if is_whole and self._may_merge(linked, own):
            self.outcomes["merged_anonymous"] += 1
            self._merge(linked, own, sighting, sighting.linked_contact_id)
            return base
        self.outcomes["moved_to_known"] += 1
        return self._move(sighting, sighting.linked_contact_id)

    def _identify(self, sighting: Sighting, base: int, own: Profile) -> int:
        """`base` is the contact that the device belonged to, `own` who that is now."""
        given = _given(sighting)
        found = self._find(sighting, given, own.id)
        own = self.resolve(own.id)
        if found is None:
            return self._as_unknown(sighting, given, base, own)
        if found.profile.id == own.id:
            self.outcomes["known"] += 1
            self._take(own, sighting, given)
            return base
        is_anonymous = self._is_anonymous(own)
        if is_anonymous and sighting.is_new_device and own.id == sighting.device_contact_id:
            self.outcomes["joined_without_cookie"] += 1
            self._take(found.profile, sighting, given)
            return self._move(sighting, found.under, is_brief=True)
        winner, loser = (found.profile, own) if is_anonymous else survivor(found.profile, own)
        if (
            are_separated(own, found.profile)
            or self._disagrees(own, found.profile, sighting.unique)
            or not self._may_merge(winner, loser)
        ):
            self.outcomes["moved_to_known"] += 1
            self._take(found.profile, sighting, given)
            return self._move(sighting, found.under)
        self.outcomes["merged_anonymous" if is_anonymous else "merged_known"] += 1
        self._take(self._merge(winner, loser, sighting, found.under), sighting, given)
        return base

    def _as_unknown(self, sighting: Sighting, given: dict[str, UniqueValue], base: int, own: Profile) -> int:
        """Nobody has any of the values: the device's contact takes them, unless it is somebody else already."""
        if any(own.lacks(field, value) for field, value in sighting.unique.items()):
            self.outcomes["moved_to_new"] += 1
            contact_id = self._new_contact(sighting)
            self._take(self.state.profile(contact_id), sighting, given)
            return self._move(sighting, contact_id)
        self.outcomes["identified"] += 1
        self._take(own, sighting, given)
        return base

    def _find(self, sighting: Sighting, given: dict[str, UniqueValue], own_id: int) -> Found | None:
        """The contact that holds the values; where several do, they are one person unless something speaks against
        it."""
        holders: dict[int, Found] = {}
        for value in given.values():
            found = self._holder(value)
            if found is not None:
                holders.setdefault(found.profile.id, found)
        if self._rules.operator is Operator.AND:
            for found in list(holders.values()):
                if any(found.profile.lacks(field, value.value) for field, value in given.items()):
                    self.outcomes["unique_value_taken"] += 1
                    del holders[found.profile.id]
        first = holders.get(own_id) or _oldest_of(holders.values())
        if first is None:
            return None
        profile = first.profile
        for other in sorted(holders):
            if other != first.profile.id:
                profile = self._join(profile, holders[other].profile, sighting)
        return Found(profile, first.under)

    def _join(self, first: Profile, second: Profile, sighting: Sighting) -> Profile:
        """Two holders of one hit's values: the survivor of their merge, or the first one where they are two people."""
        winner, loser = survivor(first, second)
        if are_separated(first, second) or conflicts(first, second, self._rules.unique_fields):
            self.outcomes["unique_value_taken"] += 1
            return first
        if not self._may_merge(winner, loser):
            return first
        self.outcomes["merged_known"] += 1
        return self._merge(winner, loser, sighting, winner.id)

    def _holder(self, value: UniqueValue) -> Found | None:
        """Who carries a value now, through merges. A claim that was left half done is completed or void."""
        claim = self.state.holder(value)
        if claim is None:
            return None
        holder = self.resolve(claim.contact_id)
        if holder.deleted_us:
            return None
        if holder.carries(value.field, value.value):
            return Found(holder, claim.contact_id)
        if claim.time_us and self._now_us - claim.time_us > VOID_CLAIM_US:
            return None
        if holder.value(value.field) is None:
            # Claimed a moment ago, and not written yet: who sees it completes it.
            return Found(holder, claim.contact_id)
        raise UnsettledClaimError(value)

    def _take(self, contact: Profile, sighting: Sighting, given: dict[str, UniqueValue]) -> None:
        """The contact takes those of the values that are free and for which it has none."""
        taken: dict[str, str] = {}
        time_us = min(sighting.time_us, sighting.received_us)
        for field, value in given.items():
            holder = self._holder(value)
            if (holder and holder.profile.id != contact.id) or contact.lacks(field, value.value):
                continue
            is_told = contact.carries(field, value.value)
            if not is_told and contact.own and contact.own.told_us(field) >= time_us:
                continue  # it was told a blank since
            if holder is None or not is_told:  # a claim that somebody left is made anew: it may be old
                self.state.claim(value, contact.id)
            if not is_told:
                taken[field] = value.value
        if taken:
            self._write(contact, sighting, taken, {})

    def _take_timezone(self, contact: Profile, sighting: Sighting) -> None:
        """Known contacts only: every hit of the script names one, and an anonymous visitor costs Redis nothing."""
        if sighting.timezone and contact.own is not None and contact.value("timezone") is None:
            self._write(contact, sighting, {"timezone": sighting.timezone}, {})

    def _write(self, contact: Profile, sighting: Sighting, values: Mapping[str, Value], tags: dict[str, bool]) -> None:
        """What the contact does not show already."""
        time_us = min(sighting.time_us, sighting.received_us)
        part = contact.own or Part(added_us=time_us)
        news: dict[str, Value] = {field: value for field, value in values.items() if contact.value(field) != value}
        changes = {tag: is_in for tag, is_in in tags.items() if contact.has_tag(tag) != is_in}
        changed = part.with_fields(news, time_us).with_tags(changes, time_us)
        if sighting.company_id:
            changed = _join_company(contact, changed, sighting, time_us)
        if sighting.unsubscribed:
            entry = DoNotContact(UNSUBSCRIBED, UNSUBSCRIBE_COMMENT, sighting.unsubscribed_by, time_us)
            changed = changed.with_unsubscribed(sighting.unsubscribed, entry)
        if changed is not part:
            if sighting.is_form:
                changed = _told_by_form(contact, changed, sighting)
            self.state.put(msgspec.structs.replace(contact, own=changed, is_brief=False))

    def _is_anonymous(self, contact: Profile) -> bool:
        """Whether nothing says who it is, neither a name nor a unique value."""
        return contact.is_anonymous() and not any(contact.carried(field) for field in self._rules.unique_fields)

    def _disagrees(self, own: Profile, found: Profile, given: dict[str, str]) -> bool:
        if any(own.lacks(field, value) for field, value in given.items()):
            return True
        return conflicts(own, found, self._rules.unique_fields)

    def _may_merge(self, winner: Profile, loser: Profile) -> bool:
        """Whether the winner may take in more; if not, the merge is made later, by the queue's relay."""
        many = len(winner.losers) + len(loser.losers) >= self._rules.max_identifiers
        if many or recent_merges(winner, self._now_us - MERGE_WINDOW_US) >= self._rules.max_merges:
            self.outcomes["merge_queued"] += 1
            self.state.queued.add((winner.id, loser.id))
            return False
        return True

    def _merge(self, winner: Profile, loser: Profile, sighting: Sighting, under: int) -> Profile:
        seen_us = min(sighting.time_us, sighting.received_us)
        frozen = freeze_into(loser, winner, self._now_us, under=under, added_us=seen_us)
        self.state.put(frozen)
        self.state.followers.update(loser.losers)
        for follower in [self.state.profile(one) for one in loser.losers]:
            if follower.alias == loser.id:  # so that chains stay flat
                self.state.put(msgspec.structs.replace(follower, alias=winner.id))
        merged = take_in(winner, frozen)
        self.state.put(merged)
        return merged

    def _move(self, sighting: Sighting, contact_id: int, *, is_brief: bool = False) -> int:
        device = self.state.profile(sighting.device_contact_id)
        move = Move(sighting.time_us, sighting.event_id, contact_id, sighting.received_us)
        moved = with_move(device, move)
        if moved is not device:
            if is_brief and device.own is None and not device.moves and not device.version:
                moved = msgspec.structs.replace(moved, is_brief=True)
            self.state.put(moved)
        return contact_id


def _told_by_form(contact: Profile, part: Part, sighting: Sighting) -> Part:
    """The part with what a form made of it: the contact itself, unless visits had, or one that is known."""
    before, was_visitor = contact.own, contact.id == sighting.device_contact_id and not sighting.is_new_device
    sources = part.sources or Sources("" if before or was_visitor else BY_FORM)
    if part.identified_us and not (before and before.identified_us):
        sources = Sources(sources.created, BY_FORM)
    return part if sources in (part.sources, Sources()) else msgspec.structs.replace(part, sources=sources)


def _join_company(contact: Profile, part: Part, sighting: Sighting, time_us: int) -> Part:
    """The part after the contact joined the company, which becomes its primary one and gives it its name."""
    company_id = sighting.company_id
    word = contact.company_words().get(company_id)
    if word is None or not word.is_in:
        joined = part.with_company(company_id, time_us)
        if joined is part or (word is not None and word.time_us >= time_us):
            return part  # it has too many, or left after this hit
        part = joined
    if contact.company_id() != company_id and contact.primary_us() < time_us:
        part = part.with_primary(company_id, time_us)
    if contact.value("company") != sighting.company and contact.told_us("company") < time_us:
        part = part.with_fields({"company": sighting.company}, time_us)
    return part


def _given(sighting: Sighting) -> dict[str, UniqueValue]:
    return {field: UniqueValue(field, value) for field, value in sighting.unique.items()}


def _oldest_of(holders: Iterable[Found]) -> Found | None:
    by_id = {found.profile.id: found for found in holders}
    first = oldest(found.profile for found in by_id.values())
    return by_id[first.id] if first else None
