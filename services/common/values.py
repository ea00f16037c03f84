"""Values that identify people: how they are normalised, and which are nobody's. Pure."""

from __future__ import annotations

import html
import re
from enum import Enum
from typing import NamedTuple

# A claim is carried by its contact within a second or never: Redis refuses the later write. So one that is not carried
# some time after that is nobody's; between the two there is room for clocks that differ.
CARRY_CLAIM_US = 1_000_000
VOID_CLAIM_US = 3_000_000
MAX_EMAIL_LENGTH = 191
MAX_TEXT_LENGTH = 191

_MARKUP = re.compile(r"<[A-Za-z/!?][^>]*>?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

# Deliberately loose: a mailbox that exists passes, and what could never be one does not.
_FORBIDDEN = r"\s@\"(),:;<>\[\\\]\x00-\x1f\x7f"
_EMAIL = re.compile(rf"[^{_FORBIDDEN}]+@[^{_FORBIDDEN}.]+(\.[^{_FORBIDDEN}.]+)+")

# What broken sites send instead of a value (PostHog's and Adobe's lists, and our own).
JUNK_VALUES = frozenset(
    """null none nil undefined anonymous guest unknown invalid nan true false 0 -1 id email user visitor test
    distinct_id distinctid not_authenticated not_set n/a {{email}} %email% {email}""".split()
) | {"[object object]", "(not set)"}


class Operator(Enum):
    """How several unique fields that are given together are combined: see the identity table of the design."""

    AND = "and"
    OR = "or"


class Claim(NamedTuple):
    """Who holds a unique value, and since when (microseconds)."""

    contact_id: int
    time_us: int

    def stored(self) -> str:
        return f"{self.contact_id}:{self.time_us}"


class UniqueValue(NamedTuple):
    """A normalised value of a unique field."""

    field: str
    value: str


def normalise_email(text: str) -> str | None:
    """Trimmed and case-folded; None when it cannot be an address."""
    email = text.strip().strip(",;").casefold()
    if len(email) > MAX_EMAIL_LENGTH or email in JUNK_VALUES or not _EMAIL.fullmatch(email):
        return None
    return None if email.split("@", 1)[0] in JUNK_VALUES and email.endswith((".undefined", ".null")) else email


def normalise_unique(field: str, text: str) -> str | None:
    """The form in which a unique value is compared; None when it identifies nobody."""
    if "\ufffd" in text:
        return None  # bytes that could not be read: two people's may look alike
    if field == "email":
        return normalise_email(text)
    value = text.strip().casefold()
    return value if value and len(value) <= MAX_TEXT_LENGTH and value not in JUNK_VALUES else None


def clean(text: str) -> str:
    """Without control characters, but for tabs and new lines, and trimmed."""
    return text.strip() if text.isprintable() else _CONTROL.sub("", text).strip()


def read_tag(text: str) -> tuple[str, bool]:
    """(tag, whether it is added): a leading - removes it. HTML is taken out; the tag is empty when nothing is left."""
    tag = clean(_MARKUP.sub("", html.unescape(text)))
    return tag.removeprefix("-").strip(), not tag.startswith("-")
