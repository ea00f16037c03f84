"""The fields of a contact: alias, label, type and group of each, in the order in which they are shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

GROUPS = ("core", "social", "personal", "professional")


class Field(NamedTuple):
    """One field. `id` is its place in the table; clients expect one. `choices` are labels by value."""

    id: int
    alias: str
    label: str
    type: str
    group: str
    is_unique: bool = False
    is_fixed: bool = True  # there from the start, not made by somebody
    choices: Mapping[str, str] = {}
    scale: int = 0  # decimals of a number
    default: str = ""


_CORE = (
    ("title", "Title", "lookup"),
    ("firstname", "First Name", "text"),
    ("lastname", "Last Name", "text"),
    ("company", "Primary company", "lookup"),
    ("position", "Position", "text"),
    ("email", "Email", "email"),
    ("mobile", "Mobile", "tel"),
    ("phone", "Phone", "tel"),
    ("points", "Points", "number"),
    ("fax", "Fax", "tel"),
    ("address1", "Address Line 1", "text"),
    ("address2", "Address Line 2", "text"),
    ("city", "City", "text"),
    ("state", "State", "region"),
    ("zipcode", "Zip Code", "text"),
    ("country", "Country", "country"),
    ("preferred_locale", "Preferred Locale", "locale"),
    ("timezone", "Preferred Timezone", "timezone"),
    ("last_active", "Date Last Active", "datetime"),
    ("attribution_date", "Attribution Date", "datetime"),
    ("attribution", "Attribution", "number"),
    ("website", "Website", "url"),
)
_SOCIAL = ("facebook", "foursquare", "instagram", "linkedin", "skype", "twitter")
# What free text is looked for in.
TEXT_FIELDS = ("email", "firstname", "lastname", "company", "city", "state", "zipcode", "country", *_SOCIAL)


def _registry() -> dict[str, Field]:
    rows = [(*row, "core") for row in _CORE] + [(alias, alias.capitalize(), "text", "social") for alias in _SOCIAL]
    return {
        alias: Field(number, alias, label, kind, group, is_unique=alias == "email")
        for number, (alias, label, kind, group) in enumerate(rows, 1)
    }


FIELDS: dict[str, Field] = _registry()


class FieldRules(NamedTuple):
    """Which fields there are, and what may be set for them, by their aliases."""

    public: tuple[str, ...]  # a hit may set them
    unique: tuple[str, ...]  # they identify: a value belongs to one contact
    fields: Mapping[str, Field] = FIELDS


# Points are counted and last activity is observed: neither is text that a contact was told.
TOLD_FIELDS = tuple(alias for alias in FIELDS if alias != "points")
