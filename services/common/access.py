"""Who may call an API: the admin by HTTP Basic, other services by tokens. Compared in constant time. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import blake2b
from typing import NamedTuple, Protocol

from services.common.caller import ADMIN_ID, Caller

MAX_CREDENTIALS_LENGTH = 4_096
INVALID = "Authorization denied, invalid credentials."
NONE_GIVEN = "API authorization denied."


class Shown(NamedTuple):
    """What a request shows of whoever makes it: the value of its Authorization header, or the `access_token` of its
    query or form; and its address."""

    authorization: str
    token: str = ""
    ip: str = ""

    def basic(self) -> tuple[str, str] | None:
        """User and password, None when there are none to be read."""
        scheme, _, said = self.authorization.partition(" ")
        if scheme.lower() != "basic" or len(said) > MAX_CREDENTIALS_LENGTH:
            return None
        try:
            user, separator, password = base64.b64decode(said.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return (user, password) if separator else None

    def bearer(self) -> str:
        """The token, '' when there is none."""
        scheme, _, said = self.authorization.partition(" ")
        given = said.strip() if scheme.lower() == "bearer" else self.token
        return given if len(given) <= MAX_CREDENTIALS_LENGTH else ""


class Refused(NamedTuple):
    """Why a request is not let in, as its answer says it."""

    status: int
    message: str
    kind: str | None = "access_denied"
    retry_after_seconds: int = 0


class Gate(Protocol):
    """Decides whom a request comes from."""

    async def admit(self, shown: Shown, path: str) -> Caller | Refused:
        """Raises what the stores raise."""
        ...


class Access:
    """The login and the tokens that a request may show; a token may have a name before it (`billing:...`)."""

    def __init__(self, user: str, password: str, tokens: tuple[str, ...] = ()) -> None:
        if not password:
            raise ValueError("an empty password would let everybody in")
        self._user, self._expected = user, f"{user}:{password}".encode()
        self._tokens = [(_name(token), token.rpartition(":")[2].encode()) for token in tokens]

    async def admit(self, shown: Shown, path: str) -> Caller | Refused:
        return self.known(shown) or Refused(401, INVALID if shown.authorization or shown.token else NONE_GIVEN)

    def known(self, shown: Shown) -> Caller | None:
        """Who may do everything, None for anybody else."""
        if token := shown.bearer():
            name = self._holder(token)
            return Caller(f"service:{name}", 0, name, ip=shown.ip) if name else None
        if not self.who(shown.authorization):
            return None
        return Caller(f"user:{ADMIN_ID}", ADMIN_ID, self._user, ip=shown.ip)

    def who(self, authorization: str) -> str:
        """Whom the value of an Authorization header proves: the user, or the name of a token. Empty for nobody."""
        scheme, _, said = authorization.partition(" ")
        given = said.strip()
        if len(given) > MAX_CREDENTIALS_LENGTH:
            return ""
        if scheme.lower() == "bearer":
            return self._holder(given)
        return self._user if scheme.lower() == "basic" and self._is_login(given) else ""

    def is_admin(self, user: str, password: str) -> bool:
        return hmac.compare_digest(f"{user}:{password}".encode(), self._expected)

    def is_admin_name(self, user: str) -> bool:
        return user == self._user

    def _holder(self, given: str) -> str:
        known = [name for name, token in self._tokens if hmac.compare_digest(given.encode(), token)]
        return known[0] if known else ""

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
