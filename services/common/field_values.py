"""Values of a contact's fields as they are stored: read from what an API, a form or a hit says, or refused. Pure."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import available_timezones

from services.common.contact_fields import Field
from services.common.profile import Value
from services.common.values import MAX_TEXT_LENGTH, clean, normalise_email, normalise_unique
from services.common.written_times import read_clock, read_written

NOT_VALID = "This value is not valid."
NOT_AN_EMAIL = "This value is not a valid email address."
TOO_LONG = f"This value is too long. It should have {MAX_TEXT_LENGTH} characters or less."

FIRST_YEAR = 1900  # of dates, such as birthdays
MAX_LONG_TEXT = 65_535
LONG_TYPES = frozenset({"textarea", "html", "multiselect"})
_CHECKED = frozenset({"number", "datetime", "timezone", "country", "locale"})  # beside those that somebody made
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
_URL = re.compile(r"https?://[^\s/?#\"<>\\]+[^\s\"<>\\]*", re.IGNORECASE)
_COUNTRY = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .,'\u2019()&-]){1,79}")  # a name, or a code of two or three letters
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8}){0,3}(?:\.[A-Za-z0-9-]{1,10})?", re.ASCII)  # en, en_GB
_PHONE = re.compile(r"(?=.*[0-9])[0-9+().\-/ #*xX]{1,60}", re.ASCII)
MAX_NUMBER = 2.0**53  # whole numbers beyond are not exact, and not every format has them

TIMEZONES = frozenset(available_timezones())


def read_value(field: Field, said: Any, now_us: int = 0) -> Value:
    """A value of this field as it is stored; '' when blank. Dates such as tomorrow are from `now_us` on, and refused
    without. Raises `ValueError` with what is wrong."""
    if field.type == "multiselect" and isinstance(said, (list, dict)):
        said = "|".join(scalar_as_text(one) for one in (said.values() if isinstance(said, dict) else said))
    text = clean(scalar_as_text(said))
    if text == "":
        return ""
    if field.is_unique:
        value = normalise_unique(field.alias, text)
        if value is None:
            raise ValueError(NOT_AN_EMAIL if field.type == "email" else NOT_VALID)
        return value
    if len(text) > (MAX_LONG_TEXT if field.type in LONG_TYPES else MAX_TEXT_LENGTH):
        raise ValueError(TOO_LONG if field.type not in LONG_TYPES else NOT_VALID)
    if field.type == "number":
        return read_number(text) if field.is_fixed else _rounded(text, field.scale)
    if field.type == "datetime":
        return read_time(text, 1970 if field.is_fixed else FIRST_YEAR, now_us).strftime("%Y-%m-%d %H:%M:%S")
    if field.type == "timezone" and text not in TIMEZONES:
        raise ValueError(NOT_VALID)
    # Lists of these differ from product to product, and from one release to the next: what could be one is one.
    if field.type == "country" and not _COUNTRY.fullmatch(text):
        raise ValueError(NOT_VALID)
    if field.type == "locale" and not _LOCALE.fullmatch(text):
        raise ValueError(NOT_VALID)
    return text if field.is_fixed else _read_made(field, text, now_us)


def is_any_text(field: Field) -> bool:
    """Whether every text of a usual length is a value as it is, once cleaned."""
    return field.is_fixed and not field.is_unique and field.type not in _CHECKED


def label_of(field: Field, value: Value) -> Value:
    """What people call a value: the label of a choice, of each of several, of yes and no."""
    if value is None or not field.choices:
        return value
    if field.type == "multiselect":
        return "|".join(field.choices.get(one, one) for one in str(value).split("|"))
    return field.choices.get(str(value), value)


def _read_made(field: Field, text: str, now_us: int) -> Value:
    """A value of a field that somebody made. Fields that are there from the start take what hits have always said."""
    match field.type:
        case "boolean":
            return read_boolean(text)
        case "select":
            if text not in field.choices:
                raise ValueError(NOT_VALID)
        case "multiselect":
            return _read_several(field, text)
        case "date":
            return read_time(text, FIRST_YEAR, now_us).strftime("%Y-%m-%d")
        case "time":
            return clock_value(text)
        case "email":
            if (address := normalise_email(text)) is None:
                raise ValueError(NOT_AN_EMAIL)
            return address
        case "url" if not _URL.fullmatch(text):
            raise ValueError("This value is not a valid URL.")
        case "tel" if not _PHONE.fullmatch(text):
            raise ValueError(NOT_VALID)
    return text


def _read_several(field: Field, text: str) -> str:
    """Choices with | between them, or with commas, as a form with several boxes says them."""
    for separator in ("|", ","):
        values = list(dict.fromkeys(one.strip() for one in text.split(separator) if one.strip()))
        if field.choices.keys() >= set(values):
            return "|".join(values)
    raise ValueError(NOT_VALID)


def read_boolean(text: str) -> int:
    """1 or 0. Raises `ValueError`."""
    said = text.lower()
    if said in _YES or said in _NO:
        return int(said in _YES)
    raise ValueError(NOT_VALID)


def clock_value(text: str) -> str:
    """A time of day as it is stored. Raises `ValueError`."""
    try:
        return time.fromisoformat(text).strftime("%H:%M:%S")
    except ValueError:
        pass
    try:
        return read_clock(text).strftime("%H:%M:%S")
    except ValueError:
        raise ValueError(NOT_VALID) from None


def _rounded(text: str, scale: int) -> int | float:
    number = round(read_number(text), scale)
    if abs(number) > MAX_NUMBER:
        raise ValueError(NOT_VALID)
    return number if scale else int(number)


def read_time(text: str, first_year: int = 1970, now_us: int = 0) -> datetime:
    """`Y-m-d H:i:s` in UTC, ISO 8601, a date, or else as clients write them. Words such as tomorrow are from `now_us`
    on, and refused without. Raises `ValueError`."""
    try:
        moment = datetime.fromisoformat(text)  # first: whatever a hit says passes here
    except ValueError:
        moment = _read_written(text, now_us)
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(NOT_VALID) from None
    if not first_year <= moment.year < 2200:
        raise ValueError(NOT_VALID)
    return moment


def _read_written(text: str, now_us: int) -> datetime:
    try:
        return read_written(text, datetime.fromtimestamp(now_us // 1_000_000, UTC) if now_us else None).time
    except ValueError:
        raise ValueError(NOT_VALID) from None


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
