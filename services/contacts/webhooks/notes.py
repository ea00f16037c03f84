"""What webhooks are to be told of a write. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.common.company import Company, encode_company
from services.common.folding import View, fold
from services.common.hook_notes import Note
from services.common.profile import Profile
from services.contacts.people.do_not_contact import REASONS
from services.contacts.webhooks.triggers import (
    COMPANY_DELETE,
    COMPANY_SAVE,
    CONTACT_CHANNEL,
    CONTACT_COMPANY,
    CONTACT_DELETE,
    CONTACT_NEW,
    CONTACT_POINTS,
    CONTACT_UPDATE,
)


def notes_of_change(before: Profile | None, after: Profile, now_us: int) -> list[Note]:
    """What a write of a contact made different. Of anonymous contacts only their points and memberships are told."""
    if before is not None and before.version == after.version:
        return []  # nothing was written
    was, now = fold(before) if before and before.own else None, fold(after)
    return [Note(trigger, now_us, contact=after, said=said) for trigger, said in _told(was, now)]


def note_of_deletion(profile: Profile, now_us: int) -> Note:
    return Note(CONTACT_DELETE, now_us, contact=profile, said={"id": profile.id})


def note_of_company(company: Company, now_us: int, *, is_gone: bool = False) -> Note:
    said = {"company": company.id, "version": company.version, "data": encode_company(company)}
    return Note(COMPANY_DELETE if is_gone else COMPANY_SAVE, now_us, said=said)


def _told(was: View | None, now: View) -> Iterator[tuple[str, dict[str, Any]]]:
    if now.identified_us:
        yield (CONTACT_UPDATE if was and was.identified_us else CONTACT_NEW), {}
    points = was.points if was else 0
    if points != now.points:
        yield CONTACT_POINTS, {"points": {"old_points": points, "new_points": now.points}}
    refused, refuses = _reasons(was), _reasons(now)
    for channel in sorted(refused.keys() | refuses.keys()):
        old, new = refused.get(channel, "contactable"), refuses.get(channel, "contactable")
        if old != new:
            yield CONTACT_CHANNEL, {"channel": channel, "old_status": old, "new_status": new}
    companies = set(was.companies if was else ())
    for company_id in sorted(companies ^ now.companies.keys()):
        yield CONTACT_COMPANY, {"added": company_id in now.companies, "company": company_id}


def _reasons(view: View | None) -> dict[str, str]:
    return {channel: REASONS.get(entry.reason, "manual") for channel, entry in (view.dnc.items() if view else ())}
