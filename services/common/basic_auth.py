"""HTTP Basic authentication: one login, compared in constant time. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac


class BasicAuth:
    """The login that a request must show."""

    def __init__(self, user: str, password: str) -> None:
        if not password:
            raise ValueError("an empty password would let everybody in")
        self._expected = f"{user}:{password}".encode()

    def admits(self, authorization: str) -> bool:
        """Whether the value of an Authorization header is the login."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic" or len(encoded) > 4_096:
            return False
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, self._expected)
