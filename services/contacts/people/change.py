"""A change of a contact, and how it is applied to a profile. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.common.folding import owner_of, stage_of
from services.common.profile import Member, Part, Profile, Sources, Stamped, Value, newest, within_points
from services.common.values import normalise_unique
from services.contacts.people.do_not_contact import Refusal, new_refusals
from services.contacts.people.frequency import Frequency, new_frequencies
from services.contacts.people.grants import Grant, apply_grant
from services.contacts.people.links import LinkChange, new_links
from services.contacts.people.memberships import NO_MEMBERSHIPS, MembershipChange, apply_memberships

MAX_IPS = 200
CUSTOM, GRAVATAR = IMAGE_SOURCES = ("custom", "gravatar")  # beside the social fields


class InvalidChangeError(Exception):
    """What is wrong with a change, by field."""

    def __init__(self, details: dict[str, list[str]]) -> None:
        super().__init__(", ".join(f"{field}: {' '.join(texts)}" for field, texts in details.items()))
        self.details = details


class Origin(msgspec.Struct, frozen=True):
    """What another system knows of a contact's beginnings: when and by which user; 0 and '' where it does not say."""

    added_us: int = 0
    modified_us: int = 0
    identified_us: int = 0
    created_by_id: int = 0
    created_by: str = ""
    modified_by_id: int = 0
    modified_by: str = ""


class Change(msgspec.Struct, frozen=True):
    """What is to become of a contact. A field that is blanked has the value ''."""

    fields: dict[str, Value] = {}
    keeps_values: bool = False  # fields that have a value keep it
    defaults: dict[str, Value] = {}  # of fields that are blank
    tags: dict[str, bool] = {}
    points: int | None = None
    new_points: int | None = None  # the same, of a contact that is new
    points_change: Callable[[int], int] | None = None  # from those that it has
    group_id: int = 0  # of the score that `points_change` and `grant` are about, 0 for the points themselves
    group_name: str = ""
    dnc: dict[str, Refusal] = {}  # by channel
    frequency: dict[str, Frequency] = {}  # by channel
    ips: tuple[str, ...] = ()
    owner_id: int | None = None  # 0 for nobody
    stage_id: int | None = None  # 0 for none
    stage_name: str = ""  # said instead of an id, or what the history calls the stage
    left_stage_id: int = 0  # none, if this is the one that it is in
    campaigns: dict[int, bool] = {}  # joined or left
    categories: dict[int, bool] = {}  # the same
    replaces_categories: bool = False  # all that are not named are left
    memberships: MembershipChange = NO_MEMBERSHIPS
    segments: dict[int, bool] = {}  # added or removed by hand
    image: str | None = None  # the name of the one that counts, '' for none
    preferred_image: str | None = None
    link: LinkChange | None = None
    origin: Origin | None = None
    grant: Grant | None = None  # points that a rule gives
    subject: str = ""  # what the history calls it: the name of the stage, of the reason for points
    names: dict[int, str] = {}  # of its campaigns, or of its segments, where it is about several
    action: str = ""

    def name_of(self, thing: int) -> str:
        """Of a campaign or segment, as the history calls it."""
        return self.names.get(thing) or self.subject or str(thing)

    def is_in_history(self) -> bool:
        """Whether it may add anything to the contact's history."""
        is_staged = self.stage_id is not None or bool(self.left_stage_id)
        return (
            self.points is not None
            or self.new_points is not None
            or bool(self.grant or self.points_change or self.dnc or self.campaigns or self.segments)
            or is_staged
        )

    def unique_values(self, unique_fields: tuple[str, ...]) -> dict[str, str]:
        """The unique values that it gives, normalised; what identifies nobody is none."""
        values = {}
        for field in unique_fields:
            said = self.fields.get(field)
            if said and (value := normalise_unique(field, str(said))):
                values[field] = value
        return values


