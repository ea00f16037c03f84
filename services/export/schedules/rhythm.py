"""When a schedule is due: daily or weekly, at an hour of a time zone. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec


class Every(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WEEKDAYS = tuple(Weekday)  # in the order of `date.weekday`


class Rhythm(msgspec.Struct, frozen=True):
    every: Every
    hour: int
    weekday: Weekday | None = None  # None for daily
    timezone: str = "UTC"

    def next_due(self, after: float) -> float:
        """The first time after this one, in seconds since 1970. Where clocks skip the hour it is the one that follows,
        and where they repeat it the first of both: once on each day in any case."""
        zone = ZoneInfo(self.timezone)
        day = datetime.fromtimestamp(after, zone).date() - timedelta(days=1)
        while not self._has(day.weekday()) or _moment(day, self.hour, zone) <= after:
            day += timedelta(days=1)
        return _moment(day, self.hour, zone)

    def latest_due(self, due: float, now: float) -> float:
        """Of this time and those that follow, the last one that has come."""
        while (following := self.next_due(due)) <= now:
            due = following
        return due

    def _has(self, weekday: int) -> bool:
        return self.weekday in (None, WEEKDAYS[weekday])


def _moment(day: date, hour: int, zone: ZoneInfo) -> float:
    return datetime.combine(day, time(hour), zone).timestamp()
