"""What a change of a contact over the API adds to its history: an event for each thing that became different. Pure."""

from __future__ import annotations

import uuid
from hashlib import blake2b
from typing import Any

import msgspec

from services.common.event_types import (
    CAMPAIGN_MEMBERSHIP,
    DO_NOT_CONTACT,
    POINT_GAINED,
    SEGMENT_MEMBERSHIP,
    STAGE_CHANGED,
)
from services.common.folding import View
from services.common.tables import ToldRow
from services.contacts.objects import iso, short_id
from services.contacts.people.change import Change
from services.contacts.people.do_not_contact import REASONS


def events_of(before: View | None, after: View, change: Change, user: str, now_us: int) -> list[ToldRow]:
    """The same change told twice has the same event ids."""
    told = [
        *_points(before, after, change, user),
        *_score(before, after, change, user),
        *_stage(before, after, change),
        *_refusals(before, after),
        *_campaigns(before, after, change),
        *_segments(before, after, change),
    ]
    return [_row(after, now_us, number, *one) for number, one in enumerate(told)]


Told = tuple[str, str, dict[str, Any]]  # type, label, details


def _points(before: View | None, after: View, change: Change, user: str) -> list[Told]:
    delta = after.points - (before.points if before else 0)
    if not delta:
        return []
    log = _point_log(change, delta, user)
    return [(POINT_GAINED, f"{log['eventName']} / {delta:+d}", {"log": log})]


def _score(before: View | None, after: View, change: Change, user: str) -> list[Told]:
    """In the group that the change is about."""
    group = change.group_id
    delta = after.scores.get(group, 0) - (before.scores.get(group, 0) if before else 0)
    if not delta:
        return []
    log = {**_point_log(change, delta, user), "group": {"id": group, "name": change.group_name}}
    return [(POINT_GAINED, f"{log['eventName']} / {delta:+d} ({change.group_name})", {"log": log})]


def _point_log(change: Change, delta: int, user: str) -> dict[str, Any]:
    """With the rule that gave them, if one did."""
    log = {"eventName": change.subject or "API", "actionName": change.action or user, "delta": delta, "type": "API"}
    return {"id": change.grant.rule_id, **log, "type": change.action} if change.grant else log


def _stage(before: View | None, after: View, change: Change) -> list[Told]:
    if after.stage_id == (before.stage_id if before else 0):
        return []
    name = (change.stage_name or change.subject) if after.stage_id else "No stage"
    log = {"stageId": after.stage_id or None, "eventName": name, "actionName": change.action or None}
    return [(STAGE_CHANGED, name or f"Stage {after.stage_id}", {"log": log})]


def _refusals(before: View | None, after: View) -> list[Told]:
    known = before.dnc if before else {}
    lifted = [
        (DO_NOT_CONTACT, f"{channel.capitalize()}, may be contacted again",
         {"dnc": {"id": short_id("dnc", channel), "channel": channel, "channelId": None, "reason": "contactable",
                  "comments": ""}})
        for channel in known
        if channel not in after.dnc
    ]  # fmt: skip
    return lifted + [
        (
            DO_NOT_CONTACT,
            channel.capitalize(),
            {"dnc": {"id": short_id("dnc", channel), "channel": channel, "channelId": entry.channel_id or None,
                     "dateAdded": iso(entry.time_us), "reason": REASONS.get(entry.reason, ""),
                     "comments": entry.comments}},
        )
        for channel, entry in after.dnc.items()
        if channel not in known or known[channel].reason != entry.reason
    ]  # fmt: skip


def _campaigns(before: View | None, after: View, change: Change) -> list[Told]:
    old, new = set(before.campaigns if before else ()), set(after.campaigns)
    return [
        (
            CAMPAIGN_MEMBERSHIP,
            f"Contact {'added to' if one in new else 'removed from'} campaign, {change.name_of(one)}",
            {"campaignId": one, "action": "added" if one in new else "removed"},
        )
        for one in sorted(old ^ new)
    ]


def _segments(before: View | None, after: View, change: Change) -> list[Told]:
    """By hand; what filters give is no event."""
    old = before.segments if before else {}
    return [
        (
            SEGMENT_MEMBERSHIP,
            f"Contact {'added to' if is_in else 'removed from'} segment, {change.name_of(segment_id)}",
            {"segmentId": segment_id, "action": "added" if is_in else "removed"},
        )
        for segment_id, is_in in after.segments.items()
        if old.get(segment_id) is not is_in
    ]


def _row(after: View, now_us: int, number: int, kind: str, label: str, details: dict[str, Any]) -> ToldRow:
    key = blake2b(f"{after.id}:{after.version}:{number}".encode(), digest_size=16).digest()
    return told_row(str(uuid.UUID(bytes=key)), after.id, now_us, kind, label, msgspec.json.encode(details).decode())


def told_row(event_id: str, contact_id: int, now_us: int, kind: str, title: str, query: str) -> ToldRow:
    """An event that no hit was."""
    now_ms = now_us // 1_000
    return ToldRow(event_id, contact_id, now_ms, kind, title, query, now_ms)
