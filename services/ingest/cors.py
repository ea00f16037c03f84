"""Which origins may read our answers. Pure."""

from __future__ import annotations

import re

from services.ingest.answers import Headers

MAX_CACHED_ORIGINS = 10_000
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

    def headers(self, origin: bytes | None) -> Headers:
        """The headers for a request's Origin; only `Vary` when there is none or it may not read."""
        if origin is None:
            return [VARY]
        known = self._known.get(origin)
        if known is None:
            is_allowed = origin != b"null" and self._pattern.fullmatch(origin) is not None
            known = [(b"access-control-allow-origin", origin), *_ALLOWED, VARY] if is_allowed else [VARY]
            if len(self._known) < MAX_CACHED_ORIGINS and len(origin) < 300:
                self._known[origin] = known
        return known


def _pattern(origin: str) -> str:
    """An origin without a scheme is one of either."""
    scheme = "" if "://" in origin else "https?://"
    return scheme + re.escape(origin).replace(r"\*", r"[^/@\s]*")
