"""A text is found in what was told of an event, and not in the names of that."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from services.contacts.timeline.event_search import value_pattern

TOLD = {
    "submission": {"results": {"city": 'Rome, "Trastevere"', "size": 7}, "referer": "https://x.org/?a={b}:c"},
    "form": {"fields": [{"alias": "street"}, {"alias": "Zürich"}], "tags": ["first", "last"], "price": -12.5},
    "isRead": True,
}


def is_found(search: str, told: Any = TOLD) -> bool:
    stored = msgspec.json.encode(told).decode()
    lower = "".join(letter.lower() if letter.isascii() else letter for letter in stored)
    return bool(re2.search(value_pattern(search), lower))


@pytest.mark.parametrize(
    "search",
    [
        "rome",
        'ROME, "tras',
        "7",
        "12.5",
        "-12",
        "true",
        "x.org/?a={b}",
        "}:c",
        "street",
        "zürich",
        "ZÜR",
        "first",
        "last",
    ],
)
def test_a_value_is_found(search: str) -> None:
    assert is_found(search)


@pytest.mark.parametrize("search", ["submission", "results", "city", "alias", "isread", "size", 'size":7', "rome.*"])
def test_a_name_is_not(search: str) -> None:
    assert not is_found(search)


@given(st.text(min_size=1, max_size=20), st.text(max_size=10), st.text(max_size=10))
def test_whatever_a_value_is_it_is_found(search: str, before: str, behind: str) -> None:
    assert is_found(search, {"name": [f"{before}{search}{behind}", "x"]})
