"""Who may call an API: the admin by HTTP Basic, other services by tokens. Compared in constant time. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import blake2b

MAX_CREDENTIALS_LENGTH = 4_096


class Access:
    """The login and the tokens that a request may show; a token may have a name before it (`billing:...`)."""

    def __init__(self, user: str, password: str, tokens: tuple[str, ...] = ()) -> None:
        if not password:
            raise ValueError("an empty password would let everybody in")
        self._user, self._expected = user, f"{user}:{password}".encode()
        self._tokens = [(_name(token), token.rpartition(":")[2].encode()) for token in tokens]

    def who(self, authorization: str) -> str:
        """Whom the value of an Authorization header proves: the user, or the name of a token. Empty for nobody."""
        scheme, _, said = authorization.partition(" ")
        given = said.strip()
        if len(given) > MAX_CREDENTIALS_LENGTH:
            return ""
        if scheme.lower() == "bearer":
            known = [name for name, token in self._tokens if hmac.compare_digest(given.encode(), token)]
            return known[0] if known else ""
        return self._user if scheme.lower() == "basic" and self._is_login(given) else ""

    def _is_login(self, encoded: str) -> bool:
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, self._expected)


def _name(token: str) -> str:
    """What stands before a token, else a short hash of it."""
    name, separator, secret = token.rpartition(":")
    return name if separator and name else f"token-{blake2b(secret.encode(), digest_size=4).hexdigest()}"
