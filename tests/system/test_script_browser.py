"""The tracking script in a real browser, on a page of one origin that reports to a server of another."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from services.ingest.script.script import load_script

DEVICE = "abcdefghijklmnopqrstuv1"
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
SNIPPET = """
(function(w,d,t,u,n,a,m){w['MauticTrackingObject']=n;
w[n]=w[n]||function(){(w[n].q=w[n].q||[]).push(arguments)},a=d.createElement(t),
m=d.getElementsByTagName(t)[0];a.async=1;a.src=u;m.parentNode.insertBefore(a,m)
})(window,document,'script','TRACKER/mtc.js','mt');
"""
LISTEN = """
window.seen = []; window.called = [];
function options(label) {
  var all = {};
  ['onload', 'onerror', 'onabort'].forEach(function (name) {
    all[name] = function () { called.push(label + ':' + name); };
  });
  return all;
}
document.addEventListener('mauticPageEventDelivered', function (event) { seen.push(event.detail); });
"""


@dataclass
class Tracker:
    """A fake server: what it got, and how it behaves."""

    url: str = ""
    page: str = ""
    event_status: int = 200
    allows_cors: bool = True
    has_pixel: bool = True
    answer_delay_seconds: float = 0.0
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answers_sent: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)

    def hits(self, path: str) -> list[dict[str, str]]:
        return [params for _, where, params in self.requests if where == path]


class Handler(BaseHTTPRequestHandler):
    tracker: Tracker

    def do_GET(self) -> None:
        where, params = self._read("")
        if where == "/page":
            self._answer(200, "text/html; charset=utf-8", self.tracker.page.encode(), policy=True)
        elif where == "/mtc.js":
            self._answer(200, "application/javascript", load_script().body)
        elif where == "/mtracking.gif":
            self._note("GET", where, params)
            self._answer(*((200, "image/gif", GIF) if self.tracker.has_pixel else (404, "text/plain", b"")))
        elif where == "/mtc":
            self._note("GET", where, params)
            self._answer(200, "application/json", IDENTITY.encode())
        else:
            self._answer(404, "text/plain", b"")

    def do_POST(self) -> None:
        where, params = self._read(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._note("POST", where, params)
        assert self.headers["X-Requested-With"] == "XMLHttpRequest"
        assert self.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
        time.sleep(self.tracker.answer_delay_seconds)
        self.tracker.answers_sent.append(time.monotonic())
        self._answer(self.tracker.event_status, "application/json", IDENTITY.encode())

    def do_OPTIONS(self) -> None:
        self._answer(204, "text/plain", b"")

    def log_message(self, *_: Any) -> None:
        pass

    def _read(self, body: str) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, dict(parse_qsl(body or parts.query, keep_blank_values=True))

    def _note(self, method: str, where: str, params: dict[str, str]) -> None:
        self.tracker.arrivals.append(time.monotonic())
        self.tracker.requests.append((method, where, params))

    def _answer(self, status: int, kind: str, body: bytes, policy: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if policy:
            url = self.tracker.url
            self.send_header(
                "Content-Security-Policy",
                f"default-src 'none'; script-src 'nonce-n' {url}; connect-src {url}; img-src {url}",
            )
        if self.tracker.allows_cors and self.headers["Origin"]:
            self.send_header("Access-Control-Allow-Origin", self.headers["Origin"])
            self.send_header("Access-Control-Allow-Credentials", "true")
            self.send_header("Access-Control-Allow-Headers", "X-Requested-With, Content-Type")
        self.end_headers()
        self.wfile.write(body)


IDENTITY = f'{{"success":1,"id":42,"sid":"{DEVICE}","device_id":"{DEVICE}","events":[]}}'


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    state = Tracker()
    handler = type("BoundHandler", (Handler,), {"tracker": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visit(browser: Browser, tracker: Tracker) -> Iterator[Callable[..., Page]]:
    """Opens a page with the snippet and these calls; `localhost` is another site than the tracker's 127.0.0.1."""
    context = browser.new_context(locale="en-GB", timezone_id="Europe/Berlin")

    def open_page(calls: str, html: str = "") -> Page:
        script = LISTEN + SNIPPET.replace("TRACKER", tracker.url) + calls
        tracker.page = f"<!doctype html><title>Blue shoes</title>{html}<script nonce=n>{script}</script>"
        page = context.new_page()
        page.goto(tracker.url.replace("127.0.0.1", "localhost") + "/page?x=1")
        return page

    yield open_page
    context.close()


def wait(page: Page, condition: str) -> None:
    """Asks again and again: the page's policy forbids the eval that playwright's own waiting needs."""
    deadline = time.monotonic() + 5
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"{condition}: {page.evaluate('JSON.stringify([seen, called])')}"
        page.wait_for_timeout(20)


