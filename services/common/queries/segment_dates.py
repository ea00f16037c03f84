"""Dates as the filters of segments name them: of the calendar, or relative to now. Pure; all in UTC.

2024-01-05, 2024-01-05 10:30          that day, that minute
today, yesterday, last week           the day, the week from Monday on, the month, the year
+1 day, -2 weeks, 3 days ago          that day; with hours or minutes that moment
first day of next month               also last day, and of a year
birthday, anniversary -2 days         the same day of every year
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.common.field_values import FIRST_YEAR
from services.common.written_times import SHIFTS, WrittenTime, months_on, read_written

_EACH_YEAR = re.compile(r"(?:birthday|anniversary)(?:\s*(?P<number>[+-]\s*[0-9]{1,3})\s+days?)?", re.ASCII)
_WHOLE = re.compile(r"(?P<shift>this|last|previous|next)\s+(?P<unit>week|month|year)")
_EDGE = re.compile(r"(?P<edge>first|last) day of (?P<shift>this|last|previous|next) year")
_LAST_YEAR = 2200
WRONG = (
    "This is no date: 2024-01-05, 2024-01-05 10:30:00, today, last week, -3 days, 2 weeks ago, first day of next "
    "month, anniversary, ..."
)


class Span(NamedTuple):
    """From the start on, up to the end and without it."""

    start: datetime
    end: datetime


class EachYear(NamedTuple):
    """This day of every year."""

    month: int
    day: int


def read_date(text: str, now: datetime) -> Span | EachYear:
    """Raises `ValueError`, which says what is wrong."""
    said = text.strip().lower()
    try:
        found = _read(said, now.astimezone(UTC))
    except (OverflowError, ValueError):
        raise ValueError(WRONG) from None
    years = range(FIRST_YEAR, _LAST_YEAR)
    if found is None or (isinstance(found, Span) and not (found.start.year in years and found.end.year in years)):
        raise ValueError(WRONG)
    return found


def whole_days(span: Span) -> Span:
    """All days that it is of."""
    start = _midnight(span.start)
    return Span(start, max(span.end, start + timedelta(days=1)))


def _read(said: str, now: datetime) -> Span | EachYear | None:
    today = _midnight(now)
    if match := _EACH_YEAR.fullmatch(said):
        day = today + timedelta(days=_number(match["number"] or "0"))
        return EachYear(day.month, day.day)
    if match := _WHOLE.fullmatch(said):
        return _whole(match["unit"], SHIFTS[match["shift"]], today)
    if match := _EDGE.fullmatch(said):
        whole = _whole("year", SHIFTS[match["shift"]], today)
        return _day(whole.start if match["edge"] == "first" else whole.end - timedelta(days=1))
    return _span(read_written(said, now))


def _span(written: WrittenTime) -> Span:
    """As long as it was said exactly."""
    time = written.time.replace(microsecond=0)
    match written.unit:
        case "day":
            return _day(_midnight(time))
        case "minute":
            return Span(time, time + timedelta(minutes=1))
    return Span(time, time + timedelta(seconds=1))


def _whole(unit: str, shift: int, today: datetime) -> Span:
    if unit == "week":
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=shift)
        return Span(monday, monday + timedelta(weeks=1))
    first, months = (today.replace(day=1), 1) if unit == "month" else (today.replace(month=1, day=1), 12)
    return Span(months_on(first, shift * months), months_on(first, (shift + 1) * months))


def _midnight(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def _day(start: datetime) -> Span:
    return Span(start, start + timedelta(days=1))


def _number(text: str) -> int:
    return int(re.sub(r"\s", "", text))
