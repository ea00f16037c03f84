"""The tracking script in a real browser, on a page of one origin that reports to a server of another."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import pytest

from tests.system.conftest import Visit
from tests.system.tracker import DEVICE, Tracker, wait


def test_queued_page_view_is_posted_with_all_its_parameters(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview', {email: 'a+b@example.com', page_title: 'Mine'}, options('first'));")
    wait(page, "called.length == 1")
    (hit,) = tracker.hits()
    assert hit == {
        "event_id": str(UUID(hit["event_id"])),
        "event_time": hit["event_time"],
        "page_title": "Mine",
        "page_language": "en-GB",
        "preferred_locale": "en_GB",
        "page_referrer": "",
        "page_url": page.url,
        "counter": "0",
        "timezone_offset": hit["timezone_offset"],
        "resolution": "1280x720",
        "platform": hit["platform"],
        "do_not_track": "false",
        "timezone": "Europe/Berlin",
        "email": "a+b@example.com",
    }
    assert abs(int(hit["event_time"]) / 1000 - time.time()) < 60
    assert page.evaluate("called") == ["first:onload"]
    assert page.evaluate("seen[0].response.id") == 42


def test_identity_is_kept_in_cookies_and_storage_and_sent_again(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    assert page.evaluate("[localStorage.mtc_id, localStorage.mautic_device_id]") == ["42", DEVICE]
    assert page.evaluate("document.cookie.split('; ').sort()") == [f"mautic_device_id={DEVICE}", "mtc_id=42"]
    page.reload()
    wait(page, "seen.length == 1")
    assert tracker.hits()[1]["mautic_device_id"] == DEVICE


def test_lasting_cookie_of_the_same_host_is_left_alone(visit: Visit, tracker: Tracker) -> None:
    page = visit(f"document.cookie = 'mautic_device_id={DEVICE}; path=/; max-age=9999'; mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    lasting = {cookie["name"]: cookie["expires"] > 0 for cookie in page.context.cookies()}
    assert lasting == {"mautic_device_id": True, "mtc_id": False}


def test_damaged_device_id_is_not_sent(visit: Visit, tracker: Tracker) -> None:
    page = visit("localStorage.mtc_id = '1'; localStorage.mautic_device_id = 'undefined'; mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    assert "mautic_device_id" not in tracker.hits()[0]


def test_later_page_views_wait_for_the_first_answer(visit: Visit, tracker: Tracker) -> None:
    tracker.answer_delay_seconds = 0.3
    page = visit("mt('send', 'pageview'); mt('send', 'pageview', {}, options('second'));")
    wait(page, "seen.length == 2")
    assert tracker.requests[1].arrived >= tracker.answers_sent[0], tracker.requests[1].params
    assert [hit["counter"] for hit in tracker.hits()] == ["0", "1"]
    assert tracker.hits()[1]["mautic_device_id"] == DEVICE
    assert page.evaluate("called") == ["second:onload"]


def test_calls_after_load_reach_the_server_by_name_by_old_reference_and_by_queue(
    visit: Visit, tracker: Tracker
) -> None:
    page = visit("window.old = mt; mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    page.evaluate("mt('send', 'pageview', {n: 1})")
    page.evaluate("old('send', 'pageview', {n: 2})")
    page.evaluate("mt.q.push(['send', 'pageview', {n: 3}])")
    wait(page, "seen.length == 4")
    assert sorted(hit.get("n", "") for hit in tracker.hits()) == ["", "1", "2", "3"]


def test_other_verbs_are_ignored(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('create', 'x'); mt('send', 'event'); mt(); mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    page.evaluate("mt('set', 'x'); mt('consent'); mt.q.push(null); mt('send', 'pageview')")
    wait(page, "seen.length == 2")
    assert len(tracker.hits()) == 2
    assert page.evaluate("[MauticJS.getInput('create', 'x').length, mt.q.length]") == [1, 3]


def test_script_loaded_twice_sends_once(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    page.add_script_tag(url=f"{tracker.url}/mtc.js")
    page.evaluate("mt('send', 'pageview')")
    wait(page, "seen.length == 2")
    assert [hit["counter"] for hit in tracker.hits()] == ["0", "1"]


@pytest.mark.parametrize("failure", [{"event_status": 500}, {"allows_cors": False}], ids=["status", "cors"])
def test_image_carries_the_page_view_when_the_post_fails(
    visit: Visit, tracker: Tracker, failure: dict[str, Any]
) -> None:
    vars(tracker).update(failure)
    page = visit("mt('send', 'pageview', {email: 'a@example.com'}, options('first')); mt('send', 'pageview');")
    wait(page, "seen.length == 2")
    hits = tracker.hits("/mtracking.gif")
    assert [hit["counter"] for hit in hits] == ["0", "1"]
    assert hits[0]["email"] == "a@example.com"
    assert page.evaluate("called") == ["first:onload"]
    assert page.evaluate("seen[0].image") is True


def test_identity_is_asked_once_after_an_image(visit: Visit, tracker: Tracker) -> None:
    tracker.event_status = 500
    page = visit("mt('send', 'pageview'); mt('send', 'pageview');")
    wait(page, "seen.length == 2")
    assert len(tracker.hits("/mtc")) == 1
    assert tracker.hits("/mtracking.gif")[1]["mautic_device_id"] == DEVICE
    assert page.evaluate("localStorage.mtc_id") == "42"


def test_onerror_is_called_once_when_the_image_fails_too(visit: Visit, tracker: Tracker) -> None:
    tracker.event_status, tracker.has_pixel = 500, False
    page = visit("mt('send', 'pageview', {}, options('first')); mt('send', 'pageview', {}, options('second'));")
    wait(page, "called.length == 2")
    assert page.evaluate("called") == ["first:onerror", "second:onerror"]
    assert page.evaluate("seen") == []


def test_page_view_is_sent_where_storage_is_forbidden(visit: Visit, tracker: Tracker) -> None:
    page = visit(
        "Object.defineProperty(window, 'localStorage', {get: function () { throw new Error('forbidden'); }});"
        "mt('send', 'pageview', {}, options('first'));"
    )
    wait(page, "called.length == 1")
    assert page.evaluate("called") == ["first:onload"]


def test_faulty_callback_does_not_stop_later_page_views(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview', {}, {onload: function () { throw 1; }}); mt('send', 'pageview');")
    wait(page, "seen.length == 2")


def test_image_placed_by_the_page_is_announced(visit: Visit, tracker: Tracker) -> None:
    page = visit("", html=f'<img src="{tracker.url}/mtracking.gif?page_url=own">')
    wait(page, "seen.length == 1 && localStorage.mtc_id == '42'")
    assert page.evaluate("seen[0].params.page_url") == "own"
    assert len(tracker.requests) == 2


def test_delivery_hooks_are_called_once_and_also_late(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview'); mt('send', 'pageview');")
    wait(page, "seen.length == 2")
    page.evaluate("MauticJS.onFirstEventDelivery(function (detail) { called.push(detail.params.counter); })")
    assert page.evaluate("called") == [0]
