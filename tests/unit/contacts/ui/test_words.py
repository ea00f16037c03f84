"""How pages say times, numbers and names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.contacts.ui.words import ago, count, hue, initials, is_web, size, when

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("2026-01-31T12:00:00+00:00", "just now"),
        ("2026-01-31T11:59:20Z", "40 s ago"),
        ("2026-01-31 11:30:00", "30 min ago"),
        ("2026-01-31T10:00:00+02:00", "4 h ago"),
        ("2026-01-28T12:00:00", "3 d ago"),
        ("2025-11-05T12:00:00", "5 Nov 2025"),
        ("2026-01-31T14:00:00Z", "in 2 h"),
        (NOW.timestamp() - 60, "1 min ago"),
        ((NOW - timedelta(minutes=2)).timestamp() * 1_000, "2 min ago"),
        (None, "—"),
        ("", "—"),
        (0, "—"),
        ("soon", "—"),
        ("0001-01-01T00:00:00+14:00", "—"),
        ("9999-12-31T23:59:59-14:00", "—"),
        (1e300, "—"),
    ],
)
def test_how_long_ago_is_said_in_one_unit(said: object, text: str) -> None:
    assert ago(said, NOW) == text


def test_a_time_is_said_in_utc() -> None:
    assert when("2026-01-31T10:00:00+02:00") == "2026-01-31 08:00:00"
    assert when(None) == "—"


def test_numbers_names_and_colors() -> None:
    assert (count(1234567), count(None)) == ("1,234,567", "0")
    assert (initials("Ada Lovelace"), initials("ada"), initials("+49 30"), initials("")) == ("AL", "AD", "30", "?")
    assert hue("Ada") == hue("Ada") and 0 <= hue("Ada") < 12


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", " https://x", "//x", "", None, "app://x"])
def test_a_link_leads_to_the_web_or_nowhere(url: str | None) -> None:
    assert not is_web(url)
    assert is_web("https://x") and is_web("HTTP://x")


@pytest.mark.parametrize(
    ("told", "text"),
    [(None, "0 bytes"), (812, "812 bytes"), (4_200, "4.1 KB"), (1_023_999, "1.0 MB"), (24 << 20, "24 MB"),
     (3 << 30, "3.0 GB"), (5 << 40, "5120 GB")],
)  # fmt: skip
def test_sizes_are_read_at_a_glance(told: int | None, text: str) -> None:
    assert size(told) == text
