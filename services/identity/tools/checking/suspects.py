"""What looked wrong once, kept until it can be looked at again: a write that was under way is done by then.

At most some ten thousands wait at a time; whoever adds more waits first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from services.identity.tools.checking.findings import Finding

MOST = 50_000  # some 20 MB
AT_ONCE = 1_000


class Batch(NamedTuple):
    due: float  # by the clock of the caller, seconds
    findings: list[Finding]


class Suspects:
    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._batches: deque[Batch] = deque()
        self._count = 0

    @property
    def is_full(self) -> bool:
        return self._count >= MOST

    def add(self, findings: Iterable[Finding], now: float) -> None:
        found = list(dict.fromkeys(findings))
        for start in range(0, len(found), AT_ONCE):
            self._batches.append(Batch(now + self._pause_seconds, found[start : start + AT_ONCE]))
        self._count += len(found)

    def next_due(self) -> float | None:
        """When the first of them can be looked at again; None when there are none."""
        return self._batches[0].due if self._batches else None

    def take(self) -> list[Finding]:
        batch = self._batches.popleft()
        self._count -= len(batch.findings)
        return batch.findings
