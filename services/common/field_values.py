"""Values of a contact's fields as they are stored: read from what an API, a form or a hit says, or refused. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

from services.common.contact_fields import Field
from services.common.profile import Value
from services.common.values import MAX_TEXT_LENGTH, clean, normalise_unique

NOT_VALID = "This value is not valid."
NOT_AN_EMAIL = "This value is not a valid email address."
TOO_LONG = f"This value is too long. It should have {MAX_TEXT_LENGTH} characters or less."

TIMEZONES = frozenset(available_timezones())


def read_value(field: Field, said: Any) -> Value:
    """A value of this field as it is stored; '' when blank. Raises `ValueError` with what is wrong."""
    text = clean(scalar_as_text(said))
    if text == "":
        return ""
    if field.is_unique:
        value = normalise_unique(field.alias, text)
        if value is None:
            raise ValueError(NOT_AN_EMAIL if field.type == "email" else NOT_VALID)
        return value
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueError(TOO_LONG)
    if field.type == "number":
        return read_number(text)
    if field.type == "datetime":
        return read_time(text).strftime("%Y-%m-%d %H:%M:%S")
    if field.type == "timezone" and text not in TIMEZONES:
        raise ValueError(NOT_VALID)
    return text


def read_time(text: str) -> datetime:
    """`Y-m-d H:i:s` in UTC, ISO 8601, or a date. Raises `ValueError`."""
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(NOT_VALID) from None
    if not 1970 <= time.year < 2200:
        raise ValueError(NOT_VALID)
    return time


def scalar_as_text(said: Any) -> str:
    """A scalar as text. Raises `ValueError` for an array or an object."""
    if said is None:
        return ""
    if isinstance(said, bool):
        return "1" if said else "0"
    if isinstance(said, str):
        return said
    if isinstance(said, (int, float)):
        if abs(said) > 1e300:
            raise ValueError(NOT_VALID)
        return str(said)
    raise ValueError(NOT_VALID)


def read_number(text: str) -> float:
    """A finite number. Raises `ValueError`."""
    try:
        number = float(text)
    except ValueError:
        raise ValueError(NOT_VALID) from None
    if not math.isfinite(number) or "_" in text:
        raise ValueError(NOT_VALID)
    return number
