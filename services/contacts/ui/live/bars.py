"""A chart of hits by the minute, as rectangles of a drawing of a fixed size. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

WIDTH, HEIGHT = 720, 120
MOST_BARS = 120
GAP = 1.0


class Bar(NamedTuple):
    """`stored` and `dropped` are heights, the second one stands on the first."""

    x: float
    width: float
    stored: float
    dropped: float
    label: str


class Bars(NamedTuple):
    bars: list[Bar]
    most: int  # what the full height means, hits a minute
    minutes_each: int


def bars(minutes: Sequence[dict[str, Any]]) -> Bars:
    """Of more minutes than there is room for, several share a bar, which is as high as they are on average."""
    each = -(-len(minutes) // MOST_BARS) or 1
    groups = [minutes[start : start + each] for start in range(0, len(minutes), each)]
    sums = [(_mean(group, "stored"), _mean(group, "dropped")) for group in groups]
    most = max((stored + dropped for stored, dropped in sums), default=0)
    scale, step = HEIGHT / max(most, 1), WIDTH / max(len(groups), 1)
    drawn = [
        Bar(round(place * step, 2), round(max(step - GAP, 1), 2), round(stored * scale, 2), round(dropped * scale, 2),
            f"{group[0]['minute'][11:16]} UTC: {stored:,.0f} stored, {dropped:,.0f} dropped a minute")
        for place, (group, (stored, dropped)) in enumerate(zip(groups, sums, strict=True))
    ]  # fmt: skip
    return Bars(drawn, round(most), each)


def _mean(group: Sequence[dict[str, Any]], name: str) -> float:
    total: int = sum(one[name] for one in group)
    return total / max(len(group), 1)
