"""Points that a rule gives a contact: applied to its part once, however often they are given. Pure."""

from __future__ import annotations

import msgspec

from services.common.profile import Granted, Part, Profile, within_points

MAX_EVENTS = 20  # hashes that are kept: an event that is stored again is so within minutes


class Happened(msgspec.Struct, frozen=True):
    """An event that a rule gives points for."""

    key: int  # a hash of its id and time
    stored_ms: int


class Grant(msgspec.Struct, frozen=True):
    """`delta` for each of these events, or once for all and ever; all that were stored up to `until_ms`."""

    rule_id: int
    delta: int
    is_repeatable: bool
    until_ms: int
    events: tuple[Happened, ...]


def granted(profile: Profile, rule_id: int) -> Granted | None:
    """What the rule gave the contact, or any that merged into it, the last time."""
    said = [part.granted[rule_id] for part in profile.parts() if rule_id in part.granted]
    return max(said, key=lambda one: one.until_ms, default=None)


def new_events(profile: Profile, grant: Grant) -> list[Happened]:
    """Those that count still."""
    last = granted(profile, grant.rule_id)
    if last is None:
        return list(grant.events) if grant.is_repeatable else list(grant.events[:1])
    if not grant.is_repeatable:
        return []
    known = {key for part in profile.parts() if (told := part.granted.get(grant.rule_id)) for key in told.events}
    return [event for event in grant.events if event.stored_ms > last.until_ms and event.key not in known]


def apply_grant(profile: Profile, part: Part, grant: Grant | None, group_id: int = 0) -> Part:
    """The part with the points, or the score in a group, and the word that they were given; the same when there is
    nothing to give."""
    news = new_events(profile, grant) if grant else []
    if not grant or not news:
        return part
    before = part.granted[grant.rule_id].events if grant.rule_id in part.granted else []
    keys = [*before, *(event.key for event in news)][-MAX_EVENTS:] if grant.is_repeatable else []
    part = msgspec.structs.replace(part, granted={**part.granted, grant.rule_id: Granted(grant.until_ms, keys)})
    delta = grant.delta * len(news)
    if group_id:
        of_losers = sum(loser.scores.get(group_id, 0) for loser in profile.losers.values())
        score = within_points(part.scores.get(group_id, 0) + of_losers + delta) - of_losers
        return msgspec.structs.replace(part, scores={**part.scores, group_id: score})
    of_losers = sum(loser.points for loser in profile.losers.values())
    return msgspec.structs.replace(part, points=within_points(part.points + of_losers + delta) - of_losers)
