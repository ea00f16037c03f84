"""Times as clients write them, on a Wednesday in January."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.field_values import read_time
from services.common.written_times import read_clock, read_written

NOW = datetime(2026, 1, 28, 15, 4, 5, 6, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)).map(lambda one: one.replace(microsecond=0))

OF_THE_CALENDAR = [
    ("2026-01-31", "2026-01-31", "day"),
    ("20260131", "2026-01-31", "day"),
    ("2026-1-5", "2026-01-05", "day"),
    ("2026/01/31", "2026-01-31", "day"),
    ("2026-01-31 10:00", "2026-01-31 10:00", "minute"),
    ("2026-01-31 9:05:07", "2026-01-31 09:05:07", "second"),
    ("2026-01-31T10:00:00Z", "2026-01-31 10:00", "second"),
    ("2026-01-31T10:00:00.250Z", "2026-01-31 10:00:00.250", "second"),
    ("2026-01-31T10:00:00+02:00", "2026-01-31 08:00", "second"),
    ("2026-01-31 10:00:00 +0200", "2026-01-31 08:00", "second"),
    ("31-01-2026 10:00", "2026-01-31 10:00", "minute"),
    ("31.01.2026", "2026-01-31", "day"),
    ("1.2.2026", "2026-02-01", "day"),
    ("01-02-2026", "2026-02-01", "day"),
    ("01/02/2026", "2026-01-02", "day"),
    ("01/31/2026", "2026-01-31", "day"),
    ("1/31/2026, 12:05:00 AM", "2026-01-31 00:05", "second"),
    ("1/31/2026 12pm", "2026-01-31 12:00", "minute"),
    ("31 January 2026", "2026-01-31", "day"),
    ("31-Jan-2026", "2026-01-31", "day"),
    ("1st Feb 2026", "2026-02-01", "day"),
    ("Jan 31, 2026", "2026-01-31", "day"),
    ("JANUARY 31st 2026 10:00 p.m.", "2026-01-31 22:00", "minute"),
    ("Sept. 5, 2026", "2026-09-05", "day"),
    ("Sat, 31 Jan 2026 10:00:00 +0000", "2026-01-31 10:00", "second"),
    ("Sat, 31 Jan 2026 10:00:00 GMT", "2026-01-31 10:00", "second"),
    ("Sat Jan 31 2026 10:00:00 GMT-0130", "2026-01-31 11:30", "second"),
    ("@1767225600", "2026-01-01", "second"),
    ("@-1", "1969-12-31 23:59:59", "second"),
    ("2026-01-31 +1 day", "2026-02-01", "day"),
]
FROM_NOW_ON = [
    ("now", "2026-01-28 15:04:05.000006", "second"),
    ("Today", "2026-01-28", "day"),
    ("midnight", "2026-01-28", "day"),
    ("yesterday", "2026-01-27", "day"),
    ("tomorrow 9:30am", "2026-01-29 09:30", "minute"),
    ("tomorrow +2 hours", "2026-01-29 02:00", "second"),
    ("+1 week", "2026-02-04 15:04:05.000006", "day"),
    ("-3 days", "2026-01-25 15:04:05.000006", "day"),
    ("- 3 days", "2026-01-25 15:04:05.000006", "day"),
    ("90 minutes ago", "2026-01-28 13:34:05.000006", "second"),
    ("1 week 2 days ago", "2026-01-19 15:04:05.000006", "day"),
    ("+1 month -1 day", "2026-02-27 15:04:05.000006", "day"),
    ("next month", "2026-02-28 15:04:05.000006", "day"),
    ("last year", "2025-01-28 15:04:05.000006", "day"),
    ("first day of next month", "2026-02-01 15:04:05.000006", "day"),
    ("last day of this month 10:00", "2026-01-31 10:00", "minute"),
    ("next monday", "2026-02-02", "day"),
    ("monday 8:00", "2026-02-02 08:00", "minute"),
    ("last Monday", "2026-01-26", "day"),
    ("wednesday", "2026-01-28", "day"),
    ("next wednesday", "2026-02-04", "day"),
    ("last wed", "2026-01-21", "day"),
]
UNREADABLE = [
    "", "soon", "31/01/2026", "2026-02-30", "2026-01-31 25:00", "2026-01-31 13:00 pm", "31.01.26", "1/31/26", "2026",
    "1767225600", "10:11", "January 2026", "31 January", "Sun, 31 Jan 2026", "monday next week",
    "first day of next month +1 day",
    "2026-01-15 days", "+1", "week", "+99999 years", "@999999999999", "now 10:00", "tomorrow" * 9, "٣١.٠١.٢٠٢٦",
]  # fmt: skip


@pytest.mark.parametrize(("text", "time", "unit"), OF_THE_CALENDAR + FROM_NOW_ON)
def test_a_time_is_read_as_it_was_written(text: str, time: str, unit: str) -> None:
    assert read_written(text, NOW) == (datetime.fromisoformat(time).replace(tzinfo=UTC), unit)


@pytest.mark.parametrize("text", [text for text, _, _ in FROM_NOW_ON])
def test_without_now_nothing_is_from_now_on(text: str) -> None:
    with pytest.raises(ValueError, match="no date"):
        read_written(text)
    with pytest.raises(ValueError, match="not valid"):
        read_time(text)
    assert read_time(text, now_us=NOW_US) == read_written(text, NOW.replace(microsecond=0)).time


@pytest.mark.parametrize("text", [text for text, _, _ in OF_THE_CALENDAR])
def test_times_of_the_calendar_need_no_now(text: str) -> None:
    assert read_written(text) == read_written(text, NOW)


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_not_clear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no date"):
        read_written(text, NOW)


@given(
    TIMES,
    st.sampled_from(
        ["%Y/%m/%d", "%d-%m-%Y", "%d.%m.%Y", "%m/%d/%Y", "%d %B %Y", "%B %d, %Y", "%b %d %Y", "%a, %d %b %Y"]
    ),
    st.sampled_from([" %H:%M:%S", " %I:%M:%S %p", ", %I:%M:%S%p", " %H:%M:%S +0000", " %H:%M:%S UTC"]),
)  # fmt: skip
def test_what_is_written_in_any_form_is_read_back(time: datetime, day: str, clock: str) -> None:
    assert read_written(time.strftime(day + clock)) == (time.replace(tzinfo=UTC), "second")
    assert read_written(time.strftime(day)).time.date() == time.date()


@given(TIMES)
def test_seconds_since_1970_are_read_back(time: datetime) -> None:
    moment = time.replace(tzinfo=UTC)
    assert read_time(f"@{int(moment.timestamp())}") == moment


@given(st.text() | st.from_regex(r"[a-z0-9 :+/.,-]{0,60}", fullmatch=True) | st.lists(
    st.sampled_from("next last of day first week month 1 2026 31 + - ago jan mon : 10:00 am @ / . , days".split())
).map(" ".join))  # fmt: skip
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        read_written(text, NOW)
    except ValueError as error:
        assert str(error) == "This is no date and no time."  # noqa: PT017 - any other would be a surprise


@pytest.mark.parametrize(
    ("text", "time"), [("10:11", "10:11"), ("9:05", "09:05"), ("9:05:07 PM", "21:05:07"), ("12 am", "00:00")]
)
def test_a_time_of_day_is_read(text: str, time: str) -> None:
    assert read_clock(text) == datetime.strptime(time, "%H:%M:%S" if time.count(":") == 2 else "%H:%M").time()


@pytest.mark.parametrize("text", ["", "10", "24:00", "13 pm", "10:60", "noon"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no date|must be in"):
        read_clock(text)
