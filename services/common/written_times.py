"""Times as people and programs write them: what PHP's strtotime reads, if it can mean one thing only. Pure; in UTC.

2026-01-31T10:00:00+02:00, 2026/1/31    ISO 8601, or its order of day, month and year
31-01-2026, 31.01.2026, 01/31/2026      of Europe; of America, with slashes
31 January 2026, Jan 31, 2026 10:00 am  also as mails have them: Sat, 31 Jan 2026 10:00:00 +0000
now, today, yesterday 10:00, tomorrow   next monday, last friday; monday is today, if today is one
+1 week, -3 days, 2 hours ago           also next month; and after a day: tomorrow +2 hours
first day of next month                 also last day
@1767225600                             seconds since 1970
"""

from __future__ import annotations

import calendar
import functools
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import NamedTuple

MAX_LENGTH = 60
NO_TIME = "This is no date and no time."
SHIFTS = {"last": -1, "previous": -1, "this": 0, "next": 1}

_DAYS = {"yesterday": -1, "today": 0, "midnight": 0, "tomorrow": 1}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SECONDS = {"sec": 1, "second": 1, "min": 60, "minute": 60, "hour": 3_600}
_WHOLE_DAYS = {"day": 1, "week": 7, "fortnight": 14}
_WHOLE_MONTHS = {"month": 1, "year": 12}

_WEEKDAY = r"mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?"
_MONTH = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR, _DAY, _NUMBER = r"(?P<year>[0-9]{4})", r"(?P<day>[0-9]{1,2})", r"(?P<month>[0-9]{1,2})"
_CALENDAR = [
    re.compile(rf"(?:(?P<weekday>{_WEEKDAY})[,.]? )?{form}")
    for form in (
        rf"{_YEAR}(?P<mark>[-/]){_NUMBER}(?P=mark){_DAY}",
        rf"{_DAY}(?P<mark>[-.]){_NUMBER}(?P=mark){_YEAR}",
        rf"{_NUMBER}/{_DAY}/{_YEAR}",
        rf"{_DAY}(?:st|nd|rd|th)?[ -]?{_MONTH}[ -]?,? ?{_YEAR}",
        rf"{_MONTH}[ -]?{_DAY}(?:st|nd|rd|th)?(?:, ?| |-){_YEAR}",
    )
]
_CLOCK = (
    r"(?P<hour>[0-9]{1,2})(?=:| ?[ap]\.?m)(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?"
)
_ZONE = r" ?(?:z|utc|gmt)? ?(?:(?P<sign>[+-])(?P<zone_hours>[0-9]{2}):?(?P<zone_minutes>[0-9]{2}))?"
_AT_A_CLOCK = re.compile(rf"(?P<of>.*?)(?:,? |t(?=[0-9])){_CLOCK}{_ZONE}")
_ONLY_CLOCK = re.compile(_CLOCK)
_UNITS = "|".join(sorted({**_SECONDS, **_WHOLE_DAYS, **_WHOLE_MONTHS}, key=len, reverse=True))  # minute before min
_STEP = re.compile(
    rf"(?:(?P<number>[+-]? ?[0-9]{{1,5}}) ?|(?<!of )(?P<shift>{'|'.join(SHIFTS)}) )(?P<unit>{_UNITS})s?(?P<ago> ago)?"
)
_STEPS = re.compile(rf"(?P<of>.*?)(?P<steps>(?:(?:^| |(?=[+-])){re.sub(r'[?]P<[a-z]+>', '?:', _STEP.pattern)})*)")
_OF_WEEK = re.compile(rf"(?:(?P<shift>{'|'.join(SHIFTS)}) )?(?P<weekday>{_WEEKDAY})")
_EDGE = re.compile(rf"(?P<edge>first|last) day of (?P<shift>{'|'.join(SHIFTS)}) month")
_ISO = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?P<clock>[t ][0-9]{2}(?::?[0-9]{2}(?P<second>:?[0-9]{2})?)?)?")
_EPOCH = re.compile(r"@(?P<seconds>-?[0-9]{1,11})(?:\.[0-9]{1,9})?")


class WrittenTime(NamedTuple):
    """`unit` is how exactly it was said: to the day, the minute or the second."""

    time: datetime
    unit: str


def read_written(text: str, now: datetime | None = None) -> WrittenTime:
    """Without `now` times of the calendar alone are read. Raises `ValueError`."""
    said = " ".join(text.lower().split())
    try:
        if len(said) <= MAX_LENGTH and (found := _iso(said) or _epoch(said) or _stepped(said, now)):
            return found
    except (OverflowError, ValueError):
        pass
    raise ValueError(NO_TIME)


