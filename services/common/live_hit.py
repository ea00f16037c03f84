"""What the live feed tells of one hit, or of a request that became none. Pure.

Never an address, a device id or a query; of who asks not to be tracked no page beyond its host.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

STORED, DROPPED, SERVED = "stored", "dropped", "served"  # served: the script, which is no hit
VERDICTS = (STORED, DROPPED, SERVED)
ORIGIN_REFUSED = "origin_refused"  # the browser kept the answer from the page
NEW, IDENTIFIED, MERGED, MOVED = "new", "identified", "merged", "moved"
CHANGES = (NEW, IDENTIFIED, MERGED, MOVED)
MAX_PAGE_LENGTH = 500
MAX_ORIGIN_LENGTH = 200
MAX_TITLE_LENGTH = 200


class LiveHit(msgspec.Struct, array_like=True, frozen=True):
    """One entry. `page` is an address without its query, `host` the one of the page, or else of the origin."""

    time_ms: int
    verdict: str
    reason: str
    what: str  # the door that it came through
    page: str = ""
    host: str = ""
    origin: str = ""
    has_cookie: bool | None = None  # whether a device cookie came along, where that is known
    contact_id: int = 0
    is_identified: bool | None = None  # the contact, of hits that were stored
    change: str = ""  # one of `CHANGES`, or nothing
    kind: str = ""  # the type of the event
    title: str = ""
    bot: str = ""  # which one, of bots' hits


class Page(msgspec.Struct, frozen=True):
    """Where a page is."""

    address: str = ""
    host: str = ""


def read_page(url: str, *, is_private: bool = False) -> Page:
    """Without query, fragment and login; of somebody who asks not to be tracked the host alone."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        place = f"[{host}]" if ":" in host else host
        place += f":{parts.port}" if parts.port else ""
    except ValueError:
        return Page()
    if parts.scheme not in ("http", "https", ""):
        return Page()
    if is_private:
        return Page(host, host)
    address = parts._replace(netloc=place, query="", fragment="").geturl()
    return Page(address[:MAX_PAGE_LENGTH], host)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LiveHit)


def encode_live_hit(hit: LiveHit) -> bytes:
    return _encoder.encode(hit)


def decode_live_hit(data: bytes) -> LiveHit:
    """Raises `msgspec.DecodeError`."""
    return _decoder.decode(data)
