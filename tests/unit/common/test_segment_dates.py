"""What the dates of segments mean, on a Wednesday."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.queries.segment_dates import EachYear, Span, read_date

NOW = datetime(2024, 2, 28, 15, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("today", "2024-02-28", "2024-02-29"),
        ("Yesterday", "2024-02-27", "2024-02-28"),
        ("tomorrow", "2024-02-29", "2024-03-01"),
        ("this week", "2024-02-26", "2024-03-04"),
        ("last week", "2024-02-19", "2024-02-26"),
        ("next month", "2024-03-01", "2024-04-01"),
        ("last month", "2024-01-01", "2024-02-01"),
        ("this year", "2024-01-01", "2025-01-01"),
        ("+1 day", "2024-02-29", "2024-03-01"),
        ("-2 weeks", "2024-02-14", "2024-02-15"),
        ("3 days ago", "2024-02-25", "2024-02-26"),
        ("-1 year", "2023-02-28", "2023-03-01"),
        ("-12 months", "2023-02-28", "2023-03-01"),
        ("-2 hours", "2024-02-28 13:04:05", "2024-02-28 13:04:06"),
        ("first day of next month", "2024-03-01", "2024-03-02"),
        ("last day of this month", "2024-02-29", "2024-03-01"),
        ("last day of previous year", "2023-12-31", "2024-01-01"),
        ("2024-01-05", "2024-01-05", "2024-01-06"),
        ("2024-01-05 10:30", "2024-01-05 10:30", "2024-01-05 10:31"),
        ("2024-01-05T10:30:10", "2024-01-05 10:30:10", "2024-01-05 10:30:11"),
        ("previous week", "2024-02-19", "2024-02-26"),
        ("next monday", "2024-03-04", "2024-03-05"),
        ("31.01.2024", "2024-01-31", "2024-02-01"),
        ("01/31/2024", "2024-01-31", "2024-02-01"),
        ("31 January 2024 10:30", "2024-01-31 10:30", "2024-01-31 10:31"),
        ("1960-01-31", "1960-01-31", "1960-02-01"),
        ("2024-01-05T10:30:10+02:00", "2024-01-05 08:30:10", "2024-01-05 08:30:11"),
    ],
)
def test_a_date_is_a_span(text: str, start: str, end: str) -> None:
    expected = Span(*(datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end)))
    assert read_date(text, NOW) == expected


def test_a_day_of_every_year() -> None:
    assert read_date("birthday", NOW) == EachYear(2, 28)
    assert read_date("anniversary +2 days", NOW) == EachYear(3, 1)
    assert read_date("anniversary -28 days", NOW) == EachYear(1, 31)


def test_the_same_day_of_a_shorter_month_is_its_last_one() -> None:
    assert read_date("+1 month", NOW.replace(month=1, day=31)) == read_date("2024-02-29", NOW)


@pytest.mark.parametrize("text", ["", "soon", "99999 years ago", "2024-13-01", "1860-01-01", "1 day; DROP", "+ day"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no date"):
        read_date(text, NOW)


@given(st.text() | st.from_regex(r"[+-]?[0-9]{1,9} (day|month|year)s?( ago)?", fullmatch=True))
def test_any_text_is_a_date_or_refused(text: str) -> None:
    try:
        found = read_date(text, NOW)
    except ValueError:
        return
    assert isinstance(found, EachYear) or found.start < found.end
