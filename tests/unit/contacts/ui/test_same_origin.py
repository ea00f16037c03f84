"""Requests from pages of others change nothing."""

from __future__ import annotations

import pytest

from services.contacts.ui.same_origin import is_from_here

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
