"""Who a hit is from: the identity table of the design as a pure function of what Redis held.

`Identifier.place` works on a picture of the store (`State`), changes the picture, and so says what has to be written.
The same hit placed again, by whomever, changes nothing more: moves carry the key of their hit, parts are frozen once,
an older word on a field is not news. So a conflict or a crash is answered by loading again and placing again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

import msgspec

from services.common.profile import (
    Move,
    Part,
    Profile,
    Value,
    conflicts,
    freeze_into,
    survivor,
    take_in,
    with_move,
)
from services.common.values import VOID_CLAIM_US, Claim, UniqueValue

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
)


class Operator(Enum):
    """How several unique fields of one hit are combined."""

    AND = "and"
    OR = "or"


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


class UnsettledClaimError(Exception):
    """A value is claimed by a contact that does not carry it, and not yet for long enough: try again soon."""


class ContactDeleted(Enum):
    """The outcome of a hit that is older than the deletion of its contact."""

    DROPPED = "contact_deleted"


class State:
    """A picture of profiles and unique values, as loaded and as they shall become."""

    def __init__(self) -> None:
        self.loaded: dict[int, Profile | None] = {}
        self.seen: dict[UniqueValue, Claim | None] = {}
        self.profiles: dict[int, Profile] = {}  # changed ones
        self.claims: dict[UniqueValue, int] = {}  # new holders

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

    def claim(self, value: UniqueValue, contact_id: int) -> None:
        """Also anew where an old claim of the same contact is void: whoever is about to free that one must notice."""
        self.claims[value] = contact_id


class Identifier:
    """Places sightings, one device's in their order, on one picture.

    `new_contact_id` must answer the same for the same event key for as long as one batch is worked on.
    """

    def __init__(
        self,
        state: State,
        unique_fields: tuple[str, ...],
        new_contact_id: Callable[[EventKey], int],
        now_us: int,
        operator: Operator = Operator.AND,
    ) -> None:
        self.state = state
        self.outcomes: dict[str, int] = dict.fromkeys(OUTCOMES, 0)
        self._unique_fields = unique_fields
        self._new_contact_id = new_contact_id
        self._now_us = now_us
        self._operator = operator

    def place(self, sighting: Sighting) -> int | ContactDeleted:
        """The contact under which the hit's event is stored for ever."""
        if not sighting.device_contact_id:
            return self._place_without_device(sighting)
        says_nothing = not (sighting.unique or sighting.fields or sighting.tags or sighting.company_id)
        if sighting.clicked_contact_id:
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
        clicked = self._clicked(sighting)
        if clicked and self._is_forwarded(sighting, self.resolve(base), clicked):
            self.outcomes["forwarded"] += 1
            self._take_in(sighting, base)
            return sighting.clicked_contact_id
        if clicked:
            base = self._as_clicked(sighting, base, self.resolve(base), clicked)
        return self._take_in(sighting, base)

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
            stored_under = named.moves[-1].contact_id if named.own is None and named.moves else sighting.contact_id
            contact = self.resolve(stored_under)
            if contact.deleted_us:
                return ContactDeleted.DROPPED
            self.outcomes["known"] += 1
        else:
            given = _given(sighting)
            found = self._find(given, Profile(0))
            self.outcomes["known" if found else "identified"] += 1
            contact = found or self.state.profile(self._new_contact_id(sighting.birth_key))
            self._take(contact, sighting, given)
            stored_under = contact.id
        self._write(self.resolve(stored_under), sighting, sighting.fields, sighting.tags)
        return stored_under

    def resolve(self, contact_id: int) -> Profile:
        """The survivor that an id leads to. Mends on the way what a crash in a merge, or two merges at once, left."""
        chain: list[Profile] = []
        profile = self.state.profile(contact_id)
        while profile.alias:
            if any(known.id == profile.id for known in chain):
                smallest = min(chain, key=lambda known: known.id)
                profile = msgspec.structs.replace(smallest, alias=0)
                chain = [known for known in chain if known.id != smallest.id]
                self.state.put(profile)
                break
            chain.append(profile)
            profile = self.state.profile(profile.alias)
        if chain and not profile.deleted_us:
            for loser in chain:
                if loser.id not in profile.losers and loser.id not in profile.separated:
                    profile = take_in(profile, loser)
                    self.state.put(profile)
        return profile

    def _base(self, sighting: Sighting) -> int | ContactDeleted:
        """The contact that the device belonged to at this hit, a new one if that has been deleted since."""
        device = self.state.profile(sighting.device_contact_id)
        if device.is_brief and not sighting.is_new_device:
            device = msgspec.structs.replace(device, is_brief=False)  # it came back: it keeps cookies after all
            self.state.put(device)
        base = device.contact_at(sighting.time_us, sighting.event_id)
        deleted_us = self.resolve(base).deleted_us
        if not deleted_us:
            return base
        if sighting.time_us < deleted_us:
            return ContactDeleted.DROPPED
        return self._move(sighting, self._new_contact_id(sighting.birth_key))

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
        if any(clicked.value(field) not in (None, "", value) for field, value in sighting.unique.items()):
            return True
        return clicked.id != own.id and own.own is not None and not own.own.is_anonymous()

    def _as_clicked(self, sighting: Sighting, base: int, own: Profile, clicked: Profile) -> int:
        """An anonymous device becomes the reader's."""
        if clicked.id == own.id:
            return base
        if sighting.is_new_device and own.id == sighting.device_contact_id:
            self.outcomes["joined_without_cookie"] += 1
            return self._move(sighting, clicked.id, is_brief=True)
        if own.id in clicked.separated or clicked.id in own.separated:
            self.outcomes["moved_to_known"] += 1
            return self._move(sighting, clicked.id)
        self.outcomes["merged_anonymous"] += 1
        self._merge(clicked, own, sighting)
        return base

    def _identify(self, sighting: Sighting, base: int, own: Profile) -> int:
        given = _given(sighting)
        found = self._find(given, own)
        if found is None:
            return self._as_unknown(sighting, given, base, own)
        if found.id == own.id:
            self.outcomes["known"] += 1
            self._take(own, sighting, given)
            return base
        is_anonymous = own.own is None or own.own.is_anonymous()
        if is_anonymous and sighting.is_new_device and own.id == sighting.device_contact_id:
            self.outcomes["joined_without_cookie"] += 1
            self._take(found, sighting, given)
            return self._move(sighting, found.id, is_brief=True)
        if own.id in found.separated or found.id in own.separated or self._disagrees(own, found, sighting.unique):
            self.outcomes["moved_to_known"] += 1
            self._take(found, sighting, given)
            return self._move(sighting, found.id)
        if is_anonymous:
            winner, loser = found, own
            self.outcomes["merged_anonymous"] += 1
        else:
            winner, loser = survivor(found, own)
            self.outcomes["merged_known"] += 1
        self._take(self._merge(winner, loser, sighting), sighting, given)
        return base

    def _as_unknown(self, sighting: Sighting, given: dict[str, UniqueValue], base: int, own: Profile) -> int:
        """Nobody has any of the values: the device's contact takes them, unless it is somebody else already."""
        if any(own.value(field) not in (None, "", value) for field, value in sighting.unique.items()):
            self.outcomes["moved_to_new"] += 1
            contact_id = self._new_contact_id(sighting.birth_key)
            self._take(self.state.profile(contact_id), sighting, given)
            return self._move(sighting, contact_id)
        self.outcomes["identified"] += 1
        self._take(own, sighting, given)
        return base

    def _find(self, given: dict[str, UniqueValue], own: Profile) -> Profile | None:
        """The contact that holds the values; with several unique fields as the operator says."""
        holders: dict[int, Profile] = {}
        for value in given.values():
            holder = self._holder(value)
            if holder is not None:
                holders[holder.id] = holder
        if self._operator is Operator.AND:
            for holder in list(holders.values()):
                if any(holder.value(field) not in (None, "", value.value) for field, value in given.items()):
                    self.outcomes["unique_value_taken"] += 1
                    del holders[holder.id]
        if own.id in holders:
            return own
        # The oldest of several; what joins them is the next sighting of each, or an explicit merge.
        return min(holders.values(), key=lambda one: (_added(one), one.id), default=None)

    def _holder(self, value: UniqueValue) -> Profile | None:
        """Who carries a value now, through merges. A claim that was left half done is completed or void."""
        claim = self.state.holder(value)
        if claim is None:
            return None
        holder = self.resolve(claim.contact_id)
        if holder.deleted_us:
            return None
        if holder.value(value.field) == value.value:
            return holder
        if claim.time_us and self._now_us - claim.time_us > VOID_CLAIM_US:
            return None
        if holder.value(value.field) is None:
            return holder  # claimed a moment ago, the profile is not written yet: whoever sees it completes it
        raise UnsettledClaimError(value.field)

    def _take(self, contact: Profile, sighting: Sighting, given: dict[str, UniqueValue]) -> None:
        """The contact takes those of the values that are free and for which it has none."""
        taken: dict[str, str] = {}
        for field, value in given.items():
            holder = self._holder(value)
            has = contact.value(field)
            if has in (None, "", value.value) and (holder is None or self.resolve(holder.id).id == contact.id):
                if holder is None or has != value.value:  # a claim that somebody left is made anew: it may be old
                    self.state.claim(value, contact.id)
                if has != value.value:
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
        if changed is not part:
            self.state.put(msgspec.structs.replace(contact, own=changed, is_brief=False))

    def _disagrees(self, own: Profile, found: Profile, given: dict[str, str]) -> bool:
        if any(own.value(field) not in (None, "", value) for field, value in given.items()):
            return True
        return conflicts(own, found, self._unique_fields)

    def _merge(self, winner: Profile, loser: Profile, sighting: Sighting) -> Profile:
        frozen = freeze_into(loser, winner.id, min(sighting.time_us, sighting.received_us))
        self.state.put(frozen)
        merged = take_in(winner, frozen)
        self.state.put(merged)
        return merged

    def _move(self, sighting: Sighting, contact_id: int, *, is_brief: bool = False) -> int:
        device = self.state.profile(sighting.device_contact_id)
        moved = with_move(device, Move(sighting.time_us, sighting.event_id, contact_id))
        if moved is not device:
            if is_brief and device.own is None and not device.moves and not device.version:
                moved = msgspec.structs.replace(moved, is_brief=True)
            self.state.put(moved)
        return contact_id


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


def _added(profile: Profile) -> int:
    return min((part.added_us for part in profile.parts()), default=0)