def read_clock(text: str) -> time:
    """A time of day. Raises `ValueError`."""
    match = _ONLY_CLOCK.fullmatch(" ".join(text.lower().split()))
    if not match:
        raise ValueError(NO_TIME)
    return _clock(match)


def months_on(day: datetime, months: int) -> datetime:
    """The same day of another month, or its last one."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, calendar.monthrange(year, month + 1)[1]))


def _iso(said: str) -> WrittenTime | None:
    try:
        time = datetime.fromisoformat(said.upper())
    except ValueError:
        return None
    match = _ISO.match(said)
    unit = "second" if not match or match["second"] else "minute" if match["clock"] else "day"
    return WrittenTime(time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC), unit)


def _epoch(said: str) -> WrittenTime | None:
    match = _EPOCH.fullmatch(said)
    return WrittenTime(datetime.fromtimestamp(int(match["seconds"]), UTC), "second") if match else None


def _stepped(said: str, now: datetime | None) -> WrittenTime | None:
    match = _STEPS.fullmatch(said)
    if not match:
        return None
    steps, day = _steps(match["steps"]), match["of"]
    if not steps:
        return _at_a_clock(day, now)
    if _OF_WEEK.match(day) or _EDGE.match(day):  # PHP takes the steps first, and from there the day
        return None
    found = _at_a_clock(day, now) if day else WrittenTime(now, "day") if now else None
    return functools.reduce(_step, steps, found) if found else None


def _steps(said: str) -> list[tuple[int, str]]:
    """`ago` turns all that is before it."""
    steps: list[tuple[int, str]] = []
    for one in _STEP.finditer(said):
        number = SHIFTS[one["shift"]] if one["shift"] else int(one["number"].replace(" ", ""))
        steps.append((number, one["unit"]))
        if one["ago"]:
            steps = [(-number, unit) for number, unit in steps]
    return steps


def _step(found: WrittenTime, step: tuple[int, str]) -> WrittenTime:
    number, unit = step
    if unit in _SECONDS:
        return WrittenTime(found.time + timedelta(seconds=number * _SECONDS[unit]), "second")
    if unit in _WHOLE_DAYS:
        return WrittenTime(found.time + timedelta(days=number * _WHOLE_DAYS[unit]), found.unit)
    return WrittenTime(months_on(found.time, number * _WHOLE_MONTHS[unit]), found.unit)


def _at_a_clock(said: str, now: datetime | None) -> WrittenTime | None:
    if said == "now":
        return WrittenTime(now, "second") if now else None
    if day := _day(said, now):
        return WrittenTime(day, "day")
    match = _AT_A_CLOCK.fullmatch(said)
    day = _day(match["of"], now) if match else None
    if not match or not day:
        return None
    zone = timedelta(hours=int(match["zone_hours"] or 0), minutes=int(match["zone_minutes"] or 0))
    there = timezone(-zone if match["sign"] == "-" else zone)
    moment = datetime.combine(day, _clock(match), there).astimezone(UTC)
    return WrittenTime(moment, "second" if match["second"] else "minute")


def _clock(said: re.Match[str]) -> time:
    hour = int(said["hour"])
    if said["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(NO_TIME)
        hour = hour % 12 + (12 if said["half"] == "p" else 0)
    return time(hour, int(said["minute"] or 0), int(said["second"] or 0))


def _day(said: str, now: datetime | None) -> datetime | None:
    for form in _CALENDAR:
        if match := form.fullmatch(said):
            return _of_calendar(match.groupdict())
    return _of_now(said, now) if now else None


def _of_calendar(said: dict[str, str | None]) -> datetime:
    name = said.get("name")
    month = _MONTHS.index(name[:3]) + 1 if name else int(said["month"] or 0)
    found = date(int(said["year"] or 0), month, int(said["day"] or 0))
    if (weekday := said["weekday"]) and _WEEKDAYS.index(weekday[:3]) != found.weekday():
        raise ValueError(NO_TIME)
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def _of_now(said: str, now: datetime) -> datetime | None:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if said in _DAYS:
        return today + timedelta(days=_DAYS[said])
    if match := _EDGE.fullmatch(said):
        first = months_on(now.replace(day=1), SHIFTS[match["shift"]])
        return first if match["edge"] == "first" else months_on(first, 1) - timedelta(days=1)
    if match := _OF_WEEK.fullmatch(said):
        ahead = (_WEEKDAYS.index(match["weekday"][:3]) - today.weekday()) % 7
        shift = SHIFTS[match["shift"] or "this"]
        return today + timedelta(days=ahead - 7 if shift < 0 else ahead or 7 * shift)
    return None
