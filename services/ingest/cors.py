"""Which origins may read our answers, and which asked in vain. Pure but for the clock."""

from __future__ import annotations

import re
import time

import structlog

from services.ingest.answers import Headers

log = structlog.get_logger()

MAX_CACHED_ORIGINS = 10_000
MAX_REFUSED_ORIGINS = 20
REFUSED_SECONDS = 3_600.0  # for so long a site that was refused is told of
_SITE = re.compile(rb"https?://[a-z0-9.:\[\]-]{1,200}", re.IGNORECASE)
_ALLOWED = (
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-allow-headers", b"Origin, X-Requested-With, Content-Type, Authorization"),
    (b"access-control-allow-methods", b"PUT, GET, POST, DELETE, OPTIONS"),
    (b"access-control-max-age", b"36000"),
)
VARY = (b"vary", b"Origin")


class Cors:
    """Exact origins, and patterns in which `*` stands for any part of a host name or port; case does not matter."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        patterns = "|".join(_pattern(origin.rstrip("/")) for origin in origins)
        self._pattern = re.compile((patterns or r"(?!)").encode(), re.IGNORECASE)
        self._known: dict[bytes, Headers] = {}
        self._refused: dict[bytes, float] = {}  # when last, oldest first

    def headers(self, origin: bytes | None) -> Headers:
        """The headers for a request's Origin; only `Vary` when there is none or it may not read."""
        if origin is None:
            return [VARY]
        known = self._known.get(origin)
        if known is None:
            if origin == b"null" or not self._pattern.fullmatch(origin):
                self._note_refused(origin)
                return [VARY]
            known = [(b"access-control-allow-origin", origin), *_ALLOWED, VARY]
            if len(self._known) < MAX_CACHED_ORIGINS and len(origin) < 300:
                self._known[origin] = known
        return known

    def refused(self) -> list[str]:
        """Sites that were refused within the last hour, the latest ones last."""
        oldest = time.monotonic() - REFUSED_SECONDS
        return [origin.decode() for origin, last in self._refused.items() if last > oldest]

    def _note_refused(self, origin: bytes) -> None:
        if not _SITE.fullmatch(origin):
            return
        if self._refused.pop(origin, None) is None:
            log.warning("origin_refused", origin=origin.decode(), hint="SPOOR_CORS_ORIGINS")
        self._refused[origin] = time.monotonic()
        if len(self._refused) > MAX_REFUSED_ORIGINS:
            del self._refused[next(iter(self._refused))]


def _pattern(origin: str) -> str:
    """An origin without a scheme is one of either."""
    scheme = "" if "://" in origin else "https?://"
    return scheme + re.escape(origin).replace(r"\*", r"[^/@\s]*")
