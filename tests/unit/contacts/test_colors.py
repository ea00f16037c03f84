"""The color of a contact by its points."""

from __future__ import annotations

import pytest

from services.common.documents import Trigger
from services.contacts.points.colors import colors_of

TRIGGERS = {
    1: Trigger(name="hot", points=100, color="ff0000"),
    2: Trigger(name="cold", points=-5, color="0000ff"),
    3: Trigger(name="warm", points=10, color="00ff00"),
    4: Trigger(name="warmer", points=10, color="ffff00"),
    5: Trigger(name="a draft", points=50, color="000000", is_published=False),
}


@pytest.mark.parametrize(
    ("points", "color"),
    [(-6, None), (-5, "0000ff"), (9, "0000ff"), (10, "ffff00"), (99, "ffff00"), (100, "ff0000"), (10**9, "ff0000")],
)
def test_the_highest_published_trigger_within_the_points_counts_and_of_two_the_later(
    points: int, color: str | None
) -> None:
    assert colors_of(TRIGGERS).of(points) == color


def test_without_triggers_there_is_no_color() -> None:
    assert colors_of({}).of(0) is None
