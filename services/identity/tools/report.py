"""What a tool found, a line per kind: how often, what became of it, and a few ids."""

from __future__ import annotations

import msgspec

EXAMPLES = 5


class Kind(msgspec.Struct):
    """`left` is what was found and not mended. The examples are ids, never values."""

    found: int = 0
    left: int = 0
    examples: list[int | str] = []


class Report(msgspec.Struct):
    numbers: dict[str, int | float] = {}
    kinds: dict[str, Kind] = {}

    def add(self, kind: str, example: int | str, *, is_left: bool = True) -> None:
        """One more of a kind; ids of what is left are told first."""
        of_kind = self.kinds.setdefault(kind, Kind())
        of_kind.found += 1
        of_kind.left += is_left
        if len(of_kind.examples) < EXAMPLES and example not in of_kind.examples:
            of_kind.examples.append(example)

    @property
    def left(self) -> int:
        return sum(kind.left for kind in self.kinds.values())


def as_json(report: Report) -> str:
    """By its name how much of each kind is left, and under `kinds` all that is known of each."""
    left = {name: kind.left for name, kind in report.kinds.items() if kind.left}
    kinds = {name: msgspec.structs.asdict(kind) for name, kind in report.kinds.items()}
    return msgspec.json.encode({**report.numbers, **left, "kinds": kinds}).decode()


def as_lines(report: Report, hints: dict[str, str]) -> str:
    """`hints`: what to do about a kind that is left."""
    lines = [f"{number:>12,}  {name.replace('_', ' ')}" for name, number in report.numbers.items()]
    for name, kind in sorted(report.kinds.items()):
        mended = kind.found - kind.left
        said = f", {mended:,} of them mended" if mended else ""
        hint = f"; {hints[name]}" if kind.left and name in hints else ""
        lines.append(f"{kind.found:>12,}  {name}{said}: {', '.join(map(str, kind.examples))}{hint}")
    return "\n".join(lines)
