"""Pages of the live feed, and what counts of minutes say together."""

from __future__ import annotations

import pytest

from services.common.envelope import ApiError
from services.common.live_feed import LiveEntry
from services.common.live_hit import LiveHit
from services.contacts.stats.live_page import BEGIN, FIRST_HITS, LiveQuery, live_page, read_live_query, shown
from services.contacts.stats.overview import hit_counts, identified_share, last_minutes, read_minutes

ALL = LiveQuery("", 100, "", "", "")


def hit(number: int, *, host: str = "shop.example", verdict: str = "stored", reason: str = "") -> LiveEntry:
    return LiveEntry(f"{number}-0", LiveHit(number, verdict, reason, "event", host=host), 0)


def ids(page: dict[str, object]) -> list[int]:
    hits = page["hits"]
    assert isinstance(hits, list)
    return [int(one["id"].partition("-")[0]) for one in hits]


def test_the_first_page_has_the_newest_of_those_that_are_wanted_and_ends_with_all() -> None:
    entries = [hit(number, host="a" if number % 2 else "b") for number in range(300)]
    page = live_page(ALL._replace(host="a"), [*entries, LiveEntry("300-0", None, 9)])
    assert ids(page) == list(range(201, 300, 2))
    assert len(ids(page)) == FIRST_HITS
    assert (page["after"], page["skipped"]) == ("300-0", 0), "what was skipped before is not of this look"
    assert ids(live_page(ALL._replace(limit=2), entries)) == [298, 299]


def test_a_later_page_ends_where_it_is_full_and_else_with_what_was_looked_at() -> None:
    entries = [hit(1), LiveEntry("2-0", None, 5), hit(3), hit(4, verdict="dropped", reason="bot"), hit(5)]
    asked = ALL._replace(after="0-0", limit=2)
    page = live_page(asked, entries)
    assert (ids(page), page["after"], page["skipped"]) == ([1, 3], "3-0", 5)
    bots = live_page(asked._replace(reason="bot"), entries)
    assert (ids(bots), bots["after"], bots["skipped"]) == ([4], "5-0", 5)


def test_where_there_is_nothing_the_next_look_goes_on_at_the_same_place() -> None:
    assert live_page(ALL, [])["after"] == BEGIN
    assert live_page(ALL._replace(after="7-1"), [])["after"] == "7-1"


def test_a_host_stands_for_those_below_it_and_no_other() -> None:
    entries = [
        hit(number, host=host) for number, host in enumerate(("shop.example", "www.shop.example", "myshop.example"))
    ]
    assert ids(live_page(ALL._replace(host="shop.example"), entries)) == [0, 1]


def test_a_drop_shows_no_contact_and_a_time_to_the_millisecond() -> None:
    told = shown("1-0", LiveHit(1_769_860_800_250, "dropped", "dnt", "event"))
    assert (told["time"], told["contact"], told["isIdentified"]) == ("2026-01-31T12:00:00.250+00:00", None, None)


def test_a_query_is_read_and_bounded() -> None:
    assert read_live_query({}) == ALL
    said = {"after": "5", "limit": "0", "host": " Shop.Example ", "verdict": "dropped", "reason": "dnt"}
    assert read_live_query(said) == LiveQuery("5", 1_000, "shop.example", "dropped", "dnt")
    for bad in ({"after": "5-"}, {"after": "٣"}, {"verdict": "x"}, {"limit": "x"}, {"reason": ["a"]}):
        with pytest.raises(ApiError):
            read_live_query(bad)


def test_counts_are_told_by_minute_and_by_reason_the_most_first() -> None:
    counted = [{"accepted": 5, "dropped:dnt": 1, "refused:bad_request": 2}, {}, {"stored": 4, "dropped:dnt": 1,
                "dropped:bot": 3}]  # fmt: skip
    told = hit_counts(last_minutes(180.0, 3), counted)
    assert [tuple(one.values()) for one in told.minutes] == [
        ("1970-01-01T00:01:00+00:00", 5, 0, 1), ("1970-01-01T00:02:00+00:00", 0, 0, 0),
        ("1970-01-01T00:03:00+00:00", 0, 4, 4),
    ]  # fmt: skip
    assert list(told.drops.items()) == [("bot", 3), ("dnt", 2)]
    assert told.refusals == {"bad_request": 2}


def test_a_share_of_nobody_is_nothing() -> None:
    assert (identified_share(0, 0), identified_share(3, 1), identified_share(0, 7)) == (0.0, 0.25, 1.0)


def test_minutes_are_some_of_a_day() -> None:
    assert [read_minutes({"minutes": said}) for said in ("", "1", "1440")] == [60, 1, 1_440]
    for bad in ("0", "1441", "-1", "x"):
        with pytest.raises(ApiError):
            read_minutes({"minutes": bad})
