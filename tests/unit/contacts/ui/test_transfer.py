"""What the forms of exports and imports say to the API."""

from __future__ import annotations

import pytest

from services.contacts.ui.form import Form
from services.contacts.ui.transfer.exports_page import read_rhythm
from services.contacts.ui.transfer.imports_page import read_mapping

LONG = "9" * 5_000


@pytest.mark.parametrize(("typed", "said"), [("3", 3), ("", ""), ("noon", "noon"), ("²", "²"), (LONG, LONG)])
def test_a_number_that_is_none_is_left_to_the_api(typed: str, said: int | str) -> None:
    assert read_rhythm(Form([("every", "daily"), ("hour", typed)]))["hour"] == said
    mapping = read_mapping(Form([("owner", typed)]), 0, {"delimiter": ","})
    assert mapping["defaults"]["owner"] == (said or None)
