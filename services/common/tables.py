"""Every table in ClickHouse that the services write: the columns of a row, in insert order, and what fills them.

Rows go out as JSONCompactEachRow: an array a line, 0.4 CPU seconds of Python a million rows.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping

import msgspec

from services.common.contact_fields import TEXT_FIELDS
from services.common.folding import fold
from services.common.free_text import searchable
from services.common.profile import Profile, Value

EVENTS = "events"
BOT_EVENTS = "bot_events"
CONTACTS = "contacts"
ALIASES = "aliases"
AUDIT = "audit"
RECORDS = "records"
IMAGES = "images"
WEBHOOK_DELIVERIES = "webhook_deliveries"
MESSAGES = "messages"
IMPORT_FAILURES = "import_failures"


class EventRow(msgspec.Struct, array_like=True, gc=False):
    """A row of `events`. Times are milliseconds: an integer is what DateTime64(3) counts in."""

    event_id: str
    contact_id: int
    time: int
    type: str
    url: str
    title: str
    referrer: str
    language: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_content: str
    utm_term: str
    country: str
    region: str
    city: str
    latitude: float
    longitude: float
    timezone: str
    browser: str
    os: str
    device_type: str
    device_brand: str
    device_model: str
    device_id: str
    ip: str
    user_agent: str
    query: str
    received_at: int


class ToldRow(msgspec.Struct, array_like=True, gc=False):
    """A row of `events` that no hit was: what it says of columns that are not here is nothing."""

    event_id: str
    contact_id: int
    time: int
    type: str
    title: str
    query: str
    received_at: int


class BotRow(EventRow, array_like=True, gc=False):
    """A row of `bot_events`: the event it would have been, why it is not, and the hit itself to judge it anew."""

    verdict: str
    raw: str  # a batch of one hit, base64


class ContactRow(msgspec.Struct, array_like=True, gc=False):
    """A row of `contacts`: one version of one profile. Times are milliseconds."""

    id: int
    version: int
    is_deleted: int
    email: str
    firstname: str
    lastname: str
    company: str
    phone: str
    city: str
    country: str
    fields: dict[str, str]
    tags: list[str]
    ips: list[str]
    points: int
    owner_id: int
    stage_id: int
    date_added: int
    date_modified: int
    date_identified: int
    profile: Profile  # the column has it as JSON
    q: str
    campaigns: list[int] = []
    categories: list[int] = []
    dnc: list[str] = []  # channel:reason
    companies: list[int] = []
    segments_added: list[int] = []  # by hand
    segments_removed: list[int] = []
    created_by: int = 0  # the user
    integrations: list[str] = []  # system:id there


class DeliveryRow(msgspec.Struct, array_like=True, gc=False):
    """A row of `webhook_deliveries`: one request of a webhook; the status is 0 without an answer."""

    hook: int
    time: int  # milliseconds
    status: int
    seconds: float
    items: int
    note: str


class AliasRow(msgspec.Struct, array_like=True, gc=False):
    loser: int
    winner: int
    version: int


class AuditRow(msgspec.Struct, array_like=True, gc=False):
    """A row of `audit`: who did what, to a contact (`contact_id`) or to something else. The time is milliseconds."""

    id: str
    contact_id: int
    time: int
    action: str
    user: str
    details: str  # JSON
    object: str = "lead"
    object_id: str = ""  # '' for the contact
    user_id: int = 0
    ip: str = ""


class RecordRow(msgspec.Struct, array_like=True, gc=False):
    kind: str
    id: str
    version: int
    is_deleted: int
    data: str  # JSON


class ImageRow(msgspec.Struct, array_like=True, gc=False):
    """A row of `images`. The time is milliseconds."""

    contact_id: int
    id: str
    type: str
    time: int
    data: str  # base64


class MessageRow(msgspec.Struct, array_like=True, gc=False):
    """A row of `messages`: one version of a mail that was queued for a contact. Times are milliseconds, 0 for never."""

    contact_id: int
    id: str
    version: int
    status: str
    email_id: int  # the template, 0 for a text of its own
    is_transactional: int
    added: int
    sent: int
    data: str  # JSON


class ImportFailureRow(msgspec.Struct, array_like=True, gc=False):
    """A row of `import_failures`: one of a file that could not be imported."""

    import_id: int
    line: int
    error: str
    cells: str  # base64 of the bytes of each, packed


def contact_row(profile: Profile) -> ContactRow:
    """The projection of a stored profile. Positions cost 1 µs less than names, of 5."""
    if not profile.is_known():
        return ContactRow(
            profile.id, profile.version, 1, "", "", "", "", "", "", "", {}, [], [], 0, 0, 0, 0, 0, 0, profile, ""
        )
    view = fold(profile)
    text = {field: value if type(value) is str else as_text(value) for field, value in view.fields.items()}
    told = text.get
    return ContactRow(
        profile.id,
        profile.version,
        0,
        told("email", ""),
        told("firstname", ""),
        told("lastname", ""),
        told("company", ""),
        told("phone", ""),
        told("city", ""),
        told("country", ""),
        {field: value for field, value in text.items() if value and field not in _OWN_COLUMN},
        view.tags,
        view.ips,
        view.points,
        view.owner_id,
        view.stage_id,
        view.added_us // 1000,
        view.modified_us // 1000,
        view.identified_us // 1000,
        profile,
        searchable("\n".join([said for field in TEXT_FIELDS if (said := told(field))])),
        view.campaigns,
        view.categories,
        [f"{channel}:{entry.reason}" for channel, entry in sorted(view.dnc.items())] if view.dnc else [],
        list(view.companies),
        [segment for segment, is_in in view.segments.items() if is_in] if view.segments else [],
        [segment for segment, is_in in view.segments.items() if not is_in] if view.segments else [],
        view.created_by_id,
        sorted(view.links) if view.links else [],
    )


def alias_rows(profile: Profile) -> list[AliasRow]:
    """What the aliases table must say after this version: all that merged in leads here, and so does what was taken out
    of another one. Nobody else says so of these, so the newest version is right."""
    if profile.alias or profile.deleted_us:
        return []
    led = profile.ids() if profile.separated else list(profile.losers)
    return [AliasRow(contact_id, profile.id, profile.version) for contact_id in led]


def audit_rows(action: str, user: str, details: Mapping[int, Mapping[str, object]]) -> list[AuditRow]:
    """What somebody has just done, a row for each contact that it was done to."""
    now_ms = time.time_ns() // 1_000_000
    return [
        AuditRow(uuid.uuid4().hex, contact_id, now_ms, action, user, msgspec.json.encode(said).decode())
        for contact_id, said in details.items()
    ]


def as_text(value: Value) -> str:
    """A field's value as the projection stores it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


Rows = (
    list[EventRow]
    | list[ToldRow]
    | list[BotRow]
    | list[ContactRow]
    | list[AliasRow]
    | list[AuditRow]
    | list[RecordRow]
    | list[ImageRow]
    | list[DeliveryRow]
    | list[MessageRow]
    | list[ImportFailureRow]
)
_OWN_COLUMN = frozenset({"email", "firstname", "lastname", "company", "phone", "city", "country"})
_encoder = msgspec.json.Encoder()


def encode_rows(rows: Rows) -> bytes:
    """JSONCompactEachRow."""
    return _encoder.encode_lines(rows)


def columns(row_type: type[msgspec.Struct]) -> tuple[str, ...]:
    return row_type.__struct_fields__
