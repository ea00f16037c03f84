"""One fault under load: callers before it, during it and after it, and the ledger when everything is drained."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import NamedTuple

from loadtests.faults.fault import Fault, NotRunError, Outcome, not_run, outcome
from loadtests.faults.stage import Stage
from loadtests.ledger import Ledger, check
from loadtests.storage import addresses_of_contacts, aliases, drain, settle, stored_ids, stored_rows
from loadtests.traffic import Record, end, read_traffic, start_traffic

FOREVER_SECONDS = 86_400.0  # the generator is told when it is enough
START_SECONDS = 1.0  # until it sends
GRACE_SECONDS = 60.0
DRAIN_SECONDS = 300.0


class Load(NamedTuple):
    """What callers do meanwhile."""

    rate: float
    before_seconds: float
    after_seconds: float


class Measurement(NamedTuple):
    outcome: Outcome
    records: list[Record]
    ledger: Ledger | None


def measure(stage: Stage, fault: Fault, seconds: float, load: Load, seed: int) -> Measurement:
    """Raises `StackError` when the stage does not come back, or is not drained."""
    try:
        with fault.setting(stage):
            return _measure(stage, fault, seconds, load, seed)
    except NotRunError as error:
        return Measurement(not_run(fault, str(error)), [], None)


def _measure(stage: Stage, fault: Fault, seconds: float, load: Load, seed: int) -> Measurement:
    record = stage.folder / f"traffic-{seed}"
    earlier, since = stored_ids(stage), time.time()
    process = start_traffic(stage.port("ingest"), record, rate=load.rate, seconds=FOREVER_SECONDS, seed=seed)
    try:
        time.sleep(START_SECONDS + load.before_seconds)
        began, stage.over_at = time.time(), 0.0
        note = fault.act(stage, seconds)
        ended = stage.over_at or time.time()
        stage.wait_until_ready()
        time.sleep(load.after_seconds)
        _end(process)
    finally:
        process.kill()
    records = read_traffic(record).records
    record.unlink()
    stage.wait_until(stage.has_nothing_spilled, "what was spilled is given to Redis", DRAIN_SECONDS)
    drain(stage, stage.streams, DRAIN_SECONDS)
    settle(stage)
    rows = [row for row in stored_rows(stage, int((since - 60) * 1e3)) if row.event_id not in earlier]
    ledger = check(records, rows, aliases(stage), addresses_of_contacts(stage))
    return Measurement(outcome(fault, began, ended, records, rows, ledger, note), records, ledger)


def _end(process: subprocess.Popen[str]) -> None:
    """What it has begun it confirms."""
    process.send_signal(signal.SIGTERM)
    end(process, GRACE_SECONDS)
