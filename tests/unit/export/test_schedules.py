"""When schedules are due, and what they may be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.envelope import ApiError
from services.common.field_values import TIMEZONES
from services.export.schedules.draft import Draft, read_draft
from services.export.schedules.rhythm import WEEKDAYS, Every, Rhythm, Weekday
from services.export.schedules.schedule import Schedule

DAILY = {"name": "x", "every": "daily", "hour": 6, "export": {}}
BERLIN = "Europe/Berlin"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("rhythm", "after", "due"),
    [
        (Rhythm(Every.DAILY, 6), "2026-01-31 05:59:59", "2026-01-31 06:00"),
        (Rhythm(Every.DAILY, 6), "2026-01-31 06:00", "2026-02-01 06:00"),
        (Rhythm(Every.DAILY, 0), "2026-12-31 12:00", "2027-01-01 00:00"),
        (Rhythm(Every.DAILY, 6, None, BERLIN), "2026-01-31 00:00", "2026-01-31 05:00"),
        (Rhythm(Every.DAILY, 6, None, BERLIN), "2026-07-31 00:00", "2026-07-31 04:00"),
        (Rhythm(Every.DAILY, 1, None, "Pacific/Kiritimati"), "2026-01-31 00:00", "2026-01-31 11:00"),
        (Rhythm(Every.WEEKLY, 6, Weekday.MONDAY), "2026-01-31 00:00", "2026-02-02 06:00"),
        (Rhythm(Every.WEEKLY, 6, Weekday.MONDAY), "2026-02-02 06:00", "2026-02-09 06:00"),
        (Rhythm(Every.WEEKLY, 0, Weekday.SUNDAY, BERLIN), "2026-01-31 22:59", "2026-01-31 23:00"),
        # On March 29th there is no 2 o'clock, on October 25th there are two.
        (Rhythm(Every.DAILY, 2, None, BERLIN), "2026-03-29 00:00", "2026-03-29 01:00"),
        (Rhythm(Every.DAILY, 2, None, BERLIN), "2026-03-29 01:00", "2026-03-30 00:00"),
        (Rhythm(Every.DAILY, 2, None, BERLIN), "2026-10-24 12:00", "2026-10-25 00:00"),
        (Rhythm(Every.DAILY, 2, None, BERLIN), "2026-10-25 00:00", "2026-10-26 01:00"),
    ],
)
def test_the_next_time_is_the_first_that_fits(rhythm: Rhythm, after: str, due: str) -> None:
    assert rhythm.next_due(at(after)) == at(due)


def test_of_several_times_the_last_one_that_has_come_counts() -> None:
    rhythm = Rhythm(Every.WEEKLY, 6, Weekday.MONDAY)
    due = at("2026-01-05 06:00")
    for now, latest in (
        ("2026-01-05 06:00", "2026-01-05 06:00"),
        ("2026-01-12 05:59", "2026-01-05 06:00"),
        ("2026-01-12 06:00", "2026-01-12 06:00"),
        ("2026-03-30 07:00", "2026-03-30 06:00"),
    ):
        assert rhythm.latest_due(due, at(now)) == at(latest)


@given(
    st.sampled_from([None, *WEEKDAYS]),
    st.integers(0, 23),
    st.sampled_from(sorted(TIMEZONES)),
    st.floats(at("2020-01-01"), at("2035-01-01")),
)
def test_every_time_is_after_the_one_before_and_on_a_day_of_its_own(
    weekday: Weekday | None, hour: int, timezone: str, after: float
) -> None:
    rhythm = Rhythm(Every.WEEKLY if weekday else Every.DAILY, hour, weekday, timezone)
    first = rhythm.next_due(after)
    second = rhythm.next_due(first)
    assert after < first < second
    days = [datetime.fromtimestamp(due, ZoneInfo(timezone)).date() for due in (first, second)]
    assert days[1] - days[0] == timedelta(days=7 if weekday else 1)
    assert weekday is None or WEEKDAYS[days[0].weekday()] is weekday


def test_a_schedule_says_what_it_is() -> None:
    weekly = {
        "name": " w ",
        "every": "weekly",
        "hour": 0,
        "weekday": "sunday",
        "timezone": BERLIN,
        "export": {"of": "events"},
    }
    rhythm = Rhythm(Every.WEEKLY, 0, Weekday.SUNDAY, BERLIN)
    assert read_draft(weekly) == Draft("w", rhythm, {"of": "events"}, False)
    assert read_draft(DAILY) == Draft("x", Rhythm(Every.DAILY, 6), {}, False)
    assert read_draft({**DAILY, "name": "a\r\nb\0 c"}).name == "a b c"


def test_what_a_change_leaves_out_stays() -> None:
    rhythm = Rhythm(Every.WEEKLY, 3, Weekday.FRIDAY, BERLIN)
    known = Schedule("0" * 32, 1.0, 7, "ada", "x", rhythm, {"of": "events"}, 2.0)
    assert read_draft({}, known) == Draft("x", rhythm, {"of": "events"}, False)
    assert read_draft({"paused": True, "hour": 4}, known) == Draft(
        "x", Rhythm(Every.WEEKLY, 4, Weekday.FRIDAY, BERLIN), {"of": "events"}, True
    )
    assert read_draft({"every": "daily"}, known).rhythm == Rhythm(Every.DAILY, 3, None, BERLIN)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"name": ""}, "name"),
        ({"name": "\0 \r\n"}, "name"),
        ({"name": "x" * 192}, "name"),
        ({"name": 7}, "name"),
        ({"every": "hourly"}, "every"),
        ({"every": None}, "every"),
        ({"hour": 24}, "hour"),
        ({"hour": -1}, "hour"),
        ({"hour": "6"}, "hour"),
        ({"hour": True}, "hour"),
        ({"every": "weekly"}, "weekday"),
        ({"every": "weekly", "weekday": "someday"}, "weekday"),
        ({"weekday": "monday"}, "weekday"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": None}, "timezone"),
        ({"paused": "yes"}, "paused"),
        ({"export": []}, "export"),
        ({"export": {"format": "pdf"}}, "format"),
        ({"export": {"of": "events", "since": "whenever"}}, "since"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_by_the_name_of_what_is_wrong(said: dict[str, Any], name: str) -> None:
    with pytest.raises(ApiError) as error:
        read_draft({**DAILY, **said})
    assert error.value.status == 400 and error.value.details is not None and set(error.value.details) == {name}
