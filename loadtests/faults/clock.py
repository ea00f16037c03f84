"""Clocks that step, as the services or Redis see them. Needs libfaketime (`apt-get install libfaketime`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loadtests.faults.fault import Fault, Lengths, NotRunError
from loadtests.faults.stage import Stage

FAMILY = "clock"
# A hit whose own time is more than a minute ahead of ingest loses it, with its id: what the ledger goes by.
BACK = "-45"
STEPS = ("+3600", "+0", BACK, "+0")


def _step_services(stage: Stage, seconds: float) -> str:
    said = _clock(stage)
    with ExitStack() as clocks:
        for name in ("ingest", *stage.resolvers):
            clocks.enter_context(stage.serving_with(name, **_environ(said)))
        _step(said, seconds)
        stage.is_over()
        stage.wait_until_ready()
    return f"ingest and identity: {', '.join(STEPS)} s"


def _step_redis(stage: Stage, seconds: float) -> str:
    said = _clock(stage)
    with _redis_with(stage, said):
        _step(said, seconds)
        stage.is_over()
        stage.wait_until_ready()
    return f"Redis: {', '.join(STEPS)} s"


@contextmanager
def _redis_with(stage: Stage, said: Path) -> Iterator[None]:
    before = dict(stage.environ)
    stage.environ.update(_environ(said))
    stage.stop("valkey")
    stage.start_again("valkey")
    stage.environ = before
    yield
    stage.stop("valkey")
    stage.start_again("valkey")


def _step(said: Path, seconds: float) -> None:
    for offset in STEPS:
        said.write_text(offset)
        time.sleep(seconds / len(STEPS))


def _clock(stage: Stage) -> Path:
    said = stage.folder / "clock"
    said.write_text("+0")
    return said


def _environ(said: Path) -> dict[str, str]:
    """Time of day is what the file says; what measures durations is left alone, as a step leaves it alone."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise NotRunError("libfaketime is not installed (apt-get install libfaketime)")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(said),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


FAULTS = (
    Fault(FAMILY, "the services' clocks step", _step_services, Lengths(4, 12, 120)),
    Fault(FAMILY, "Redis' clock steps", _step_redis, Lengths(4, 12, 120)),
)
