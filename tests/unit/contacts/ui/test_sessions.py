"""Cookies of sessions."""

from __future__ import annotations

from ipaddress import ip_network
from typing import cast

import pytest
from starlette.requests import Request

from services.common.logins import Logins
from services.contacts.ui.sessions import Sessions


@pytest.mark.parametrize(
    ("said", "is_secure"),
    [("https", True), ("https, http", True), ("HTTPS", True), ("http", False), ("http, https", False)],
)
def test_a_cookie_is_secure_where_the_browser_came_by_https(said: str, is_secure: bool) -> None:
    scope = {"type": "http", "scheme": "http", "method": "GET", "path": "/", "query_string": b"",
             "headers": [(b"x-forwarded-proto", said.encode())]}  # fmt: skip
    sessions = Sessions(cast(Logins, None), [ip_network("10.0.0.0/8")])
    assert sessions.cookie(Request(scope), "token").endswith("; secure") is is_secure
