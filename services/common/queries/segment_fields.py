"""What the filters of segments may ask about, and by which operators. Pure.

The operators of each type are those of the replaced product. What cannot be answered yet is refused by name.
"""

from __future__ import annotations

from typing import NamedTuple

from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import FIELDS
from services.common.documents import ASSET, CAMPAIGN, CATEGORY, EMAIL, LINK, SEGMENT, STAGE
from services.common.event_types import ASSET_DOWNLOAD, EMAIL_READ, EMAIL_SENT, PAGE_HIT

COMPANY = "company"
OBJECTS = ("lead", COMPANY, "behaviors")

_PATTERNS = "like !like regexp !regexp startsWith endsWith contains"
_TEXT = f"= != empty !empty {_PATTERNS}"
_NUMBER = "= != gt gte lt lte empty !empty"
_RANGE = f"{_NUMBER} between !between"
_DEFAULT = f"{_RANGE} {_PATTERNS}"
_DATE = f"{_DEFAULT} date"
_SELECT = "= != empty !empty regexp !regexp in !in"
OPERATORS: dict[str, frozenset[str]] = {
    kind: frozenset(operators.split())
    for kind, operators in {
        "text": _TEXT,
        "select": _SELECT,
        "boolean": "= !=",
        "multiselect": "in !in empty !empty",
        "membership": "in !in",  # in any segment at all would be made of all segments, and of itself
        "number": f"{_NUMBER} {_PATTERNS}",
        "count": _NUMBER,
        "datetime": _DATE,
        "told_datetime": _DATE,
        "lookup_id": "= != empty !empty",
        "told_boolean": "= !=",
        "told_multiselect": "in !in empty !empty",
        "click": "= != in !in",
        "told_time": _DEFAULT,
        "default": _DEFAULT,
    }.items()
}
_KINDS = {
    **dict.fromkeys(("text", "email", "tel", "url", "lookup"), "text"),
    **dict.fromkeys(("select", "country", "region", "timezone", "locale"), "select"),
    **dict.fromkeys(("date", "datetime"), "told_datetime"),
    "boolean": "told_boolean",
    "multiselect": "told_multiselect",
    "number": "number",
    "time": "told_time",
}


class SegmentField(NamedTuple):
    """What one name means. `kind` decides the operators and how it is compiled; `source` is what it is compiled from:
    a field's alias, that of a company, a column, or the events of a type. `named`: the kind of the records
    whose ids its values are, '' for other values."""

    kind: str
    source: str
    event_type: str = ""  # '' for events of any type
    condition: str = ""  # SQL on an event that counts, '' for all of the type
    named: str = ""


def _static() -> dict[str, SegmentField]:
    dates = {name: SegmentField("datetime", name) for name in ("date_added", "date_identified", "date_modified")}
    refusals = {
        f"dnc_{word}{suffix}": SegmentField("boolean", f"{channel}:{reason}")
        for reason, word in ((1, "unsubscribed"), (2, "bounced"))
        for suffix, channel in (("", "email"), ("_sms", "sms"))
    }
    return {
        **dates,
        "last_active": SegmentField("datetime", "last_active"),
        "owner_id": SegmentField("lookup_id", "owner_id"),
        "stage": SegmentField("lookup_id", "stage_id", named=STAGE),
        "tags": SegmentField("multiselect", "tags"),
        "leadlist": SegmentField("membership", "segments", named=SEGMENT),
        "campaign": SegmentField("multiselect", "campaigns", named=CAMPAIGN),
        "globalcategory": SegmentField("multiselect", "categories", named=CATEGORY),
        **refusals,
        "dnc_manual_email": SegmentField("boolean", "email:3"),
        "dnc_manual_sms": SegmentField("boolean", "sms:3"),
        **{f"utm_{one}": SegmentField("text", f"event:utm_{one}") for one in
           ("campaign", "content", "medium", "source", "term")},
        **{f"device_{one}": SegmentField("select", f"event:device_{one}") for one in ("type", "brand")},
        "device_os": SegmentField("select", "event:os"),
        "device_model": SegmentField("text", "event:device_model"),
    }  # fmt: skip


