"""Whether a request that changes something comes from our own pages, and not from somebody else's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD"})
FROM_ELSEWHERE = "A page of another site may not use the login that this browser remembers."


def is_from_here(headers: Mapping[str, str]) -> bool:
    """Browsers say where a request comes from, older ones by its Origin; what is no browser says neither, and has no
    session that somebody else could use."""
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    return _host(origin) == headers.get("host", "").lower() != ""


def is_of_another_page(method: str, authorization: str, headers: Mapping[str, str]) -> bool:
    """Whether this changes something by a login that a browser only remembers: it sends a Basic one along with forms of
    anybody's page, while a token is sent by whoever knows it."""
    return method not in SAFE_METHODS and authorization[:6].lower() == "basic " and not is_from_here(headers)


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
