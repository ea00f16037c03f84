"""What filters can ask about, as people choose it: with the operators of each, and how its value is typed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.common.documents import ASSET, CAMPAIGN, CATEGORY, EMAIL, LINK, SEGMENT, STAGE
from services.common.queries.segment_fields import OPERATORS, find_field
from services.contacts.ui.keeping.kept import Choices, Json, choices_told

LEAD, COMPANY, BEHAVIOR = "lead", "company", "behaviors"
WORDS = {
    "=": "is", "!=": "is not", "in": "is one of", "!in": "is none of", "contains": "contains", "like": "is like",
    "!like": "is not like", "startsWith": "begins with", "endsWith": "ends with", "regexp": "matches the pattern",
    "!regexp": "does not match the pattern", "gt": "is more than", "gte": "is at least", "lt": "is less than",
    "lte": "is at most", "between": "is between", "!between": "is not between", "date": "is on the day",
    "empty": "is blank", "!empty": "is not blank",
}  # fmt: skip
_OF_DATES = {"gt": "is after", "gte": "is from", "lt": "is before", "lte": "is up to"}
_DATES = ("datetime", "told_datetime")
_YES_NO: Choices = (("1", "yes"), ("0", "no"))
_PATTERNS = frozenset("like !like regexp !regexp startsWith endsWith contains".split())
OWNER, TAG = "owner", "tag"
_MEMBERSHIP = (("leadlist", "Segment", SEGMENT), ("campaign", "Campaign", CAMPAIGN), ("stage", "Stage", STAGE),
               ("tags", "Tags", TAG), ("globalcategory", "Category", CATEGORY))  # fmt: skip
_CONTACT = (("owner_id", "Owner", OWNER), ("date_added", "Date added", ""), ("date_identified", "Date identified", ""),
            ("date_modified", "Date changed", ""))  # fmt: skip
_REFUSALS = (
    ("dnc_unsubscribed", "Unsubscribed from email"), ("dnc_bounced", "Email bounced"),
    ("dnc_manual_email", "Email stopped by hand"), ("dnc_unsubscribed_sms", "Unsubscribed from SMS"),
    ("dnc_bounced_sms", "SMS bounced"), ("dnc_manual_sms", "SMS stopped by hand"),
)  # fmt: skip
_CAME_WITH = (
    ("utm_campaign", "UTM campaign"), ("utm_content", "UTM content"), ("utm_medium", "UTM medium"),
    ("utm_source", "UTM source"), ("utm_term", "UTM term"), ("device_type", "Device type"),
    ("device_brand", "Device brand"), ("device_model", "Device model"), ("device_os", "Operating system"),
)  # fmt: skip
_BEHAVIORS = (
    ("hit_url", "Visited address", ""), ("hit_url_date", "Visited on", ""), ("hit_url_count", "Number of visits", ""),
    ("sessions", "Number of sessions", ""), ("referer", "Came from address", ""), ("url_title", "Page title", ""),
    ("lead_email_sent", "Was sent email", EMAIL), ("lead_email_sent_date", "Was sent an email on", ""),
    ("lead_email_received", "Read email", EMAIL), ("lead_email_read_date", "Read an email on", ""),
    ("lead_email_read_count", "Number of emails read", ""), ("email_id", "Clicked a link in email", EMAIL),
    ("email_clicked_link_date", "Clicked a link in an email on", ""), ("redirect_id", "Clicked link", LINK),
    ("lead_asset_download", "Downloaded", ASSET), ("source", "Source of the visit", ""),
    ("source_id", "Id of the source", ""),
)  # fmt: skip


class FilterField(NamedTuple):
    """`key`: its object and its name; `named`: the kind of things that its values are, '' for none."""

    key: str
    label: str
    group: str
    kind: str  # as segment_fields has it
    named: str = ""
    choices: Choices = ()
    type: str = ""

    def operators(self) -> list[tuple[str, str]]:
        words = {**WORDS, **_OF_DATES} if self.kind in _DATES else WORDS
        return [(one, words[one]) for one in words if one in OPERATORS[self.kind]]

    def word(self, operator: str) -> str:
        return dict(self.operators()).get(operator, operator)

    def input(self, operator: str) -> str:
        """How its value is typed: none, choice, several, pair, number, date, words (with | between), text."""
        if operator in ("empty", "!empty"):
            return "none"
        if operator in ("between", "!between"):
            return "pair"
        is_several = operator in ("in", "!in")
        if self.kind in ("boolean", "told_boolean") or (self.kind == "click" and not is_several):
            return "choice"
        if (self.named or self.choices) and operator not in _PATTERNS:
            return "several" if is_several else "choice"
        if is_several:
            return "words"
        if operator in _PATTERNS:
            return "text"
        return "date" if self.kind in _DATES else "number" if self.kind in ("number", "count") else "text"

    def offered(self, operator: str, named: Mapping[str, Choices]) -> Choices:
        """What is chosen from; `named`: things by their kind."""
        if self.kind == "told_boolean" and self.choices:
            return self.choices
        if self.kind in ("boolean", "told_boolean") or (self.kind == "click" and operator in ("=", "!=")):
            return _YES_NO
        return named.get(self.named, ()) if self.named else self.choices


Catalogue = Mapping[str, FilterField]


def catalogue(contact_fields: Iterable[Json], company_fields: Iterable[Json]) -> Catalogue:
    """In the order in which they are offered."""
    fields = [
        *(_told(one, LEAD, "Contact") for one in contact_fields),
        *(_static(LEAD, name, label, "Contact", named) for name, label, named in _CONTACT),
        *(_static(LEAD, name, label, "Membership", named) for name, label, named in _MEMBERSHIP),
        *(_static(BEHAVIOR, name, label, "Behaviour", named) for name, label, named in _BEHAVIORS),
        *(_static(LEAD, name, label, "What they came with") for name, label in _CAME_WITH),
        *(_static(LEAD, name, label, "Do not contact") for name, label in _REFUSALS),
        *(_told(one, COMPANY, "Company") for one in company_fields),
    ]
    return {one.key: one for one in fields}


def grouped(fields: Catalogue) -> list[tuple[str, Sequence[FilterField]]]:
    names = dict.fromkeys(one.group for one in fields.values())
    return [(name, [one for one in fields.values() if one.group == name]) for name in names]


def _static(about: str, name: str, label: str, group: str, named: str = "") -> FilterField:
    kind = find_field(name, about).kind
    return FilterField(f"{about}:{name}", label, group, kind, named)


def _told(field: Json, about: str, group: str) -> FilterField:
    alias, kind = field["alias"], field["type"]
    found = find_field(alias, about, "" if field["isFixed"] else kind)
    return FilterField(f"{about}:{alias}", field["label"], group, found.kind, "", choices_told(field), kind)
