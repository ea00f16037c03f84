"""Entries and hits that nobody can read, among those of everybody else."""

from __future__ import annotations

import time

from loadtests.faults.fault import Fault, Lengths
from loadtests.faults.stage import Stage
from loadtests.stack import StackError
from services.common import keys
from services.common.hit import BATCH_FIELD

FAMILY = "poison"
PAUSE_SECONDS = 0.1
POISON = (
    {BATCH_FIELD: b"\xc1 not a batch"},
    {BATCH_FIELD: b""},
    {BATCH_FIELD: b"\x91\xc0"},  # a batch whose hit is none
    {BATCH_FIELD: b"\x91" * 500_000},  # nested without end
    {b"strange": b"field"},
)


def _poison(stage: Stage, seconds: float) -> str:
    redis, given = stage.redis(), 0
    before, deadline = redis.xlen(keys.DEAD_HITS), time.monotonic() + seconds
    while time.monotonic() < deadline:
        for stream in range(stage.streams):
            redis.xadd(keys.hits(stream), POISON[given % len(POISON)])
            given += 1
        time.sleep(PAUSE_SECONDS)
    stage.wait_until(lambda: redis.xlen(keys.DEAD_HITS) - before >= given, "all of it is put aside")
    aside = redis.xlen(keys.DEAD_HITS) - before
    redis.close()
    if aside != given:
        raise StackError(f"{given} entries were poison, {aside} were put aside")
    return f"{given} entries, all put aside"


FAULTS = (Fault(FAMILY, "entries that cannot be read", _poison, Lengths(2, 5, 60)),)
