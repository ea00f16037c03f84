"""What hits cost in cores, as lines through what was measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from deploy.sizing.measured import Measured, Point


class Line(NamedTuple):
    """`base` for each of so many, and `slope` for each more of what drives it."""

    base: float
    slope: float

    def at(self, count: float, rate: float) -> float:
        return self.base * count + self.slope * rate


class Costs(NamedTuple):
    """Cores: of an ingest process and of all resolvers by hits a second; of ClickHouse by resolvers, too, and of Redis
    by ingest processes, for each of these inserts or appends in a rhythm of its own."""

    ingest: Line
    identity: Line
    clickhouse: Line
    redis: Line


def fit(measured: Measured) -> Costs:
    return Costs(
        _line(measured.points("ingest_cores"), ""),
        _line(measured.points("identity_cores"), ""),
        _line(measured.points("clickhouse_cores"), "resolvers"),
        _line(measured.points("redis_cores"), "ingest"),
    )


def _line(points: Sequence[Point], counted: str) -> Line:
    """The line whose errors, as shares of what was measured, have the least squares. Neither part is below 0."""
    rows = [
        (point.at.get(counted, 1.0) if counted else 1.0, point.at["hits_per_second"], point.value) for point in points
    ]
    weighed = [(count / value, rate / value) for count, rate, value in rows]
    aa, bb = sum(a * a for a, _ in weighed), sum(b * b for _, b in weighed)
    ab, a1, b1 = (sum(a * b for a, b in weighed), sum(a for a, _ in weighed), sum(b for _, b in weighed))
    determinant = aa * bb - ab * ab
    base, slope = (a1 * bb - b1 * ab) / determinant, (b1 * aa - a1 * ab) / determinant
    return Line(max(base, 0.0), max(slope, 0.0))
