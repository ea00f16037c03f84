"""Processes that are killed, stopped and replaced."""

from __future__ import annotations

import time

from loadtests.faults.fault import Fault, Lengths
from loadtests.faults.stage import LEASE_SECONDS, PAGES, RESTART_SECONDS, Stage

FAMILY = "processes"
LIFE_SECONDS = 2.5  # long enough to begin with a batch, too short for a second lease


def _kill_ingest(stage: Stage, _: float) -> str:
    stage.kill("ingest")
    time.sleep(RESTART_SECONDS)
    stage.mark_over()
    stage.start_ingest()
    return ""


def _kill_resolver(stage: Stage, _: float) -> str:
    stage.kill("identity-0")
    time.sleep(RESTART_SECONDS)
    stage.mark_over()
    stage.start_identity(0)
    return ""


def _kill_resolver_again_and_again(stage: Stage, seconds: float) -> str:
    """It hardly comes to a batch."""
    deadline, kills = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        for number, name in enumerate(stage.resolvers):
            stage.kill(name)
            stage.start_identity(number, waits=False)
            kills += 1
            time.sleep(LIFE_SECONDS)
    stage.mark_over()
    return f"{kills} kills"


def _lose_all_resolvers(stage: Stage, seconds: float) -> str:
    for name in stage.resolvers:
        stage.kill(name)
    time.sleep(seconds)
    stage.mark_over()
    for number in range(len(stage.resolvers)):
        stage.start_identity(number)
    return ""


def _stop_ingest(stage: Stage, seconds: float) -> str:
    with stage.stopped("ingest"):
        time.sleep(seconds)
    return ""


def _stop_resolver(stage: Stage, seconds: float) -> str:
    """Longer than its lease: the other one takes its streams over, and then it comes back with a batch in its hands."""
    with stage.stopped("identity-0"):
        time.sleep(LEASE_SECONDS + seconds)
    return "taken over by the other one meanwhile"


def _restart_all(stage: Stage, _: float) -> str:
    """As Kubernetes does it: of ingest the new one serves before the old one is told to go."""
    for number, name in enumerate(stage.resolvers):
        stage.stop(name)
        stage.start_identity(number)
    for name in PAGES:
        stage.stop(name)
        stage.start_service(name)
    stage.replace_ingest()
    return "ingest, identity, contacts, export"


FAULTS = (
    Fault(FAMILY, "kill -9 of ingest, restarted", _kill_ingest, Lengths(0, 0, 0)),
    Fault(FAMILY, "kill -9 of a resolver, restarted", _kill_resolver, Lengths(0, 0, 0)),
    Fault(FAMILY, "kill -9 of both resolvers, again and again", _kill_resolver_again_and_again, Lengths(5, 10, 60)),
    Fault(FAMILY, "no resolver at all", _lose_all_resolvers, Lengths(3, 15, 180)),
    Fault(FAMILY, "SIGSTOP of ingest", _stop_ingest, Lengths(2, 4, 8)),
    Fault(FAMILY, "SIGSTOP of a resolver beyond its lease", _stop_resolver, Lengths(1, 5, 60), is_short=True),
    Fault(FAMILY, "rolling restart of every service", _restart_all, Lengths(0, 0, 0), setting=Stage.with_pages),
)
