"""Named points at which a test may kill the process: what was promised must hold wherever it dies.

Off unless `SPOOR_FAULT_POINT` names one of `POINTS`; then the process ends there, at the n-th passing
(`SPOOR_FAULT_PASSING`, 1 by default), as by kill -9.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "after_read",
    "after_company_claim",
    "after_company",
    "after_claim",
    "after_profile",
    "after_insert",
    "after_ack",
)


class FaultPoints:
    def __init__(self, point: str, passing: int) -> None:
        if point and point not in POINTS:
            raise ValueError(f"SPOOR_FAULT_POINT: {point!r} is none of {', '.join(POINTS)}")
        self._point = point
        self._left = passing

    def pass_by(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def fault_points_from_environment() -> FaultPoints:
    return FaultPoints(os.environ.get("SPOOR_FAULT_POINT", ""), int(os.environ.get("SPOOR_FAULT_PASSING", "1")))
