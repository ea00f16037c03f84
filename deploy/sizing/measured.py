"""The figures that the sizing rests on: each with its date, its machine and the command that says it again."""

from __future__ import annotations

from pathlib import Path

import msgspec

FILE = Path(__file__).parent / "measured.json"


class Point(msgspec.Struct, frozen=True):
    """One measurement; `at` says how much of what there was."""

    value: float
    at: dict[str, float]
    date: str
    machine: str
    command: str


class Figure(msgspec.Struct, frozen=True):
    unit: str
    points: tuple[Point, ...]

    def most(self, name: str) -> float:
        """Up to where it was measured."""
        return max(point.at.get(name, 0.0) for point in self.points)

    @property
    def worst(self) -> float:
        """Of what something costs."""
        return max(point.value for point in self.points)


class Mix(msgspec.Struct, frozen=True):
    """Of all hits: those that name somebody, and those that join two histories by it."""

    identifies: float
    merges: float


class Measured(msgspec.Struct, frozen=True):
    about: str
    mix: Mix
    figures: dict[str, Figure]

    def points(self, name: str) -> tuple[Point, ...]:
        return self.figures[name].points

    def value(self, name: str) -> float:
        """The first measurement of it."""
        return self.figures[name].points[0].value


def read_measured(path: Path = FILE) -> Measured:
    return msgspec.json.decode(path.read_bytes(), type=Measured)
