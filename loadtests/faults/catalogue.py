"""All faults, and which of them a form of the suite has."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from loadtests.faults import clock, databases, disk, dying, network, poison
from loadtests.faults.fault import Fault, Lengths
from loadtests.faults.stage import Stage

FAULTS: tuple[Fault, ...] = (
    *dying.FAULTS,
    *databases.FAULTS,
    *network.FAULTS,
    *disk.FAULTS,
    *clock.FAULTS,
    *poison.FAULTS,
)
# What lasts, and what happens meanwhile.
LASTING = (
    "no resolver at all",
    "Redis is slow",
    "Redis is full",
    "ClickHouse is down",
    "ClickHouse is slow",
    "both come and go",
    "half-open way to ClickHouse",
)
SUDDEN = (
    "kill -9 of ingest, restarted",
    "kill -9 of Redis, restarted",
    "an insert is done and its answer lost",
    "SIGSTOP of Redis",
    "entries that cannot be read",
)
# While nothing is inserted, no insert can be spoilt, and what was begun with a full Redis needs that one.
REDIS_IS_FULL = "Redis is full"
NO_INSERTS = frozenset({"no resolver at all", "ClickHouse is down", "half-open way to ClickHouse"})
NEEDS_INSERTS = frozenset({"an insert is done and its answer lost", "entries that cannot be read"})
PAIR_SECONDS = 15.0
LEAD_SECONDS = 2.0
_beside = ThreadPoolExecutor(1)  # for as long as this process: what a thread has started ends with it


def short() -> list[Fault]:
    return [fault for fault in FAULTS if fault.is_short]


def pairs() -> Iterator[Fault]:
    """Two at once: one that lasts, and one in the midst of it."""
    named = {fault.name: fault for fault in FAULTS}
    for lasting, sudden in product(LASTING, SUDDEN):
        is_idle = lasting in NO_INSERTS and sudden in NEEDS_INSERTS
        is_same = lasting == REDIS_IS_FULL and "Redis" in sudden
        if not (is_idle or is_same):
            yield _both(named[lasting], named[sudden])


def _both(lasting: Fault, sudden: Fault) -> Fault:
    def act(stage: Stage, seconds: float) -> str:
        beside = _beside.submit(lasting.act, stage, seconds)
        time.sleep(LEAD_SECONDS)
        said = [sudden.act(stage, sudden.lengths.usual), beside.result()]
        stage.mark_over()
        return ", ".join(word for word in said if word)

    name = f"{lasting.name}; {sudden.name}"
    return Fault("two at once", name, act, Lengths(PAIR_SECONDS, PAIR_SECONDS, PAIR_SECONDS))


def chosen(faults: Sequence[Fault], words: Sequence[str]) -> list[Fault]:
    """Those whose family or name has one of these words; all of them without any."""
    if not words:
        return list(faults)
    return [one for one in faults if any(word.lower() in f"{one.family} {one.name}".lower() for word in words)]
