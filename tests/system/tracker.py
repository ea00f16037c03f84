"""A fake tracker for the script in a browser: it serves a page and the script, notes what comes, fails when told to."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Page

from services.common.settings import Settings
from services.ingest.paths import read_aliases
from services.ingest.script.script import load_script

DEVICE = "abcdefghijklmnopqrstuv1"
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
SNIPPET = """
(function(w,d,t,u,n,a,m){w['MauticTrackingObject']=n;
w[n]=w[n]||function(){(w[n].q=w[n].q||[]).push(arguments)},a=d.createElement(t),
m=d.getElementsByTagName(t)[0];a.async=1;a.src=u;m.parentNode.insertBefore(a,m)
})(window,document,'script','SCRIPT','NAME');
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
LIBRARIES = {
    "/gtag.js": "window.analytics = Array.from(dataLayer); dataLayer.push = function (line) { analytics.push(line); };",
    "/fbevents.js": "window.facebook = fbq.queue.splice(0);"
    "fbq.callMethod = function () { facebook.push(Array.from(arguments)); };",
}


def snippet(script_url: str, name: str = "mt") -> str:
    """What a site pastes, and ears for what comes of it."""
    return LISTEN + SNIPPET.replace("SCRIPT", script_url).replace("NAME", name)


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # the usual one, also when it came under an alias
    params: dict[str, str]
    headers: dict[str, str]
    arrived: float  # seconds of the monotonic clock


@dataclass
class Tracker:
    """What it got, and how it behaves."""

    url: str = ""
    page: str = ""
    settings: Settings = field(default_factory=Settings)
    has_script: bool = True
    events: str = "[]"
    event_status: int = 200
    allows_cors: bool = True
    has_pixel: bool = True
    answer_delay_seconds: float = 0.0
    hold: threading.Event | None = None  # page views are answered once it is set
    requests: list[Request] = field(default_factory=list)
    answers_sent: list[float] = field(default_factory=list)

    @property
    def site(self) -> str:
        """The pages' origin: another site than the tracker's."""
        return self.url.replace("127.0.0.1", "localhost")

    def identity(self) -> bytes:
        return f'{{"success":1,"id":42,"sid":"{DEVICE}","device_id":"{DEVICE}","events":{self.events}}}'.encode()

    def hits(self, path: str = "/mtc/event") -> list[dict[str, str]]:
        return [one.params for one in self.requests if one.path == path and "left_event_id" not in one.params]

    def beacons(self) -> list[dict[str, str]]:
        return [one.params for one in self.requests if "left_event_id" in one.params]


class Handler(BaseHTTPRequestHandler):
    tracker: Tracker

    def do_GET(self) -> None:
        path, params = self._read("")
        if path == "/mtc.js":
            body = load_script(self.tracker.settings).body
            self._answer(
                *((200, "application/javascript", body) if self.tracker.has_script else (404, "text/plain", b""))
            )
        elif path in LIBRARIES:
            self._answer(200, "application/javascript", LIBRARIES[path].encode())
        elif path == "/mtracking.gif":
            self._note("GET", path, params)
            self._answer(*((200, "image/gif", GIF) if self.tracker.has_pixel else (404, "text/plain", b"")))
        elif path == "/mtc":
            self._note("GET", path, params)
            self._answer(200, "application/json", self.tracker.identity())
        else:
            self._answer(200, "text/html; charset=utf-8", self.tracker.page.encode(), policy=True)

    def do_POST(self) -> None:
        path, params = self._read(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert self.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
        self._note("POST", path, params)
        time.sleep(self.tracker.answer_delay_seconds)
        if self.tracker.hold and path == "/mtc/event":
            self.tracker.hold.wait(30)
        self.tracker.answers_sent.append(time.monotonic())
        self._answer(self.tracker.event_status, "application/json", self.tracker.identity())

    def do_OPTIONS(self) -> None:
        self._answer(204, "text/plain", b"")

    def log_message(self, *_: Any) -> None:
        pass

    def _read(self, body: str) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        path = read_aliases(self.tracker.settings.path_aliases).get(parts.path, parts.path)
        return path, dict(parse_qsl(body or parts.query, keep_blank_values=True))

    def _note(self, method: str, path: str, params: dict[str, str]) -> None:
        self.tracker.requests.append(Request(method, path, params, dict(self.headers), time.monotonic()))

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


@contextmanager
def run_tracker() -> Iterator[Tracker]:
    state = Tracker()
    handler = type("BoundHandler", (Handler,), {"tracker": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wait(page: Page, condition: str) -> None:
    """Asks again and again: the page's policy forbids the eval that playwright's own waiting needs."""
    deadline = time.monotonic() + 30
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"{condition}: {page.evaluate('JSON.stringify([seen, called])')}"
        page.wait_for_timeout(20)