def apply_change(
    profile: Profile, change: Change, now_us: int, user: str, user_id: int = 0, source: str = ""
) -> Profile:
    """The profile after the change; the same object when it changes nothing.

    What an API says is newer than whatever is stored, also in a part that another contact brought along.
    """
    sources = Sources(source) if source else None
    own = profile.own or Part(added_us=now_us, created_by=user, created_by_id=user_id, sources=sources)
    # A default is nobody's word: it is older than any that is said, here or by whoever merges in.
    defaults = {
        alias: Stamped(value, profile.told_us(alias) + 1)
        for alias, value in change.defaults.items()
        if profile.value(alias) in (None, "")
    }
    fields = without_kept(profile, change).fields
    news: dict[str, Any] = {"fields": {**own.fields, **defaults, **_new_fields(profile, fields, now_us)}}
    if change.tags:
        news["tags"] = {**own.tags, **_new_tags(profile, change.tags, now_us)}
    if change.segments:
        news["segments"] = {**own.segments, **_new_segments(profile, change.segments, now_us)}
    if change.categories or change.replaces_categories:
        words = _new_words(_words_on_categories(profile), _category_words(profile, change), now_us)
        news["categories"] = {**own.categories, **words}
    if change.campaigns:
        words = _new_words(_words_on_campaigns(profile), change.campaigns, now_us)
        news["campaigns"] = {**own.campaigns, **words}
    if change.ips:
        news["ips"] = _with_ips(profile, own, change.ips, now_us)
    if change.dnc:
        news["dnc"] = {**own.dnc, **new_refusals(profile, change.dnc, now_us)}
    if change.frequency:
        news["frequency"] = {**own.frequency, **new_frequencies(profile, change.frequency, now_us)}
    if change.group_id:
        news["scores"] = {**own.scores, **_new_score(profile, own, change)}
    if change.owner_id is not None:
        news["owner_id"] = change.owner_id
        news["owner_us"] = own.owner_us if change.owner_id == owner_of(profile) else now_us
    stage_id = 0 if change.left_stage_id and change.left_stage_id == stage_of(profile) else change.stage_id
    if stage_id is not None:
        news["stage_id"], news["stage_us"] = stage_id, own.stage_us if stage_id == stage_of(profile) else now_us
    part = msgspec.structs.replace(own, points=_new_points(profile, own, change), **news)
    if change.image is not None or change.preferred_image is not None:
        part = _with_images(profile, part, change, now_us)
    if change.link:
        part.links = {**own.links, **new_links(profile, change.link, now_us)}
    part = apply_memberships(profile, part, change.memberships, now_us)
    part = apply_grant(profile, part, change.grant, change.group_id)
    if part == profile.own and (not change.origin or _from(part, change.origin) == part):
        return profile
    if profile.own is not None:
        part.modified_us, part.modified_by = max(now_us, own.modified_us + 1), user
        part.modified_by_id = user_id
    if not part.identified_us and not part.is_anonymous():
        part.identified_us = now_us
        part.sources = Sources(part.sources.created if part.sources else "", source, user)
    if change.origin:
        part = _from(part, change.origin)
    return msgspec.structs.replace(profile, own=part, is_brief=False)


def without_kept(profile: Profile, change: Change) -> Change:
    """The change without fields that keep the value that they have."""
    if not change.keeps_values:
        return change
    fields = {alias: value for alias, value in change.fields.items() if profile.value(alias) in (None, "")}
    return msgspec.structs.replace(change, fields=fields)


def _new_fields(profile: Profile, values: dict[str, Value], now_us: int) -> dict[str, Stamped]:
    if not profile.own and not profile.losers:
        return {field: Stamped(value, now_us) for field, value in values.items() if value != ""}
    news, is_alone, told = {}, not profile.losers, profile.own.fields if profile.own else {}
    for field, value in values.items():
        old = told.get(field)
        own = old.value if old else None
        shown = own if is_alone else profile.value(field)
        if (shown in (None, "") and value == "") or (shown == value and own in (None, value)):
            continue
        news[field] = Stamped(value, max(now_us, profile.told_us(field) + 1))
    return news


