"""Requests from pages of others change nothing."""

from __future__ import annotations

import pytest

from services.common.same_origin import is_from_here, is_of_another_page

HOST = {"host": "spoor.example:8082"}


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://spoor.example:8082"}, False),
        ({"origin": "https://spoor.example:8082"}, True),
        ({"origin": "https://SPOOR.example:8082"}, True),
        ({"origin": "https://spoor.example"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://["}, False),
        ({}, True),
    ],
)
def test_a_change_comes_from_our_own_pages(headers: dict[str, str], is_ours: bool) -> None:
    assert is_from_here({**HOST, **headers}) is is_ours


def test_an_origin_without_a_host_to_compare_with_is_not_ours() -> None:
    assert not is_from_here({"origin": "https://spoor.example"})


CROSS = {**HOST, "sec-fetch-site": "cross-site", "origin": "https://evil.example"}


@pytest.mark.parametrize(
    ("method", "authorization", "headers", "is_refused"),
    [
        ("POST", "Basic eDp5", CROSS, True),
        ("DELETE", "basic eDp5", CROSS, True),
        ("POST", "Basic eDp5", HOST, False),
        ("POST", "Basic eDp5", {**HOST, "sec-fetch-site": "same-origin"}, False),
        ("GET", "Basic eDp5", CROSS, False),
        ("POST", "Bearer x", CROSS, False),
        ("POST", "", CROSS, False),
    ],
)
def test_a_page_of_another_site_cannot_use_the_login_that_a_browser_remembers(
    method: str, authorization: str, headers: dict[str, str], is_refused: bool
) -> None:
    assert is_of_another_page(method, authorization, headers) is is_refused
