"""Clocks that step, as the services or Redis see them. Needs libfaketime (`apt-get install libfaketime`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loadtests.faults.fault import Fault, Lengths, NotRunError
from loadtests.faults.stage import Stage

FAMILY = "clock"
# A hit whose own time is more than a minute ahead of ingest loses it, and with it the id that the ledger goes by.
STEPS = ("+3600", "+0", "-45", "+0")


@contextmanager
def _services_with_clock(stage: Stage) -> Iterator[None]:
    environ = _environ(stage)
    with ExitStack() as services:
        for name in ("ingest", *stage.resolvers):
            services.enter_context(stage.serving_with(name, **environ))
        yield


@contextmanager
def _redis_with_clock(stage: Stage) -> Iterator[None]:
    before = dict(stage.environ)
    stage.environ.update(_environ(stage))
    stage.stop("valkey")
    stage.start_again("valkey")
    stage.environ = before
    stage.wait_until_ready()
    yield
    stage.stop("valkey")
    stage.start_again("valkey")


def _step(stage: Stage, seconds: float) -> str:
    for offset in STEPS:
        _clock(stage).write_text(offset)
        time.sleep(seconds / len(STEPS))
    return f"{', '.join(STEPS)} s"


def _clock(stage: Stage) -> Path:
    return stage.folder / "clock"


def _environ(stage: Stage) -> dict[str, str]:
    """Time of day is what the file says; what measures durations is left alone, as a step leaves it alone."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise NotRunError("libfaketime is not installed (apt-get install libfaketime)")
    _clock(stage).write_text("+0")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(_clock(stage)),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


FAULTS = (
    Fault(FAMILY, "clocks of ingest and identity step", _step, Lengths(4, 12, 120), setting=_services_with_clock),
    Fault(FAMILY, "Redis' clock steps", _step, Lengths(4, 12, 120), setting=_redis_with_clock),
)
