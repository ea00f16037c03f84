"""Whether something that was measured again and again stays flat. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

WARM_UP_SHARE = 0.25  # of the samples: caches fill
FEWEST_SAMPLES = 8  # behind it, or nothing can be said


class Allowance(NamedTuple):
    """What may be added from the first to the last third of the samples without being called growth."""

    share: float
    amount: float


class Slope(NamedTuple):
    name: str
    first: float  # median of the first third behind the warm-up
    last: float  # of the last third
    worst: float
    per_hour: float  # by all the samples behind the warm-up (Theil and Sen: one wild sample changes nothing)
    grows: bool | None  # None: too few samples

    def verdict(self) -> str:
        return "too few samples" if self.grows is None else "GROWS" if self.grows else "flat"


def slope(name: str, samples: Sequence[tuple[float, float]], allowance: Allowance) -> Slope:
    """Of (seconds, value), in their order. It grows when the last third lies above the first by more than is allowed,
    and the line through all samples leads there, too: a step that ends is no growth."""
    kept = samples[int(len(samples) * WARM_UP_SHARE) :]
    values = [value for _, value in kept]
    worst = max(values, default=0.0)
    if len(kept) < FEWEST_SAMPLES:
        return Slope(name, median(values) if values else 0.0, values[-1] if values else 0.0, worst, 0.0, None)
    third = len(values) // 3
    first, last = median(values[:third]), median(values[-third:])
    per_second = _per_second(kept)
    allowed = max(allowance.amount, allowance.share * first)
    lasted = kept[-1][0] - kept[0][0]
    grows = last - first > allowed and per_second * lasted > allowed
    return Slope(name, first, last, worst, per_second * 3_600, grows)


def slopes(
    series: Mapping[str, Sequence[tuple[float, float]]], allowances: Mapping[str, Allowance], usual: Allowance
) -> list[Slope]:
    """Allowances are by the last word of a name (`ingest MB`: `MB`)."""
    return [slope(name, samples, allowances.get(name.split()[-1], usual)) for name, samples in series.items()]


def _per_second(samples: Sequence[tuple[float, float]]) -> float:
    """The median of the slopes of all pairs."""
    pairs = [
        (later - value) / (then - when)
        for number, (when, value) in enumerate(samples)
        for then, later in samples[number + 1 :]
        if then > when
    ]
    return median(pairs) if pairs else 0.0