def _new_tags(profile: Profile, tags: dict[str, bool], now_us: int) -> dict[str, Member]:
    news = {}
    for tag, is_in in tags.items():
        if profile.has_tag(tag) != is_in:
            times = [part.tags[tag].time_us for part in profile.parts() if tag in part.tags]
            news[tag] = Member(is_in, max([now_us, *(time + 1 for time in times)]))
    return news


def _words_on_campaigns(profile: Profile) -> dict[int, Member]:
    return newest([part.campaigns for part in profile.parts()])


def _words_on_categories(profile: Profile) -> dict[int, Member]:
    return newest([part.categories for part in profile.parts()])


def _category_words(profile: Profile, change: Change) -> dict[int, bool]:
    left = dict.fromkeys(_words_on_categories(profile), False) if change.replaces_categories else {}
    return {**left, **change.categories}


def _new_words(said: Mapping[int, Member], words: Mapping[int, bool], now_us: int) -> dict[int, Member]:
    """Those that change who is in; nobody ever being in is the same as having left."""
    return {
        one: Member(is_in, max(now_us, said[one].time_us + 1) if one in said else now_us)
        for one, is_in in words.items()
        if (one in said and said[one].is_in) != is_in
    }


def _new_segments(profile: Profile, segments: dict[int, bool], now_us: int) -> dict[int, Member]:
    words = newest([part.segments for part in profile.parts()])
    return {
        segment: Member(is_in, max(now_us, words[segment].time_us + 1) if segment in words else now_us)
        for segment, is_in in segments.items()
        if segment not in words or words[segment].is_in != is_in
    }


def _with_images(profile: Profile, part: Part, change: Change, now_us: int) -> Part:
    def newer(said: str | None, words: list[Stamped | None], own: Stamped | None) -> Stamped | None:
        newest_word = max((word for word in words if word), key=lambda word: word.time_us, default=None)
        if said is None or said == (newest_word.value if newest_word else ""):
            return own
        return Stamped(said, max(now_us, newest_word.time_us + 1) if newest_word else now_us)

    parts = profile.parts()
    return msgspec.structs.replace(
        part,
        image=newer(change.image, [one.image for one in parts], part.image),
        preferred_image=newer(change.preferred_image, [one.preferred_image for one in parts], part.preferred_image),
    )


def _with_ips(profile: Profile, own: Part, ips: tuple[str, ...], now_us: int) -> dict[str, int]:
    known = own.ips
    for ip in ips:
        if len(known) < MAX_IPS and ip not in known and not any(ip in part.ips for part in profile.losers.values()):
            known = {**known, ip: now_us}
    return known


def _from(part: Part, origin: Origin) -> Part:
    """The part as the other system had it, where that says something."""
    return msgspec.structs.replace(
        part,
        added_us=origin.added_us or part.added_us,
        modified_us=origin.modified_us or part.modified_us,
        identified_us=origin.identified_us or part.identified_us,
        created_by_id=origin.created_by_id or part.created_by_id,
        created_by=origin.created_by or part.created_by,
        modified_by_id=origin.modified_by_id or part.modified_by_id,
        modified_by=origin.modified_by or part.modified_by,
    )


def _new_points(profile: Profile, own: Part, change: Change) -> int:
    of_losers = sum(part.points for part in profile.losers.values()) if profile.losers else 0
    wanted = change.points
    if wanted is None and profile.own is None:
        wanted = change.new_points
    if change.points_change and not change.group_id:
        wanted = within_points(change.points_change(own.points + of_losers))
    return own.points if wanted is None else wanted - of_losers


def _new_score(profile: Profile, own: Part, change: Change) -> dict[int, int]:
    group = change.group_id
    if not group or not change.points_change:
        return {}
    of_losers = sum(part.scores.get(group, 0) for part in profile.losers.values())
    before = own.scores.get(group, 0)
    score = within_points(change.points_change(before + of_losers)) - of_losers
    return {group: score} if score != before else {}
