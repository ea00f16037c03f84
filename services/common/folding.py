"""What is shown of a contact: its own part and those of all that merged into it, folded into one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from services.common.profile import (
    DoNotContact,
    ExternalLink,
    FrequencyRule,
    Member,
    Part,
    Profile,
    Sources,
    Stamped,
    Value,
    newest,
    within_points,
)

Key = TypeVar("Key", int, str)
NO_SOURCES = Sources()


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
    segments: dict[int, bool]  # by hand: added or removed
    campaigns: list[int]
    categories: list[int]
    frequency: dict[str, FrequencyRule]
    image: str
    preferred_image: str
    links: dict[str, ExternalLink]  # by `system:id there`
    created_by_id: int = 0  # of the user; 0 for who is none
    modified_by_id: int = 0
    scores: dict[int, int] = {}  # points by their group
    sources: Sources = NO_SOURCES


def fold(profile: Profile) -> View:
    """All parts as one contact, the same in whatever order they came together.

    Per field, frequency rule, image and link the newest word, per tag and membership the newest add or remove, points
    and scores added, the strictest do-not-contact, owner and stage of the survivor, else of the loser that has one.
    """
    if profile.own and not profile.losers:
        return _alone(profile, profile.own)
    parts = profile.parts()
    if not parts:
        raise ValueError(f"contact {profile.id} has nothing to show")
    identified = [part.identified_us for part in parts if part.identified_us]
    last = max(parts, key=lambda part: part.modified_us) if len(parts) > 1 else parts[0]
    segments = newest([part.segments for part in parts])
    links = newest([part.links for part in parts])
    return View(
        id=profile.id,
        version=profile.version,
        fields={field: stamped.value for field, stamped in newest([part.fields for part in parts]).items()},
        tags=sorted(_joined([part.tags for part in parts])),
        ips=_addresses(parts),
        dnc=_strictest(parts),
        points=within_points(sum([part.points for part in parts])),
        owner_id=_first([(part.owner_id, part.owner_us) for part in parts]),
        stage_id=_first([(part.stage_id, part.stage_us) for part in parts]),
        added_us=min([part.added_us for part in parts]),
        modified_us=last.modified_us,
        identified_us=min(identified, default=0),
        created_by=parts[0].created_by,
        created_by_id=parts[0].created_by_id,
        modified_by=last.modified_by,
        modified_by_id=last.modified_by_id,
        companies=profile.companies(),
        company_id=profile.company_id(),
        segments={one: word.is_in for one, word in sorted(segments.items())} if segments else {},
        campaigns=sorted(_joined([part.campaigns for part in parts])),
        categories=sorted(_joined([part.categories for part in parts])),
        frequency=newest([part.frequency for part in parts]),
        image=_newest([part.image for part in parts]),
        preferred_image=_newest([part.preferred_image for part in parts]),
        scores=_scores(parts),
        links={key: link for key, link in links.items() if link.is_in} if links else {},
        sources=_sources(parts),
    )


def _alone(profile: Profile, part: Part) -> View:
    """The same for a contact into which none has merged, as most are: a fifth of the time, by positions for names."""
    companies = profile.companies() if part.companies else {}
    return View(
        profile.id,
        profile.version,
        {field: stamped.value for field, stamped in part.fields.items()},
        sorted(_joined([part.tags])) if part.tags else [],
        _addresses([part]) if part.ips else [],
        _strictest([part]) if part.dnc else {},
        within_points(part.points),
        part.owner_id,
        part.stage_id,
        part.added_us,
        part.modified_us,
        part.identified_us,
        part.created_by,
        part.modified_by,
        companies,
        profile.company_id() if companies else 0,
        {one: word.is_in for one, word in sorted(part.segments.items())} if part.segments else {},
        sorted(_joined([part.campaigns])) if part.campaigns else [],
        sorted(_joined([part.categories])) if part.categories else [],
        part.frequency,
        _newest([part.image]) if part.image else "",
        _newest([part.preferred_image]) if part.preferred_image else "",
        {key: link for key, link in part.links.items() if link.is_in} if part.links else {},
        part.created_by_id,
        part.modified_by_id,
        _scores([part]) if part.scores else {},
        part.sources or NO_SOURCES,
    )


def owner_of(profile: Profile) -> int:
    """0 for nobody."""
    return _first([(part.owner_id, part.owner_us) for part in profile.parts()])


def creator_of(profile: Profile) -> int:
    """The user who made it; 0 for nobody, or for who is no user."""
    parts = profile.parts()
    return parts[0].created_by_id if parts else 0


def stage_of(profile: Profile) -> int:
    """0 for none."""
    return _first([(part.stage_id, part.stage_us) for part in profile.parts()])


def _joined(maps: list[dict[Key, Member]]) -> list[Key]:
    if not any(maps):
        return []
    return [key for key, word in newest(maps).items() if word.is_in]


def _scores(parts: list[Part]) -> dict[int, int]:
    if not any(part.scores for part in parts):
        return {}
    groups = sorted({group for part in parts for group in part.scores})
    return {group: within_points(sum(part.scores.get(group, 0) for part in parts)) for group in groups}


def _sources(parts: list[Part]) -> Sources:
    """Those of whoever is shown as made, and of whoever was known first."""
    created = parts[0].sources or NO_SOURCES
    first = min((part for part in parts if part.identified_us), key=lambda part: part.identified_us, default=parts[0])
    identified = first.sources or NO_SOURCES
    return Sources(created.created, identified.identified, identified.identified_by)


def _addresses(parts: Iterable[Part]) -> list[str]:
    """The first seen one first."""
    if not any(part.ips for part in parts):
        return []
    seen: dict[str, int] = {}
    for part in parts:
        for ip, time_us in part.ips.items():
            seen[ip] = min(time_us, seen.get(ip, time_us))
    return sorted(seen, key=lambda ip: seen[ip])


def _strictest(parts: list[Part]) -> dict[str, DoNotContact]:
    """By channel; what was said before the contact became contactable again does not count."""
    if not any(part.dnc for part in parts):
        return {}
    said: dict[str, list[DoNotContact]] = {}
    for part in parts:
        for channel, entry in part.dnc.items():
            said.setdefault(channel, []).append(entry)
    strictest = {}
    for channel, entries in said.items():
        lifted_us = max((entry.time_us for entry in entries if not entry.reason), default=0)
        standing = [entry for entry in entries if entry.reason and entry.time_us > lifted_us]
        if standing:
            strictest[channel] = min(standing, key=lambda entry: (entry.reason, entry.time_us))
    return strictest


def _first(said: list[tuple[int, int]]) -> int:
    """The survivor's, also a deliberate nothing, else that of the first loser that has one."""
    if not said:
        return 0
    (own, told_us), *losers = said
    return own if own or told_us else next((one for one, _ in losers if one), 0)


def _newest(words: Iterable[Stamped | None]) -> str:
    """'' when nothing was said, or a deliberate blank."""
    said = [word for word in words if word]
    return str(max(said, key=lambda word: word.time_us).value or "") if said else ""
