"""The cookie that tells ingest of a user who is logged in to our own pages: their visits are nobody's. Pure."""

from __future__ import annotations

import hashlib

from itsdangerous import BadData, TimestampSigner

NAME = "spoor_user"
LIFE_SECONDS = 43_200
MAX_LENGTH = 200


class UserCookies:
    """Made and judged under the installation's secrets: the first one signs, all of them verify."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._signer = TimestampSigner(list(reversed(secrets)), salt="spoor-user-cookie", digest_method=hashlib.sha256)

    def header(self) -> str:
        """The value of a Set-Cookie header; it is sent to ingest also from the pages of others."""
        return _cookie(self._signer.sign("user").decode(), LIFE_SECONDS)

    def farewell(self) -> str:
        """The header of whoever logs out: from then on their visits count again."""
        return _cookie("", 0)

    def is_good(self, value: str) -> bool:
        try:
            return len(value) <= MAX_LENGTH and self._signer.unsign(value, max_age=LIFE_SECONDS) == b"user"
        except BadData:
            return False


def _cookie(value: str, seconds: int) -> str:
    return f"{NAME}={value}; max-age={seconds}; path=/; secure; httponly; samesite=none"
