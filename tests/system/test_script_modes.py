"""What a page may ask of the tracking script, and what it does by itself: consent, no cookies, single-page apps, time
on page, page views while offline. The tracker is a fake."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from playwright.sync_api import Page

from services.common.settings import Settings
from tests.processes import eventually
from tests.system.conftest import Visit
from tests.system.tracker import DEVICE, Tracker, wait

STORED = "JSON.stringify(localStorage) + document.cookie"
HIDE = """(state) => {
  Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def kept(page: Page) -> list[dict[str, Any]]:
    return json.loads(page.evaluate("localStorage.mautic_kept || '[]'"))  # type: ignore[no-any-return]


def numbers(tracker: Tracker) -> list[str]:
    return [hit.get("n", "") for hit in tracker.hits()]


# ---- the queue ----


def test_page_is_unharmed_when_the_script_is_blocked(visit: Visit, tracker: Tracker) -> None:
    tracker.has_script = False
    page = visit("mt('send', 'pageview'); window.onward = true;")
    assert page.evaluate("[onward, mt.q.length]") == [True, 1]
    assert tracker.requests == []


def test_options_hold_for_the_calls_behind_them(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview', {n: 1}); mt('set', {consent: 'required'}); mt('send', 'pageview', {n: 2});")
    wait(page, "seen.length == 1")
    page.evaluate("mt('send', 'pageview', {n: 3}); mt('set', {consent: ''})")
    wait(page, "seen.length == 3")
    assert numbers(tracker)[0] == "1"
    assert sorted(numbers(tracker)) == ["1", "2", "3"], "the last two travel side by side"


def test_options_may_be_the_servers(visit: Visit, tracker: Tracker) -> None:
    tracker.settings = Settings(script_consent_required=True, script_spa=True, script_cookieless=True)
    page = visit("mt('send', 'pageview');")
    wait(page, "window.MauticJS")
    page.evaluate("history.pushState(null, '', '/page/two'); mt('consent', 'grant')")
    wait(page, "seen.length == 2")
    assert page.evaluate(STORED) == "{}"


def test_all_calls_work_under_another_name(visit: Visit, tracker: Tracker) -> None:
    page = visit(
        "track('set', {consent: 'required', spa: true}); track('send', 'pageview'); track('consent', 'grant');",
        name="track",
    )
    wait(page, "seen.length == 1")
    page.evaluate("history.pushState(null, '', '/page/two')")
    wait(page, "seen.length == 2")
    page.evaluate("track('consent', 'deny'); track('send', 'pageview')")
    eventually(lambda: len(tracker.hits("/mtc/consent")) == 2, "denied")
    assert (page.evaluate("typeof mt"), len(tracker.hits())) == ("undefined", 2)


def test_aliases_are_used_for_everything(visit: Visit, tracker: Tracker) -> None:
    aliases = ("/js/a.js=/mtc.js", "/e=/mtc/event", "/p.gif=/mtracking.gif", "/i=/mtc", "/c=/mtc/consent")
    tracker.settings, tracker.event_status = Settings(path_aliases=aliases), 500
    page = visit("", path="/js/a.js")
    called: list[str] = []
    page.on("request", lambda request: called.append(request.url.removeprefix(tracker.url).partition("?")[0]))
    page.evaluate("mt('send', 'pageview', {}, options('first'))")
    wait(page, "called.length == 1")
    page.evaluate("mt('consent', 'deny')")
    eventually(lambda: tracker.hits("/mtc/consent"), "denied")
    assert called == ["/e", "/p.gif", "/i", "/c"]


# ---- single-page apps ----


def test_navigation_within_the_page_is_a_page_view_when_asked_for(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('set', {spa: true}); mt('send', 'pageview', {email: 'a@example.com'});")
    wait(page, "seen.length == 1")
    page.evaluate("history.pushState(null, '', '/page/two'); setTimeout(() => { document.title = 'Two'; })")
    wait(page, "seen.length == 2")
    page.evaluate("history.replaceState({}, '', '/page/two'); location.hash = 'top'")
    wait(page, "seen.length == 3")
    page.go_back()
    wait(page, "seen.length == 4")
    assert [hit["page_url"].removeprefix(tracker.site) for hit in tracker.hits()] == [
        "/page?x=1",
        "/page/two",
        "/page/two#top",
        "/page/two",
    ]
    first, second = tracker.hits()[:2]
    assert (first["page_referrer"], second["page_referrer"]) == ("", tracker.site.removeprefix("http://"))
    assert (second["page_title"], "email" in second) == ("Two", False)


def test_address_that_the_page_reports_itself_is_one_view(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('set', {spa: true}); mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    page.evaluate("history.pushState(null, '', '/page/two'); mt('send', 'pageview', {n: 'own'})")
    page.evaluate("history.pushState(null, '', '/page/three'); history.pushState(null, '', '/page/four')")
    wait(page, "seen.length == 3")
    assert [hit["page_url"].removeprefix(tracker.site) for hit in tracker.hits()[1:]] == ["/page/two", "/page/four"]


def test_navigation_within_the_page_is_none_of_ours_unless_asked_for(visit: Visit, tracker: Tracker) -> None:
    page = visit("window.push = history.pushState; mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    assert page.evaluate("push === history.pushState")


# ---- time on page ----


def test_page_that_is_left_tells_how_long_it_was_seen(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    page.evaluate("new Promise(go_on => setTimeout(go_on, 500))")
    page.goto("about:blank")
    (beacon,) = eventually(tracker.beacons, "a beacon")
    (hit,) = tracker.hits()
    assert 0.1 <= float(beacon["time_on_page"]) < 10 and beacon["time_on_page"][-2] == "."
    assert beacon["left_event_id"] == hit["event_id"] != beacon["event_id"]
    assert int(beacon["event_time"]) > int(hit["event_time"])
    assert (beacon["page_url"], beacon["mautic_device_id"]) == (hit["page_url"], DEVICE)
    assert "OPTIONS" not in [one.method for one in tracker.requests if "left_event_id" in one.params]


def test_nothing_is_told_of_a_view_before_the_server_has_said_who_this_is(visit: Visit, tracker: Tracker) -> None:
    tracker.answer_delay_seconds = 0.3
    page = visit(
        "window.clock = 1000; performance.now = function () { return clock += 2000; };" + 2 * "mt('send', 'pageview');"
    )
    wait(page, "seen.length == 2")
    (beacon,) = eventually(tracker.beacons, "a beacon")
    assert (beacon["left_event_id"], beacon["mautic_device_id"]) == (tracker.hits()[0]["event_id"], DEVICE)
    assert min(one.arrived for one in tracker.requests[1:]) >= tracker.answers_sent[0]


def test_nothing_is_told_of_a_view_when_the_answer_comes_after_a_no(visit: Visit, tracker: Tracker) -> None:
    tracker.hold = threading.Event()
    page = visit(
        "window.clock = 1000; performance.now = function () { return clock += 2000; };"
        + 2 * "mt('send', 'pageview', {}, options('x'));"
    )
    eventually(tracker.hits, "under way")
    page.evaluate("mt('consent', 'deny')")
    tracker.hold.set()
    wait(page, "called.length == 2")
    eventually(lambda: tracker.hits("/mtc/consent"), "told")
    assert tracker.beacons() == []


def test_page_that_is_shown_again_tells_the_longer_time_later(visit: Visit, tracker: Tracker) -> None:
    page = visit(
        "window.clock = 1000; performance.now = function () { return clock; };" + 2 * "mt('send', 'pageview');"
    )
    wait(page, "seen.length == 2")
    for seen in (0, 1_234, 0, 0, 2_000):
        page.evaluate("seen => { clock += seen; }", seen)
        page.evaluate(HIDE, "hidden")
        page.evaluate("clock += 60000")  # nobody looks
        page.evaluate(HIDE, "visible")
    eventually(lambda: len(tracker.beacons()) >= 2, "beacons")
    sent = sorted(tracker.beacons(), key=lambda beacon: int(beacon["event_time"]))  # each came by a thread of its own
    told = [(beacon["left_event_id"], beacon["time_on_page"]) for beacon in sent]
    second = tracker.hits()[1]["event_id"]
    assert told == [(second, "1.2"), (second, "3.2")], "nothing is told of the first, which nobody saw"


def test_next_page_view_ends_the_one_before(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('set', {spa: true}); mt('send', 'pageview');")
    wait(page, "seen.length == 1 && performance.now() > 300")
    page.evaluate("history.pushState(null, '', '/page/two')")
    wait(page, "seen.length == 2")
    (beacon,) = eventually(tracker.beacons, "a beacon")
    assert beacon["left_event_id"] == tracker.hits()[0]["event_id"]
    assert beacon["page_url"] == f"{tracker.site}/page?x=1"


def test_time_on_page_may_be_switched_off(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('set', {leave: false}); mt('send', 'pageview');")
    wait(page, "seen.length == 1 && performance.now() > 300")
    page.reload()
    wait(page, "seen.length == 1")
    assert tracker.beacons() == []


# ---- offline ----


def test_page_views_while_offline_are_sent_in_order_when_online_again(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview', {n: 0});")
    wait(page, "seen.length == 1")
    page.context.set_offline(True)
    page.evaluate("[1, 2, 3].forEach(function (n) { mt('send', 'pageview', {n: n}, options(n)); })")
    wait(page, "called.length == 3")
    waiting = kept(page)
    assert sorted(page.evaluate("called")) == ["1:onerror", "2:onerror", "3:onerror"]
    page.context.set_offline(False)
    eventually(lambda: len(tracker.hits()) == 4, "all of them")
    wait(page, "!localStorage.mautic_kept && !localStorage.mautic_kept_sending")
    sent = [(hit["event_id"], int(hit["event_time"])) for hit in tracker.hits()[1:]]
    assert sent == [(params["event_id"], params["event_time"]) for params in waiting]
    page.evaluate("mt('send', 'pageview', {n: 4})")
    wait(page, "seen.length == 2")
    assert not page.evaluate("seen[1].image"), "what failed was the network, not the request"


@pytest.mark.parametrize("status", [503, 429])
def test_page_view_that_a_busy_server_refused_is_sent_with_the_next_page(
    visit: Visit, tracker: Tracker, status: int
) -> None:
    tracker.event_status = status
    page = visit("mt('send', 'pageview', {}, options('first'));")
    wait(page, "called.length == 1")
    assert page.evaluate("called") == ["first:onerror"]
    tracker.event_status = 200
    page.reload()
    eventually(lambda: len(tracker.hits()) == 3, "refused, next, sent again")
    refused, following, again = tracker.hits()
    assert again == {**refused, "mautic_device_id": DEVICE}
    assert following["event_id"] != refused["event_id"]
    assert tracker.hits("/mtracking.gif") == []
    wait(page, "!localStorage.mautic_kept")


def test_image_that_repeats_a_request_has_the_same_id(visit: Visit, tracker: Tracker) -> None:
    tracker.event_status = 500
    page = visit("mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    assert tracker.hits("/mtracking.gif") == tracker.hits()


def test_what_is_kept_is_bounded_in_number_size_and_age(visit: Visit, tracker: Tracker) -> None:
    tracker.event_status = 503
    page = visit("")
    wait(page, "window.MauticJS")
    now = int(time.time() * 1000)
    fresh, stale = now - 23 * 3_600_000, now - 25 * 3_600_000
    for text, times, left in (
        ("", [fresh] * 60, range(11, 60)),
        ("x" * 30_000, [fresh] * 60, range(57, 60)),
        ("", [stale, stale, fresh], [2]),
    ):
        many = [{"n": n, "event_id": str(n), "event_time": when, "text": text} for n, when in enumerate(times)]
        page.evaluate("list => { localStorage.mautic_kept = list; called = []; }", json.dumps(many))
        page.evaluate("mt('send', 'pageview', {n: 'new'}, options('x'))")
        wait(page, "called.length == 1")
        assert [one["n"] for one in kept(page)] == [*left, "new"]


def test_two_tabs_send_what_is_kept_at_most_twice(visit: Visit, tracker: Tracker) -> None:
    tracker.answer_delay_seconds = 0.05
    pages = [visit("mt('send', 'pageview');") for _ in range(2)]
    for page in pages:
        wait(page, "seen.length == 1")
    pages[0].context.set_offline(True)
    pages[0].evaluate("[1, 2, 3].forEach(function (n) { mt('send', 'pageview', {n: n}, options(n)); })")
    wait(pages[0], "called.length == 3")
    pages[0].context.set_offline(False)
    wait(pages[0], "!localStorage.mautic_kept")
    wait(pages[1], "!localStorage.mautic_kept_sending")
    sent = numbers(tracker)
    assert {"1", "2", "3"} <= set(sent) and all(sent.count(n) <= 2 for n in "123")


def test_request_is_tried_again_after_neither_it_nor_the_image_got_through(visit: Visit, tracker: Tracker) -> None:
    tracker.allows_cors = tracker.has_pixel = False
    page = visit("mt('send', 'pageview', {}, options('x'));")
    wait(page, "called.length == 1")
    tracker.allows_cors = True
    page.evaluate("mt('send', 'pageview', {}, options('y'))")
    wait(page, "called.length == 2 && !localStorage.mautic_kept")
    assert page.evaluate("called") == ["x:onerror", "y:onload"]
    assert len(tracker.hits()) == 2


def test_nothing_is_kept_when_that_is_switched_off(visit: Visit, tracker: Tracker) -> None:
    tracker.event_status = 503
    page = visit("mt('set', {offline: false}); mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    assert (len(tracker.hits("/mtracking.gif")), kept(page)) == (1, [])


def test_damaged_store_stops_nothing(visit: Visit, tracker: Tracker) -> None:
    page = visit("localStorage.mautic_kept = '[null, 3, {'; mt('send', 'pageview', {}, options('first'));")
    wait(page, "called.length == 1")
    tracker.event_status = 503
    page.evaluate("mt('send', 'pageview', {}, options('second'))")
    wait(page, "called.length == 2")
    assert len(kept(page)) == 1


# ---- consent ----


def test_nothing_is_sent_or_stored_before_consent(visit: Visit, tracker: Tracker) -> None:
    calls = "for (var n = 0; n < 12; n++) { mt('send', 'pageview', {n: n}, options(n)); }"
    page = visit("mt('set', {consent: 'required'});" + calls)
    wait(page, "called.length == 2")
    page.evaluate(HIDE, "hidden")
    page.evaluate(HIDE, "visible")
    assert page.evaluate("called") == ["0:onerror", "1:onerror"], "the last ten wait"
    assert (tracker.requests, page.evaluate(STORED)) == ([], "{}")
    page.evaluate("mt('consent', 'grant')")
    wait(page, "seen.length == 10")
    assert sorted(map(int, numbers(tracker))) == list(range(2, 12))
    page.evaluate("mt('consent', 'grant')")
    page.reload()
    wait(page, "seen.length == 12")
    assert tracker.hits("/mtc/consent") == [{"consent": "grant"}]


def test_who_denies_is_forgotten_and_left_alone(visit: Visit, tracker: Tracker) -> None:
    page = visit(
        "window.clock = 1000; performance.now = function () { return clock += 2000; };"
        "mt('send', 'pageview', {}, options('x'));"
    )
    wait(page, "seen.length == 1")
    tracker.event_status = 503
    page.evaluate("mt('send', 'pageview', {}, options('y'))")
    wait(page, "localStorage.mautic_kept")
    eventually(tracker.beacons, "the time on the first view")
    tracker.event_status = 200
    before = (len(tracker.hits()), len(tracker.beacons()))
    page.evaluate("mt('consent', 'deny'); mt('consent', 'deny'); mt('send', 'pageview', {}, options('z'))")
    wait(page, "called.indexOf('z:onerror') >= 0")
    assert page.evaluate(STORED) == '{"mautic_consent":"deny"}'
    page.reload()
    wait(page, "called.length == 1")
    assert page.evaluate("called") == ["x:onerror"]
    page.goto("about:blank")
    eventually(lambda: tracker.hits("/mtc/consent"), "told")
    assert tracker.hits("/mtc/consent") == [{"consent": "deny"}]
    assert (len(tracker.hits()), len(tracker.beacons())) == before


def test_answer_that_comes_after_a_no_is_not_kept(visit: Visit, tracker: Tracker) -> None:
    tracker.hold = threading.Event()
    page = visit("mt('send', 'pageview', {}, options('x')); mt('send', 'pageview', {}, options('y'));")
    eventually(tracker.hits, "under way")
    page.evaluate("mt('consent', 'deny')")
    tracker.hold.set()
    wait(page, "called.length == 2")
    assert page.evaluate("called.sort()") == ["x:onload", "y:onerror"]
    assert page.evaluate(STORED) == '{"mautic_consent":"deny"}'


def test_page_views_after_a_grant_wait_until_the_server_knows(visit: Visit, tracker: Tracker) -> None:
    page = visit("")
    wait(page, "window.MauticJS")
    page.evaluate("mt('consent', 'deny')")
    eventually(lambda: tracker.answers_sent, "denied")
    tracker.answer_delay_seconds = 0.2
    page.evaluate("mt('consent', 'grant'); mt('send', 'pageview')")
    wait(page, "seen.length == 1")
    assert [one.params.get("consent") for one in tracker.requests] == ["deny", "grant", None]
    assert tracker.requests[2].arrived >= tracker.answers_sent[1]


def test_time_on_page_is_not_told_of_what_was_seen_before_a_grant(visit: Visit, tracker: Tracker) -> None:
    page = visit(
        "window.clock = 1000; performance.now = function () { return clock; };"
        "window.told = 0; window.plain = fetch;"
        "window.fetch = function (url, how) { return plain(url, how).then(function () { told += 1; }); };"
        "mt('send', 'pageview');"
    )
    wait(page, "seen.length == 1")
    page.evaluate("clock += 1000; mt('consent', 'deny'); mt('send', 'pageview');")
    wait(page, "told == 1")
    page.evaluate("clock += 1000; mt('consent', 'grant')")
    wait(page, "told == 2")
    for state in ("hidden", "visible"):
        page.evaluate(HIDE, state)
    page.evaluate("mt('send', 'pageview')")
    wait(page, "seen.length == 2")
    page.evaluate("clock += 2000")
    page.evaluate(HIDE, "hidden")
    (beacon,) = eventually(tracker.beacons, "a beacon")
    assert (beacon["left_event_id"], beacon["time_on_page"]) == (tracker.hits()[1]["event_id"], "2.0")


def test_last_of_two_hasty_choices_counts(visit: Visit, tracker: Tracker) -> None:
    tracker.answer_delay_seconds = 0.1
    page = visit("")
    wait(page, "window.MauticJS")
    page.evaluate("mt('consent', 'deny'); mt('consent', 'grant'); mt('send', 'pageview')")
    wait(page, "seen.length == 1")
    assert [one.params.get("consent") for one in tracker.requests] == ["deny", "grant", None]


def test_choice_is_told_where_cors_is_refused(visit: Visit, tracker: Tracker) -> None:
    tracker.allows_cors = False
    visit("mt('consent', 'deny');")
    eventually(lambda: tracker.hits("/mtc/consent") == [{"consent": "deny"}], "told")


# ---- without cookies ----


@pytest.mark.parametrize("allows_cors", [True, False])
def test_without_cookies_a_visitor_is_known_for_one_page_load(
    visit: Visit, tracker: Tracker, allows_cors: bool
) -> None:
    tracker.allows_cors = allows_cors
    page = visit("mt('set', {cookieless: true}); mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    page.evaluate("mt('send', 'pageview')")
    wait(page, "seen.length == 2")
    assert page.evaluate(STORED) == "{}"
    page.reload()
    wait(page, "seen.length == 1")
    device = DEVICE if allows_cors else None
    assert [hit.get("mautic_device_id") for hit in tracker.hits()] == [None, device, None]
    assert tracker.hits("/mtracking.gif") == [], "an image would come with cookies"


def test_a_no_is_remembered_even_without_cookies(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('set', {cookieless: true}); mt('send', 'pageview', {}, options('x'));")
    wait(page, "called.length == 1")
    page.evaluate("mt('consent', 'deny')")
    page.reload()
    wait(page, "called.length == 1")
    assert page.evaluate("called") == ["x:onerror"]


def test_page_views_while_offline_are_kept_in_memory_without_cookies(visit: Visit, tracker: Tracker) -> None:
    page = visit("mt('set', {cookieless: true});")
    wait(page, "window.MauticJS")
    page.context.set_offline(True)
    page.evaluate("mt('send', 'pageview', {n: 1}, options('x'))")
    wait(page, "called.length == 1")
    assert page.evaluate(STORED) == "{}"
    page.context.set_offline(False)
    eventually(lambda: numbers(tracker) == ["1"], "sent")
