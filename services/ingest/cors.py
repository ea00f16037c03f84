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
_REFUSED: Headers = [VARY]


class Cors:
    """Exact origins, and patterns in which `*` stands for any part of a host name or port; case does not matter."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        patterns = "|".join(_pattern(origin.rstrip("/")) for origin in origins)
        self._pattern = re.compile((patterns or r"(?!)").encode(), re.IGNORECASE)
        self._known: dict[bytes, Headers] = {}
        self._refused: dict[bytes, float] = {}  # when last

    def headers(self, origin: bytes | None) -> Headers:
        """The headers for a request's Origin; only `Vary` when there is none or it may not read."""
        if origin is None:
            return [VARY]
        known = self._known.get(origin)
        if known is None:
            is_allowed = origin != b"null" and self._pattern.fullmatch(origin) is not None
            known = [(b"access-control-allow-origin", origin), *_ALLOWED, VARY] if is_allowed else _REFUSED
            if len(self._known) < MAX_CACHED_ORIGINS and len(origin) < 300:
                self._known[origin] = known
            if not is_allowed:
                self._begin_to_refuse(origin)
        elif known is _REFUSED and origin in self._refused:
            self._refused[origin] = time.monotonic()
        return known

    def allows(self, origin: bytes) -> bool:
        return self.headers(origin) is not _REFUSED

    def refused(self) -> list[str]:
        """Sites that were refused within the last hour."""
        oldest = time.monotonic() - REFUSED_SECONDS
        return sorted(origin.decode() for origin, last in self._refused.items() if last > oldest)

    def _begin_to_refuse(self, origin: bytes) -> None:
        if not _SITE.fullmatch(origin):
            return
        log.warning("origin_refused", origin=origin.decode(), hint="SPOOR_CORS_ORIGINS")
        self._refused[origin] = time.monotonic()
        if len(self._refused) > MAX_REFUSED_ORIGINS:
            del self._refused[min(self._refused, key=self._refused.__getitem__)]


def _pattern(origin: str) -> str:
    """An origin without a scheme is one of either."""
    scheme = "" if "://" in origin else "https?://"
    return scheme + re.escape(origin).replace(r"\*", r"[^/@\s]*")
