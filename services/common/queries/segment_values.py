"""The values that the filters of segments compare with, read from what was given. Pure; raises `ValueError`."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import re2

from services.common.documents import Scalar, SegmentFilter
from services.common.field_values import clock_value, read_boolean, read_number, scalar_as_text
from services.common.values import clean

MAX_VALUES = 300  # they travel in the URL of the query
MAX_LENGTH = 191
MAX_PATTERN = 500
NEEDED = "A value is needed."

_quiet = re2.Options()
_quiet.log_errors = False


def text_of(said: SegmentFilter) -> str:
    if isinstance(said.value, (list, dict)):
        raise ValueError("One value is needed, not several.")
    return _text(said.value)


def texts_of(said: SegmentFilter) -> list[str]:
    """A list, or a text with | between its values."""
    if isinstance(said.value, list):
        values: Iterable[Scalar] = said.value
    elif isinstance(said.value, dict):
        values = said.value.values()
    else:
        values = [one for one in scalar_as_text(said.value).split("|") if one.strip()]
    found = [_text(value) for value in values]
    if not found or len(found) > MAX_VALUES:
        raise ValueError(f"From 1 to {MAX_VALUES} values are needed.")
    return found


def ids_of(said: SegmentFilter) -> list[int]:
    return [_id(text) for text in texts_of(said)]


def id_of(said: SegmentFilter) -> int:
    return _id(text_of(said))


def number_of(said: SegmentFilter) -> float:
    return _number(text_of(said))


def flag_of(said: SegmentFilter) -> bool:
    try:
        return read_boolean(text_of(said)) == 1
    except ValueError:
        raise ValueError("The value is 1 or 0.") from None


def pair_of(said: SegmentFilter) -> tuple[str, str]:
    """Both ends of a range: a list, `a|b`, or an object such as {date_from, date_to}."""
    if isinstance(said.value, dict):
        ends = {name.rpartition("_")[2]: value for name, value in said.value.items()}
        if set(ends) != {"from", "to"}:
            raise ValueError("A range has a from and a to.")
        return _text(ends["from"]), _text(ends["to"])
    found = texts_of(said)
    if len(found) != 2:
        raise ValueError("A range has two ends.")
    return found[0], found[1]


def clock_of(said: SegmentFilter, *, is_range: bool) -> SegmentFilter:
    """The same with its times of day, one or both ends, as they are stored."""
    try:
        found = [clock_value(text) for text in (pair_of(said) if is_range else (text_of(said),))]
    except ValueError as error:
        raise ValueError("This is no time of day: 10:11, 10:11:30, 9:05 pm, ...") from error
    return msgspec.structs.replace(said, value=found if is_range else found[0])


def pattern_of(said: SegmentFilter) -> str:
    """A regular expression that ClickHouse takes (RE2), whatever the case."""
    text = text_of(said)
    if len(text) > MAX_PATTERN:
        raise ValueError(f"A pattern has at most {MAX_PATTERN} characters.")
    try:
        re2.compile(f"(?i){text}", _quiet)  # type: ignore[no-untyped-call]
    except re2.error as error:
        raise ValueError(f"This is no regular expression: {_text_of(error)[:100]}.") from None
    return f"(?i){text}"


def _text_of(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _text(value: Scalar) -> str:
    text = clean(scalar_as_text(value))
    if not text:
        raise ValueError(NEEDED)
    if len(text) > max(MAX_LENGTH, MAX_PATTERN):
        raise ValueError(f"A value has at most {MAX_LENGTH} characters.")
    return text


def _number(text: str) -> float:
    try:
        return read_number(text)
    except ValueError:
        raise ValueError("The value must be a number.") from None


def _id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise ValueError("The value must be an id.")
    return int(text)
