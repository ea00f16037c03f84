"""The one user of this server, told in any of the ways that ClickHouse takes."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hmac
from collections.abc import Mapping

from deploy.embedded.clickhouse.errors import AUTHENTICATION_FAILED, REQUIRED_PASSWORD, refused


@dataclasses.dataclass(frozen=True)
class Credentials:
    user: str
    password: str

    def check(self, query: Mapping[str, str], headers: Mapping[str, str]) -> None:
        """Raises `ClickHouseError` unless the request is this user's. Takes the same time for every wrong password."""
        user, password = _given(query, headers)
        if not user and not password:
            raise refused(REQUIRED_PASSWORD, "REQUIRED_PASSWORD", "A user and a password are required")
        is_user = hmac.compare_digest(user.encode(), self.user.encode())
        if not hmac.compare_digest(password.encode(), self.password.encode()) or not is_user:
            message = f"{user}: Authentication failed: password is incorrect, or there is no user with such name"
            raise refused(AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", message)


def _given(query: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", ""), headers.get("x-clickhouse-key", "")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return _basic(value)
    return query.get("user", ""), query.get("password", "")


def _basic(value: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "?", ""
    return user, password
