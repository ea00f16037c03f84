"""What the door tells whoever watches, and what it keeps to itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.common.live_hit import LiveHit
from services.ingest.cors import Cors
from services.ingest.live import Live
from services.ingest.visitor import Visitors

ALIASES = {"/s.js": "/mtc.js", "/hit": "/mtc/event"}
Lines = list[tuple[bytes, bytes]]


class FakeFeed:
    is_watched = True

    def __init__(self) -> None:
        self.hits: list[LiveHit] = []

    def tell(self, make: Callable[..., LiveHit], *told: Any) -> None:
        self.hits.append(make(*told))


def make() -> tuple[Live, list[LiveHit]]:
    feed: Any = FakeFeed()
    visitors = Visitors((), (), track_private_ip_ranges=True)
    return Live(feed, Cors(("https://shop.example",)), visitors, ALIASES), feed.hits


def scope(path: str = "/mtc/event", method: str = "GET", query: bytes = b"", *headers: tuple[bytes, bytes]) -> Any:
    return {"type": "http", "path": path, "method": method, "query_string": query, "headers": list(headers)}


def answer(live: Live, asked: Any, status: int) -> list[Any]:
    """What went out when the request is answered so."""
    sent: list[Any] = []

    def send(message: Any) -> Awaitable[None]:
        sent.append(message)
        nothing: Any = None
        return nothing  # type: ignore[no-any-return]

    live.watched(asked, send)({"type": "http.response.start", "status": status})
    return sent


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/mtracking.gif", "pixel"), ("/mtc/event", "event"), ("/hit", "event"), ("/form/submit", "form"),
        ("/v1/batch", "batch"), ("/r/5", "touch"), ("/email/secret-token.gif", "touch"), ("/mtc", "identity"),
    ],
)  # fmt: skip
def test_a_drop_says_through_which_door_it_came_and_never_its_path(path: str, what: str) -> None:
    live, hits = make()
    live.drop("prefetch", scope(path), {})
    assert hits == [LiveHit(hits[0].time_ms, "dropped", "prefetch", what, has_cookie=False)]


def test_a_page_is_what_the_request_says_else_where_it_came_from() -> None:
    live, hits = make()
    headers = {b"referer": b"https://shop.example/from?x=1", b"cookie": b"a=b; mautic_device_id=abc"}
    query, body = b"page_url=https%3A%2F%2Fshop.example%2Fquery%3Fx", b"a=b&page_url=https://shop.example/b%C3%B6dy"
    live.drop("prefetch", scope("/mtc/event", "POST", query), headers, body)
    live.drop("prefetch", scope("/mtc/event", "GET", query), headers)
    live.drop("prefetch", scope("/mtc/event", "GET", b"page_url=/path"), headers)
    live.drop("prefetch", scope("/mtc/event", "GET", b"page_url=/path"), {b"origin": b"https://shop.example"})
    pages = [hit.page for hit in hits]
    assert pages == ["https://shop.example/bödy", "https://shop.example/query", "https://shop.example/from", "/path"]
    assert [hit.has_cookie for hit in hits] == [True, True, True, False]
    assert {hit.host for hit in hits} == {"shop.example"}


@pytest.mark.parametrize(
    "header", [(b"dnt", b"1"), (b"sec-gpc", b"1"), (b"cookie", b"mautic_consent=deny; mautic_device_id=abc")]
)
@pytest.mark.parametrize(
    ("path", "status", "reasons"),
    [("/mtc/event", 413, ["origin_refused", "body_too_large"]), ("/mtc.js", 200, ["origin_refused", ""])],
)
def test_of_who_asks_not_to_be_tracked_no_page_is_told_whatever_became_of_it(
    header: tuple[bytes, bytes], path: str, status: int, reasons: list[str]
) -> None:
    live, hits = make()
    lines = (header, (b"referer", b"https://shop.example/secret"), (b"origin", b"https://stranger.example"))
    answer(live, scope(path, "GET", b"page_url=https://shop.example/secret", *lines), status)
    assert [hit.reason for hit in hits] == reasons
    assert {hit.page for hit in hits} == {"shop.example"}
    assert "secret" not in str(hits)


@pytest.mark.parametrize(
    ("origin", "is_refused"),
    [
        (b"https://shop.example", False), (b"https://stranger.example", True), (b"null", True),
        (b"https://door.example:8080", False), (b"https://door.example", True), (None, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_an_origin_is_refused_unless_it_is_listed_or_our_own(
    origin: bytes | None, is_refused: bool, method: str
) -> None:
    live, hits = make()
    lines = [(b"host", b"Door.example:8080"), *([(b"origin", origin)] if origin else [])]
    answer(live, scope("/mtc/event", method, b"", *lines), 204)
    assert [hit.reason for hit in hits] == ["origin_refused"] * is_refused


def test_a_script_is_told_of_when_it_is_fetched_and_what_is_no_door_never() -> None:
    live, hits = make()
    for path in ("/mtc.js", "/s.js"):
        answer(live, scope(path), 304)
    assert [(hit.verdict, hit.what) for hit in hits] == [("served", "script")] * 2
    for path, method, status in (
        ("/mtc.js", "OPTIONS", 204), ("/readyz", "GET", 503), ("/wp-login.php", "GET", 404), ("*", "OPTIONS", 204),
        ("", "GET", 404),
    ):  # fmt: skip
        assert len(answer(live, scope(path, method, b"", (b"origin", b"https://x.example")), status)) == 1
    assert [hit.reason for hit in hits[2:]] == ["origin_refused"], "of the script"


def test_a_request_that_is_told_an_error_is_told_of_by_its_reason_and_answered() -> None:
    live, hits = make()
    assert answer(live, scope(), 503) == [{"type": "http.response.start", "status": 503}]
    answer(live, scope(), 200)
    answer(live, scope(), 302)
    assert [hit.reason for hit in hits] == ["hits_cannot_be_kept"]
    live.refuse_events(["bad_request", "blocked_address"], scope("/v1/batch", "POST"))
    assert [(hit.reason, hit.what) for hit in hits[1:]] == [("bad_request", "batch"), ("blocked_address", "batch")]
