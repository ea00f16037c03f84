"""Aliases that are made of names: letters with marks count as those without."""

from __future__ import annotations

import pytest

from services.contacts.records.record_body import alias_of
from services.contacts.segments.definition import slug


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("Größe", "grosse"),
        ("Static Älpha", "static_alpha"),
        ("Café №5", "cafe_no5"),
        ("İstanbul", "istanbul"),
        ("Ready -- steady!", "ready_steady"),
        ("Москва", ""),
    ],
)
def test_an_alias_keeps_the_letters_of_its_name(name: str, alias: str) -> None:
    assert alias_of(name) == alias
    assert slug(name) == (alias.replace("_", "-") or "segment")


def test_an_alias_made_of_one_is_the_same() -> None:
    assert alias_of(alias_of("Größe der Füße")) == alias_of("Größe der Füße") == "grosse_der_fusse"
