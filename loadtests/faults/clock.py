"""Clocks that step, as a service or Redis sees them. Needs libfaketime (`apt-get install libfaketime`)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from loadtests.faults.fault import Fault, Lengths, NotRunError
from loadtests.faults.stage import Stage

FAMILY = "clock"
STEPS = ("+3600", "+0", "-3600", "+0")
FORWARD = ("+0", "+60", "+3600")  # back is another matter: see docs/reliability.md
NOTICED_SECONDS = 1  # how often a process looks at what its clock shall say


@contextmanager
def _ingest_with_clock(stage: Stage) -> Iterator[None]:
    with stage.serving_with("ingest", **_environ(stage)):
        yield


@contextmanager
def _resolvers_with_clock(stage: Stage) -> Iterator[None]:
    environ = _environ(stage)
    with ExitStack() as services:
        for name in stage.resolvers:
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


def _step(steps: Sequence[str], stage: Stage, seconds: float) -> str:
    for offset in steps:
        _clock(stage).write_text(offset)
        time.sleep(seconds / len(steps))
    return f"{', '.join(steps)} s"


_to_and_fro = partial(_step, STEPS)
_forward = partial(_step, FORWARD)


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
        "FAKETIME_CACHE_DURATION": str(NOTICED_SECONDS),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


FAULTS = (
    Fault(FAMILY, "clock of ingest steps forward", _forward, Lengths(4, 12, 120), setting=_ingest_with_clock),
    Fault(FAMILY, "clocks of the resolvers step", _to_and_fro, Lengths(4, 12, 120), setting=_resolvers_with_clock),
    Fault(FAMILY, "clock of Redis steps", _to_and_fro, Lengths(4, 12, 120), setting=_redis_with_clock),
)
