"""What became of the hits of the last minutes, as the processes that took them have counted it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.common.envelope import ApiError, whole_number
from services.common.minute_counts import ACCEPTED, DROPPED, MINUTE, REFUSED, STORED, Counts
from services.common.php_query import Node
from services.contacts.objects import Json, iso

DEFAULT_MINUTES, MAX_MINUTES = 60, 1_440  # no more are kept


class HitCounts(NamedTuple):
    """Of each minute, and by reason over all of them."""

    minutes: list[Json]
    drops: dict[str, int]
    refusals: dict[str, int]


def read_minutes(query: Mapping[str, Node]) -> int:
    """Raises `ApiError` 400."""
    minutes = whole_number(query, "minutes", DEFAULT_MINUTES, most=MAX_MINUTES)
    if not minutes:
        text = f"minutes must be a whole number from 1 to {MAX_MINUTES}."
        raise ApiError(400, text, {"minutes": ["This value is not valid."]})
    return minutes


def last_minutes(now: float, minutes: int) -> range:
    """Since 1970; the last one still runs."""
    this = int(now // MINUTE)
    return range(this - minutes + 1, this + 1)


def hit_counts(minutes: Sequence[int], counted: Sequence[Counts]) -> HitCounts:
    drops: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    told = []
    for minute, counts in zip(minutes, counted, strict=True):
        dropped = _reasons(counts, DROPPED)
        drops.update(dropped)
        refusals.update(_reasons(counts, REFUSED))
        told.append(
            {
                "minute": iso(minute * MINUTE * 1_000_000),
                "accepted": counts.get(ACCEPTED, 0),
                "stored": counts.get(STORED, 0),
                "dropped": sum(dropped.values()),
            }
        )
    return HitCounts(told, dict(drops.most_common()), dict(refusals.most_common()))


def identified_share(visitors: int, contacts: int) -> float:
    both = visitors + contacts
    return round(contacts / both, 4) if both else 0.0


def _reasons(counts: Counts, outcome: str) -> dict[str, int]:
    start = f"{outcome}:"
    return {name.removeprefix(start): count for name, count in counts.items() if name.startswith(start)}
