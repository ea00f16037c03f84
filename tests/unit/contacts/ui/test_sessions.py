"""The cookie of a session is for https where the page is, and only a proxy that is trusted says that it is."""

from __future__ import annotations

from typing import Any, cast

import pytest
from starlette.requests import Request

from services.common.logins import Logins
from services.common.peer import read_networks
from services.contacts.ui.sessions import Sessions

PROXY = read_networks(["10.0.0.1"])


def request(peer: str, said: str, scheme: str = "http") -> Request:
    headers = [(b"x-forwarded-proto", said.encode())] if said else []
    return Request({"type": "http", "method": "POST", "path": "/ui/login", "query_string": b"", "scheme": scheme,
                    "server": ("spoor.example", 80), "headers": headers, "client": (peer, 1)})  # fmt: skip


@pytest.mark.parametrize(
    ("peer", "said", "scheme", "trusted", "is_secure"),
    [
        ("10.0.0.1", "https", "http", PROXY, True),
        ("10.0.0.1", "http", "https", PROXY, False),
        ("192.0.2.1", "https", "http", PROXY, False),
        ("192.0.2.1", "http", "https", PROXY, True),
        ("10.0.0.1", "https", "http", (), False),
        ("192.0.2.1", "", "https", PROXY, True),
        ("10.0.0.1", "https, http", "http", PROXY, True),
        ("10.0.0.1", "HTTPS", "http", PROXY, True),
        ("10.0.0.1", "http, https", "http", PROXY, False),
    ],
)
def test_only_a_trusted_proxy_says_that_a_page_is_shown_by_https(
    peer: str, said: str, scheme: str, trusted: Any, is_secure: bool
) -> None:
    cookie = Sessions(cast(Logins, None), trusted).cookie(request(peer, said, scheme), "sps_x")
    assert cookie.endswith("; secure") is is_secure
    assert "httponly; samesite=lax" in cookie
