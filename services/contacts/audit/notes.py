"""Notes what a request changed: contacts, companies and records, before and after."""

from __future__ import annotations

from typing import Any

from services.common.audit import LEAD, note
from services.common.documents import LOGIN
from services.common.folding import View
from services.contacts.audit.differences import described, described_contact, differences


def note_contact(action: str, before: View | None, after: View | None) -> None:
    shown = after or before
    if shown is None:
        return
    details = differences(described_contact(before), described_contact(after))
    if details or action != "update":
        note(action, LEAD, shown.id, details, contact_id=shown.id)


def note_record(action: str, kind: str, record_id: object, before: Any, after: Any) -> None:
    """Of documents; None where there is none."""
    if kind == LOGIN:
        return  # names of users, which are told as theirs
    details = differences(described(before), described(after))
    if details or action != "update":
        contact_id = getattr(after or before, "contact_id", 0)
        note(action, kind, record_id, details, contact_id=contact_id)
