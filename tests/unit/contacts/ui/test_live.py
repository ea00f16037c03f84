"""The chart of the dashboard, and what a check of a site says of its hits."""

from __future__ import annotations

from typing import Any

import pytest

from services.contacts.ui.live.bars import HEIGHT, MOST_BARS, WIDTH, bars
from services.contacts.ui.live.reasons import WORDS, in_words
from services.contacts.ui.live.site_check import State, check, host_of


def minute(number: int, stored: int = 0, dropped: int = 0) -> dict[str, Any]:
    return {"minute": f"2026-01-31T{number // 60 % 24:02}:{number % 60:02}:00+00:00", "stored": stored,
            "dropped": dropped}  # fmt: skip


def test_the_highest_minute_fills_the_chart() -> None:
    drawn = bars([minute(0, 3, 1), minute(1, 0, 0), minute(2, 1, 1)])
    assert [bar.stored + bar.dropped for bar in drawn.bars] == [HEIGHT, 0, HEIGHT / 2]
    assert (drawn.most, drawn.minutes_each) == (4, 1)
    assert drawn.bars[2].label == "00:02 UTC: 1 stored, 1 dropped a minute"


def test_a_day_shares_bars_and_stays_within_the_drawing() -> None:
    drawn = bars([minute(number, 2) for number in range(1_440)])
    assert (len(drawn.bars), drawn.minutes_each, drawn.most) == (MOST_BARS, 12, 2)
    assert drawn.bars[-1].x + drawn.bars[-1].width <= WIDTH
    assert bars([]).bars == []


def hit(**said: Any) -> dict[str, Any]:
    """As identity tells one that it has stored."""
    usual = {"what": "event", "verdict": "stored", "reason": "", "origin": "", "host": "shop.example", "change": "",
             "page": "https://shop.example/", "hasCookie": None, "contact": 7, "type": "page.hit"}  # fmt: skip
    return {**usual, **said}


SCRIPT = hit(what="script", verdict="served", contact=None, type="", origin="https://shop.example")


def states(*hits: dict[str, Any]) -> list[State]:
    return [step.state for step in check(hits)]


def test_nothing_came_and_everything_waits() -> None:
    assert states() == [State.WAITS] * 4


def test_all_is_well() -> None:
    assert states(SCRIPT, hit(change="new"), hit()) == [State.DONE] * 4
    assert check([SCRIPT, hit()])[2].contact == 7


def test_the_script_came_and_no_hit() -> None:
    steps = check([SCRIPT])
    assert [step.state for step in steps] == [State.DONE, *[State.WAITS] * 3]
    assert "pageview" in steps[2].text


def test_a_pixel_needs_no_script() -> None:
    assert states(hit(what="pixel"))[:3] == [State.NOTICE, State.NOTICE, State.DONE]


def test_an_origin_that_is_refused_is_named_with_its_setting() -> None:
    refused = hit(verdict="dropped", reason="origin_refused", origin="https://shop.example", type="")
    steps = check([SCRIPT, refused])
    assert check([SCRIPT, refused, hit()])[1].state is State.WRONG, "the hit came all the same"
    assert steps[1].state is State.WRONG and "https://shop.example" in steps[1].title
    assert "SPOOR_CORS_ORIGINS" in steps[1].text
    assert steps[2].state is State.WAITS, "a hit that was stored all the same is another one"


def test_each_reason_of_a_drop_is_told_once_in_words() -> None:
    steps = check([hit(verdict="dropped", reason="gpc"), hit(verdict="dropped", reason="gpc")])
    assert steps[2].state is State.WRONG
    assert [step.text for step in steps[4:]] == [in_words("gpc")]


def test_a_browser_that_is_a_new_visitor_with_each_page_is_told_after_three() -> None:
    assert states(*[hit(change="new")] * 2)[3] is State.WAITS
    assert states(*[hit(change="new")] * 3)[3] is State.WRONG
    left = hit(change="", type="page.leave")
    assert states(hit(change="new"), left)[3] is State.WAITS, "a page that is left is no second page"


@pytest.mark.parametrize(
    ("said", "host"),
    [("https://Shop.example:8443/x?y", "shop.example"), ("shop.example", "shop.example"), ("http://[::1]:80", "::1"),
     ("", ""), ("  ", ""), ("http://[", ""), ("foo bar", ""), ("<b>", "")],
)  # fmt: skip
def test_the_host_of_what_somebody_typed(said: str, host: str) -> None:
    assert host_of(said) == host


def test_every_reason_of_the_services_has_words() -> None:
    from services.identity.metrics import DROP_REASONS as OF_IDENTITY
    from services.ingest.visitor import DROP_REASONS as OF_INGEST

    assert {*OF_INGEST, *OF_IDENTITY, "origin_refused"} <= set(WORDS)
    assert in_words("out_of_luck") == "Out of luck."
