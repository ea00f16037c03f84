"""An event of a history as a page shows it: a line, with facts that unfold. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.contacts.ui.contact.event_facts import Fact, facts_of
from services.contacts.ui.words import is_web, read_time

Json = Mapping[str, Any]

ICONS = {
    "asset.download": "download", "campaign.event": "megaphone", "campaign.event.scheduled": "clock",
    "campaign_membership": "megaphone", "dynamic.content.sent": "layers", "email.failed": "warning",
    "email.read": "eye", "email.replied": "message", "email.sent": "mail", "form.submitted": "form",
    "integration_sync_issues": "plug", "lead.apiadded": "code", "lead.create": "plus", "lead.donotcontact": "ban",
    "lead.identified": "user", "lead.imported": "import", "lead.ipadded": "at", "lead.source.created": "plus",
    "lead.source.identified": "user", "lead.utmtagsadded": "tag", "message.queue": "history", "page.hit": "globe",
    "page.videohit": "video", "point.gained": "star", "segment_membership": "filter", "sms.failed": "warning",
    "sms.sent": "phone", "sms_reply": "phone", "stage.changed": "flag",
}  # fmt: skip
OTHER_ICON = "zap"
# By what utm_medium says, as in the replaced product.
MEDIUMS = {
    "social": "share", "socialmedia": "share", "email": "mail", "newsletter": "mail", "banner": "target",
    "ad": "target", "cpc": "dollar", "location": "map", "device": "device",
}  # fmt: skip
WAITING = ("pending", "rescheduled")


class Action(NamedTuple):
    """What may be done about it still: `what` is event (of a campaign: moved, cancelled) or message (cancelled)."""

    what: str
    id: str


class Line(NamedTuple):
    key: str  # short, and its own
    kind: str
    icon: str
    label: str
    href: str  # a web address, or ''
    hint: str  # of a page its address: what one wants to see at once
    type: str
    time: str
    facts: list[Fact]
    is_warning: bool
    action: Action | None


def line_of(event: Json, now: datetime) -> Line:
    kind, label = str(event.get("event")), event.get("eventLabel") or ""
    said = event.get("details")
    details = said if isinstance(said, Mapping) else {}
    link: Json = label if isinstance(label, Mapping) else {"label": label}
    href = str(link.get("href") or "")
    return Line(
        key_of(event),
        kind,
        _icon(kind, details),
        str(link.get("label") or ""),
        href if is_web(href) else "",
        str(_part(details, "hit").get("url") or ""),
        str(event.get("eventType") or kind),
        str(event.get("timestamp") or ""),
        facts_of(kind, details),
        bool(kind.endswith(".failed") or _part(_part(details, "log"), "metadata").get("errors")),
        _action(kind, details, now),
    )


def lines_of(events: Sequence[Json], now: datetime) -> list[Line]:
    return [line_of(event, now) for event in events]


def key_of(event: Json) -> str:
    return f"{zlib.crc32(str(event.get('eventId')).encode('utf-8', 'replace')):08x}"


def _icon(kind: str, details: Json) -> str:
    if kind == "lead.utmtagsadded":
        medium = str(_part(details, "utmtags").get("utmMedium") or "").strip().lower()
        return MEDIUMS.get(medium, ICONS[kind])
    return ICONS.get(kind, OTHER_ICON)


def _action(kind: str, details: Json, now: datetime) -> Action | None:
    log = _part(details, "log")
    if kind == "campaign.event.scheduled" and log.get("isScheduled"):
        due = read_time(log.get("triggerDate"))
        return Action("event", str(log.get("eventId"))) if due and due > now.astimezone(UTC) else None
    if kind == "message.queue" and log.get("status") in WAITING and log.get("id"):
        return Action("message", str(log["id"]))
    return None


def _part(said: Json, name: str) -> Json:
    found = said.get(name)
    return found if isinstance(found, Mapping) else {}
