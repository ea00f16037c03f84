"""Named points at which a test may kill the process: what was promised must hold wherever it dies.

Off unless `SPOOR_FAULT_POINT` names one of the service's points; then the process ends there, at the n-th passing
(`SPOOR_FAULT_PASSING`, 1 by default), as by kill -9.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection


class FaultPoints:
    def __init__(self, point: str, passing: int) -> None:
        self._point = point
        self._left = passing

    def pass_by(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


NO_FAULTS = FaultPoints("", 1)


def fault_points_from_environment(points: Collection[str]) -> FaultPoints:
    """Raises `ValueError` for a point that is none of these."""
    point = os.environ.get("SPOOR_FAULT_POINT", "")
    if point and point not in points:
        raise ValueError(f"SPOOR_FAULT_POINT: {point!r} is none of {', '.join(points)}")
    return FaultPoints(point, int(os.environ.get("SPOOR_FAULT_PASSING", "1")))
