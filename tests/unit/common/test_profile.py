"""The fold of a contact's parts."""

from __future__ import annotations

from services.common.profile import MAX_POINTS, Part, Profile, fold


def test_points_add_up_and_stay_within_their_column() -> None:
    many = Part(added_us=1, points=MAX_POINTS)
    assert fold(Profile(1, own=Part(added_us=1, points=3), losers={2: Part(added_us=1, points=4)})).points == 7
    assert fold(Profile(1, own=many, losers={2: many})).points == MAX_POINTS
