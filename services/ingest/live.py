"""What the door tells the live feed: requests that became no hit and why, pages that may not read our answers, and who
fetched the script. Used only while somebody watches."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus

from services.common.live_feed import LiveFeed
from services.common.live_hit import DROPPED, MAX_ORIGIN_LENGTH, ORIGIN_REFUSED, SERVED, LiveHit, Page, read_page
from services.ingest import answers
from services.ingest.cors import Cors
from services.ingest.door import read_headers
from services.ingest.paths import PATHS
from services.ingest.visitor import PRIVATE_REASONS, Visitors

SCRIPT = "script"
FORM, BATCH, TOUCH = "form", "batch", "touch"
# By the first part of a path, beside the paths of the script.
_DOORS = {"form": FORM, "v1": BATCH, "r": TOUCH, "redirect": TOUCH, "asset": TOUCH, "email": TOUCH, "video": TOUCH}
_PAGE_URL = re.compile(rb"(?:^|&)page_url=([^&]*)")

Send = Callable[[Any], Awaitable[None]]
Headers = dict[bytes, bytes]


class Live:
    def __init__(self, feed: LiveFeed, cors: Cors, visitors: Visitors, aliases: Mapping[str, str]) -> None:
        self.feed, self._cors, self._visitors = feed, cors, visitors
        purposes = {path: purpose for purpose, path in PATHS.items()}
        self._purposes = purposes | {alias: purposes[path] for alias, path in aliases.items()}

    def drop(self, reason: str, scope: Any, headers: Headers, body: bytes = b"") -> None:
        """Of a request that is answered and forgotten."""
        self.feed.tell(self._entry, DROPPED, reason, scope, headers, body)

    def refuse_events(self, reasons: Iterable[str], scope: Any) -> None:
        """Of events of a batch that are not kept."""
        headers = read_headers(scope["headers"])
        for reason in reasons:
            self.drop(reason, scope, headers)

    def watched(self, scope: Any, send: Send) -> Send:
        """Looks at a request as it comes in; whoever answers it by what this returns is looked at, too."""
        if scope["type"] != "http" or not self._what(scope["path"]):
            return send
        headers = read_headers(scope["headers"])
        if self._is_refused(headers):
            self.feed.tell(self._entry, DROPPED, ORIGIN_REFUSED, scope, headers, b"")
        if self._what(scope["path"]) == SCRIPT and scope["method"] == "GET":
            self.feed.tell(self._entry, SERVED, "", scope, headers, b"")

        def send_watched(message: Any) -> Awaitable[None]:
            """Not a coroutine of its own: Granian takes the head when it is called."""
            if message["type"] == "http.response.start" and (reason := answers.ERRORS.get(message["status"])):
                self.drop(reason, scope, headers)
            return send(message)

        return send_watched

    def _is_refused(self, headers: Headers) -> bool:
        """Not where the page is of this very host: then the browser asks for no leave."""
        origin = headers.get(b"origin")
        if origin is None or self._cors.allows(origin):
            return False
        return origin.partition(b"://")[2].lower() != headers.get(b"host", b"").lower()

    def _entry(self, verdict: str, reason: str, scope: Any, headers: Headers, body: bytes) -> LiveHit:
        is_private = reason in PRIVATE_REASONS or self._asks_for_privacy(headers)
        origin = headers.get(b"origin", b"").decode("utf-8", "replace")[:MAX_ORIGIN_LENGTH]
        page = _page(scope["query_string"], headers, body, is_private=is_private)
        return LiveHit(
            time.time_ns() // 1_000_000,
            verdict,
            reason,
            self._what(scope["path"]),
            page.address,
            page.host or read_page(origin).host,
            origin,
            b"mautic_device_id=" in headers.get(b"cookie", b""),
        )

    def _asks_for_privacy(self, headers: Headers) -> bool:
        return self._visitors.refusal(headers, "GET") in PRIVATE_REASONS

    def _what(self, path: str) -> str:
        """Through which door; nothing for what is none."""
        return self._purposes.get(path) or _DOORS.get(path[1:].partition("/")[0], "")


def _page(query: bytes, headers: Headers, body: bytes, *, is_private: bool) -> Page:
    """What the request says of its page, or where it came from."""
    said = _PAGE_URL.search(body) or _PAGE_URL.search(query)
    url = unquote_plus(said[1].decode("latin-1")) if said else ""
    page = read_page(url, is_private=is_private)
    if page.host:
        return page
    referer = read_page(headers.get(b"referer", b"").decode("utf-8", "replace"), is_private=is_private)
    return referer if referer.host else page
