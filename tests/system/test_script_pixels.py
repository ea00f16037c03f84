"""Google Analytics and Facebook's pixel as the tracking script starts and calls them; their libraries are stand-ins."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from services.common.settings import Settings
from tests.system.conftest import Visit
from tests.system.tracker import Tracker, wait

ANALYTICS, FACEBOOK = "G-ABC123", "1234567890"
PRIVATE = "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true});"
OWN_GTAG = "window.lines = []; window.gtag = function () { lines.push(arguments); };"
OWN_FBQ = "window.lines = []; window.fbq = function () { lines.push(arguments); };"


@pytest.fixture(autouse=True)
def both_are_configured(tracker: Tracker) -> None:
    tracker.settings = Settings(
        google_analytics_id=ANALYTICS,
        google_analytics_url=f"{tracker.url}/gtag.js",
        google_analytics_anonymize_ip=True,
        facebook_pixel_id=FACEBOOK,
        facebook_pixel_url=f"{tracker.url}/fbevents.js",
    )


def told(page: Page, name: str) -> list[list[Any]]:
    """What a stand-in was called with, without the time of its start."""
    calls: list[list[Any]] = page.evaluate(f"{name}.map(function (call) {{ return Array.from(call); }})")
    return [call for call in calls if call[0] != "js"]


def test_analytics_knows_the_contact_once_it_is_known(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview'); mt('send', 'pageview');")
    wait(page, "seen.length == 2 && window.analytics && analytics.length == 3")
    assert told(page, "analytics") == [
        ["config", ANALYTICS, {"anonymize_ip": True}],
        ["set", {"user_id": "42"}],
    ]
    page.reload()
    wait(page, "seen.length == 2 && window.analytics")
    assert told(page, "analytics") == [["config", ANALYTICS, {"anonymize_ip": True, "user_id": "42"}]]


def test_facebook_is_given_what_the_page_says_and_nothing_else(visit: Visit, tracker: Tracker) -> None:
    given = "{email: 'a@example.com', firstname: 'Ada', mobile: '1', city: 'Rome', company: 'C', page_title: 'T'}"
    page = visit(f"mt('send', 'pageview', {given}); mt('send', 'pageview', {{lastname: 'Late'}});")
    wait(page, "seen.length == 2 && window.facebook")
    matching = {"em": "a@example.com", "fn": "Ada", "ph": "1", "ct": "Rome"}
    assert told(page, "facebook") == [["init", FACEBOOK, matching], ["track", "PageView"]]


def test_functions_of_the_page_are_used_where_it_has_them(visit: Visit, tracker: Tracker) -> None:
    page = visit(f"{OWN_GTAG}{OWN_FBQ}mt('send', 'pageview', {{state: 'Lazio', zipcode: '00100', phone: '2'}});")
    wait(page, "seen.length == 1")
    assert told(page, "lines") == [
        ["config", ANALYTICS, {"anonymize_ip": True}],
        ["init", FACEBOOK, {"st": "Lazio", "zp": "00100", "ph": "2"}],
        ["trackSingle", FACEBOOK, "PageView"],
        ["set", {"user_id": "42"}],
    ]
    assert page.evaluate("[typeof window.analytics, typeof window.facebook]") == ["undefined", "undefined"]


def test_page_view_that_the_page_tells_analytics_itself_is_not_told_twice(visit: Visit, tracker: Tracker) -> None:
    own = "window.dataLayer = []; window.gtag = function () { dataLayer.push(arguments); };"
    page = visit(f"{own} gtag('config', '{ANALYTICS}'); mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    assert told(page, "dataLayer") == [
        ["config", ANALYTICS],
        ["set", {"anonymize_ip": True}],
        ["set", {"user_id": "42"}],
    ]


def test_events_of_an_answer_are_told_once(visit: Visit, tracker: Tracker) -> None:
    tracker.events = (
        '{"google_analytics":[{"category":"C","action":"A","label":"L"},{"category":"D","action":"B","label":"M"}],'
        '"facebook_pixel":[{"action":"Won","label":"X"}],"focus_item":[{"id":4}]}'
    )
    page = visit("mt('send', 'pageview');")
    wait(page, "seen.length == 1 && window.analytics && window.facebook && facebook.length == 3")
    assert told(page, "analytics")[-2:] == [
        ["event", "A", {"event_category": "C", "event_label": "L"}],
        ["event", "B", {"event_category": "D", "event_label": "M"}],
    ]
    assert told(page, "facebook")[2:] == [["trackCustom", "Won", {"eventLabel": "X"}]]
    assert page.evaluate("seen[0].response.events.focus_item[0].id") == 4
    tracker.events = "[]"
    page.evaluate("mt('send', 'pageview')")
    wait(page, "seen.length == 2")
    assert page.evaluate("facebook.length") == 3


def test_classic_analytics_of_the_page_is_told_where_there_is_no_other(visit: Visit, tracker: Tracker) -> None:
    tracker.settings = Settings()
    tracker.events = (
        '{"google_analytics":[{"category":"C","action":"A","label":"L"}],"facebook_pixel":[{"action":"W"}]}'
    )
    page = visit("window.lines = []; window.ga = function () { lines.push(arguments); }; mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    details = {"hitType": "event", "eventCategory": "C", "eventAction": "A", "eventLabel": "L"}
    assert told(page, "lines") == [["send", details]]


def test_strange_events_stop_nothing(visit: Visit, tracker: Tracker) -> None:
    tracker.events = '{"google_analytics":"none","facebook_pixel":[null]}'
    page = visit("mt('send', 'pageview', {}, options('x')); mt('send', 'pageview', {}, options('y'));")
    wait(page, "called.length == 2")
    assert page.evaluate("called") == ["x:onload", "y:onload"]


@pytest.mark.parametrize(
    "calls",
    [
        f"{PRIVATE}mt('send', 'pageview', {{}}, options('x'));",
        "mt('set', {cookieless: true}); mt('send', 'pageview', {}, options('x'));",
        "mt('consent', 'deny'); mt('send', 'pageview', {}, options('x'));",
        "mt('set', {consent: 'required'}); mt('send', 'pageview'); called.push('waits');",
    ],
    ids=["gpc", "cookieless", "denied", "no consent yet"],
)
def test_neither_is_started_for_who_wants_privacy(visit: Visit, tracker: Tracker, calls: str) -> None:
    page = visit(calls)
    wait(page, "called.length == 1 && window.MauticJS")
    assert page.evaluate("[typeof gtag, typeof fbq, document.scripts.length]") == ["undefined", "undefined", 2]
