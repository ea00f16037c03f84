"""Dates as the filters of segments name them: of the calendar, or relative to now. Pure; all in UTC.

2024-01-05, 2024-01-05 10:30          that day, that minute
today, yesterday, last week           the day, the week from Monday on, the month, the year
+1 day, -2 weeks, 3 days ago          that day; with hours or minutes that moment
first day of next month               also last day, and of a year
birthday, anniversary -2 days         the same day of every year
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.common.field_values import read_time

_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_SHIFTS = {"last": -1, "previous": -1, "this": 0, "next": 1}
_EACH_YEAR = re.compile(r"(?:birthday|anniversary)(?:\s*(?P<number>[+-]\s*[0-9]{1,3})\s+days?)?", re.ASCII)
_WHOLE = re.compile(r"(?P<shift>this|last|next)\s+(?P<unit>week|month|year)")
_EDGE = re.compile(r"(?P<edge>first|last) day of (?P<shift>this|last|previous|next) (?P<unit>month|year)")
_RELATIVE = re.compile(
    r"(?P<number>[+-]?\s*[0-9]{1,5})\s+(?P<unit>minute|hour|day|week|month|year)s?(?P<ago>\s+ago)?", re.ASCII
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?P<minute>[ T][0-9]{2}:[0-9]{2})?(?P<second>:[0-9]{2})?", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
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
    years = range(_FIRST_YEAR, _LAST_YEAR)
    if found is None or (isinstance(found, Span) and not (found.start.year in years and found.end.year in years)):
        raise ValueError(WRONG)
    return found


def _read(said: str, now: datetime) -> Span | EachYear | None:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if said in _DAYS:
        return _day(today + timedelta(days=_DAYS[said]))
    if match := _EACH_YEAR.fullmatch(said):
        day = today + timedelta(days=_number(match["number"] or "0"))
        return EachYear(day.month, day.day)
    if match := _WHOLE.fullmatch(said):
        return _whole(match["unit"], _SHIFTS[match["shift"]], today)
    if match := _EDGE.fullmatch(said):
        whole = _whole(match["unit"], _SHIFTS[match["shift"]], today)
        return _day(whole.start if match["edge"] == "first" else whole.end - timedelta(days=1))
    if match := _RELATIVE.fullmatch(said):
        number = _number(match["number"])
        return _relative(-number if match["ago"] else number, match["unit"], now)
    return _of_calendar(said)


def _of_calendar(said: str) -> Span:
    time = read_time(said.upper()).replace(microsecond=0)
    match = _DATE.fullmatch(said)
    if match and not match["minute"]:
        return _day(time)
    return Span(time, time + (timedelta(minutes=1) if match and not match["second"] else timedelta(seconds=1)))


def _relative(number: int, unit: str, now: datetime) -> Span:
    if unit in ("minute", "hour"):
        moment = (now + number * timedelta(**{f"{unit}s": 1})).replace(microsecond=0)
        return Span(moment, moment + timedelta(seconds=1))
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit in ("day", "week"):
        return _day(today + number * timedelta(**{f"{unit}s": 1}))
    return _day(_months_on(today, number * (12 if unit == "year" else 1)))


def _whole(unit: str, shift: int, today: datetime) -> Span:
    if unit == "week":
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=shift)
        return Span(monday, monday + timedelta(weeks=1))
    first, months = (today.replace(day=1), 1) if unit == "month" else (today.replace(month=1, day=1), 12)
    return Span(_months_on(first, shift * months), _months_on(first, (shift + 1) * months))


def _months_on(day: datetime, months: int) -> datetime:
    """The same day of another month, or its last one."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, calendar.monthrange(year, month + 1)[1]))


def _day(start: datetime) -> Span:
    return Span(start, start + timedelta(days=1))


def _number(text: str) -> int:
    return int(re.sub(r"\s", "", text))