def test_queued_page_view_is_posted_with_all_its_parameters(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview', {email: 'a+b@example.com', page_title: 'Mine'}, options('first'));")
    wait(page, "called.length == 1")
    (hit,) = tracker.hits("/mtc/event")
    assert hit == {
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
    assert page.evaluate("called") == ["first:onload"]
    assert page.evaluate("seen[0].response.id") == 42


def test_identity_is_kept_in_cookies_and_storage_and_sent_again(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    assert page.evaluate("[localStorage.mtc_id, localStorage.mautic_device_id]") == ["42", DEVICE]
    assert page.evaluate("document.cookie.split('; ').sort()") == [f"mautic_device_id={DEVICE}", "mtc_id=42"]
    page.reload()
    wait(page, "seen.length == 1")
    assert tracker.hits("/mtc/event")[1]["mautic_device_id"] == DEVICE


def test_lasting_cookie_of_the_same_host_is_left_alone(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit(f"document.cookie = 'mautic_device_id={DEVICE}; path=/; max-age=9999'; mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    lasting = {cookie["name"]: cookie["expires"] > 0 for cookie in page.context.cookies()}
    assert lasting == {"mautic_device_id": True, "mtc_id": False}


def test_damaged_device_id_is_not_sent(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit("localStorage.mtc_id = '1'; localStorage.mautic_device_id = 'undefined'; mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    assert "mautic_device_id" not in tracker.hits("/mtc/event")[0]


def test_later_page_views_wait_for_the_first_answer(visit: Callable[..., Page], tracker: Tracker) -> None:
    tracker.answer_delay_seconds = 0.3
    page = visit("mt('send', 'pageview'); mt('send', 'pageview', {}, options('second'));")
    wait(page, "seen.length == 2")
    assert tracker.arrivals[1] >= tracker.answers_sent[0]
    assert [hit["counter"] for hit in tracker.hits("/mtc/event")] == ["0", "1"]
    assert tracker.hits("/mtc/event")[1]["mautic_device_id"] == DEVICE
    assert page.evaluate("called") == ["second:onload"]


def test_calls_after_load_reach_the_server_by_name_by_old_reference_and_by_queue(
    visit: Callable[..., Page], tracker: Tracker
) -> None:
    page = visit("window.old = mt; mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    page.evaluate("mt('send', 'pageview', {n: 1})")
    page.evaluate("old('send', 'pageview', {n: 2})")
    page.evaluate("mt.q.push(['send', 'pageview', {n: 3}])")
    wait(page, "seen.length == 4")
    assert sorted(hit.get("n", "") for hit in tracker.hits("/mtc/event")) == ["", "1", "2", "3"]


def test_other_verbs_are_ignored(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit("mt('create', 'x'); mt('send', 'event'); mt(); mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    page.evaluate("mt('set', 'x'); mt.q.push(null); mt('send', 'pageview')")
    wait(page, "seen.length == 2")
    assert len(tracker.requests) == 2


def test_script_loaded_twice_sends_once(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview');")
    wait(page, "seen.length == 1")
    page.add_script_tag(url=f"{tracker.url}/mtc.js")
    page.evaluate("mt('send', 'pageview')")
    wait(page, "seen.length == 2")
    assert [hit["counter"] for hit in tracker.hits("/mtc/event")] == ["0", "1"]


@pytest.mark.parametrize("failure", [{"event_status": 503}, {"allows_cors": False}], ids=["status", "cors"])
def test_image_carries_the_page_view_when_the_post_fails(
    visit: Callable[..., Page], tracker: Tracker, failure: dict[str, Any]
) -> None:
    vars(tracker).update(failure)
    page = visit("mt('send', 'pageview', {email: 'a@example.com'}, options('first')); mt('send', 'pageview');")
    wait(page, "seen.length == 2")
    hits = tracker.hits("/mtracking.gif")
    assert [hit["counter"] for hit in hits] == ["0", "1"]
    assert hits[0]["email"] == "a@example.com"
    assert page.evaluate("called") == ["first:onload"]
    assert page.evaluate("seen[0].image") is True


def test_identity_is_asked_once_after_an_image(visit: Callable[..., Page], tracker: Tracker) -> None:
    tracker.event_status = 503
    page = visit("mt('send', 'pageview'); mt('send', 'pageview');")
    wait(page, "seen.length == 2")
    assert len(tracker.hits("/mtc")) == 1
    assert tracker.hits("/mtracking.gif")[1]["mautic_device_id"] == DEVICE
    assert page.evaluate("localStorage.mtc_id") == "42"


def test_onerror_is_called_once_when_the_image_fails_too(visit: Callable[..., Page], tracker: Tracker) -> None:
    tracker.event_status, tracker.has_pixel = 503, False
    page = visit("mt('send', 'pageview', {}, options('first')); mt('send', 'pageview', {}, options('second'));")
    wait(page, "called.length == 2")
    assert page.evaluate("called") == ["first:onerror", "second:onerror"]
    assert page.evaluate("seen") == []


def test_page_view_is_sent_where_storage_is_forbidden(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit(
        "Object.defineProperty(window, 'localStorage', {get: function () { throw new Error('forbidden'); }});"
        "mt('send', 'pageview', {}, options('first'));"
    )
    wait(page, "called.length == 1")
    assert page.evaluate("called") == ["first:onload"]


def test_faulty_callback_does_not_stop_later_page_views(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview', {}, {onload: function () { throw 1; }}); mt('send', 'pageview');")
    wait(page, "seen.length == 2")


def test_image_placed_by_the_page_is_announced(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit("", html=f'<img src="{tracker.url}/mtracking.gif?page_url=own">')
    wait(page, "seen.length == 1 && localStorage.mtc_id == '42'")
    assert page.evaluate("seen[0].params.page_url") == "own"
    assert len(tracker.requests) == 2


def test_delivery_hooks_are_called_once_and_also_late(visit: Callable[..., Page], tracker: Tracker) -> None:
    page = visit("mt('send', 'pageview'); mt('send', 'pageview');")
    wait(page, "seen.length == 2")
    page.evaluate("MauticJS.onFirstEventDelivery(function (detail) { called.push(detail.params.counter); })")
    assert page.evaluate("called") == [0]