# What was clicked, as the event tells it: the e-mail that the link was in, else what the link itself names.
_EMAIL, _SOURCE = "query, 'stat', 'emailId'", "query, 'stat', 'source'"
_IN_MAIL = f"JSONHas({_EMAIL})"
_BEHAVIORS = {
    "hit_url": SegmentField("text", "event:url", PAGE_HIT),
    "hit_url_date": SegmentField("datetime", "event:time", PAGE_HIT),
    "hit_url_count": SegmentField("count", "event:count", PAGE_HIT),
    "referer": SegmentField("text", "event:referrer", PAGE_HIT),
    "url_title": SegmentField("text", "event:title", PAGE_HIT),
    "sessions": SegmentField("count", "event:sessions", PAGE_HIT),
    "lead_email_read_date": SegmentField("datetime", "event:time", EMAIL_READ),
    "lead_email_read_count": SegmentField("count", "event:count", EMAIL_READ),
    "lead_email_sent": SegmentField("multiselect", "event:stat.emailId", EMAIL_SENT, named=EMAIL),
    "lead_email_sent_date": SegmentField("datetime", "event:time", EMAIL_SENT),
    "lead_email_received": SegmentField("multiselect", "event:stat.emailId", EMAIL_READ, named=EMAIL),
    "lead_asset_download": SegmentField("multiselect", "event:asset.id", ASSET_DOWNLOAD, named=ASSET),
    "redirect_id": SegmentField("click", "event:redirect.id", PAGE_HIT, named=LINK),
    "email_id": SegmentField("click", "event:stat.emailId", PAGE_HIT, named=EMAIL),
    "email_clicked_link_date": SegmentField("datetime", "event:time", PAGE_HIT, _IN_MAIL),
    "source": SegmentField("text", f"event:if({_IN_MAIL}, 'email', JSONExtractString({_SOURCE}, 1))", PAGE_HIT),
    "source_id": SegmentField(
        "text",
        f"event:replaceAll(if({_IN_MAIL}, JSONExtractRaw({_EMAIL}), JSONExtractRaw({_SOURCE}, 2)), '\"', '')",
        PAGE_HIT,
    ),
}
_NO_DATA = frozenset("sms_clicked_link sms_clicked_link_date notification page_id".split())
SEGMENT_FIELDS: dict[str, SegmentField] = {
    **{alias: SegmentField(_KINDS.get(field.type, "default"), alias) for alias, field in FIELDS.items()},
    **_static(),
    **_BEHAVIORS,
}


def find_field(name: str, object_name: str, custom_type: str = "") -> SegmentField:
    """`custom_type` is that of a field that somebody made, '' for all others. Raises `ValueError` with what is wrong.
    Clients of old name behaviours without saying that they are some."""
    if object_name == COMPANY:
        return _company_field(name, custom_type)
    if object_name not in OBJECTS:
        raise ValueError(f"An object is one of {', '.join(OBJECTS)}.")
    if name in _NO_DATA:
        raise ValueError(f"Nothing is stored yet that {name} could be answered from.")
    if custom_type and name not in SEGMENT_FIELDS:
        return SegmentField(_KINDS.get(custom_type, "default"), name)
    if name not in SEGMENT_FIELDS:
        raise ValueError(f"There is no field {name[:60]!r} to filter by.")
    return SEGMENT_FIELDS[name]


def _company_field(name: str, custom_type: str) -> SegmentField:
    known = COMPANY_FIELDS.get(name)
    if known is None and not custom_type:
        raise ValueError(f"Companies have no field {name[:60]!r} to filter by.")
    return SegmentField(_KINDS.get(known.type if known else custom_type, "default"), f"{COMPANY}:{name}")


def check_operator(field: SegmentField, operator: str) -> None:
    """Raises `ValueError` with what is wrong."""
    if operator not in OPERATORS[field.kind]:
        raise ValueError(f"The operator is one of {', '.join(sorted(OPERATORS[field.kind]))}.")
