"""A look at every process of a stage: memory, file handles, how far resolvers are behind, and how long pages take."""

from __future__ import annotations

import os
import re
import time
import urllib.request
from pathlib import Path

from loadtests.faults.stage import Stage
from loadtests.processes import tree
from loadtests.stack import StackError
from loadtests.timed_client import TimedClient
from services.common import keys

LIST = "/api/contacts?limit=30"
SEARCH_OF_ONE = "/api/contacts?search=person0.1%40&limit=30"  # of the first slice's people (loadtests/people.py)
SEARCH_OF_MANY = "/api/contacts?search=person1&limit=30"  # every few of them, and more with each slice
EXPORT_SECONDS = 60.0
_LAG = re.compile(r"^identity_lag_seconds ([0-9.e+-]+)$", re.MULTILINE)


def sample(stage: Stage) -> dict[str, float]:
    """By what is measured of whom; the last word of a name is the unit."""
    taken: dict[str, float] = {}
    for name in stage.names():
        processes = tree(stage.pid(name))
        taken[f"{name} MB"] = sum(_megabytes(pid) for pid in processes)
        taken[f"{name} handles"] = float(sum(_handles(pid) for pid in processes))
    taken["lag s"] = max(_lag(stage, name) for name in stage.resolvers)
    with stage.redis() as redis:
        taken["waiting entries"] = float(sum(redis.xlen(keys.hits(stream)) for stream in range(stage.streams)))
    return taken


class Visits:
    """Somebody who looks at contacts, and has all of them exported now and then; each time with a new connection, for
    servers close one that rests."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._exported = time.monotonic()

    def looks(self) -> dict[str, float]:
        """How long each took, and what grows with the number of contacts."""
        if time.monotonic() - self._exported > EXPORT_SECONDS:
            self._exported = time.monotonic()
            TimedClient(self._stage, "export").timed("/exports", {"columns": ["id", "email"], "format": "csv"})
        contacts = TimedClient(self._stage, "contacts")
        looks = {"list ms": contacts.timed(LIST)[1], "search of one ms": contacts.timed(SEARCH_OF_ONE)[1]}
        many, looks["search of many ms"] = contacts.timed(SEARCH_OF_MANY)
        return {**looks, "search of many found": float(many["total"])}


def _megabytes(pid: int) -> float:
    """Its own memory: pages that a forked worker shares with its parent count once."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0  # it has ended since
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1_024


def _handles(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def _lag(stage: Stage, name: str) -> float:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"{stage.url(name)}/metrics", headers={"authorization": stage.login()})
    try:
        with opener.open(request, timeout=10) as answer:
            said = _LAG.search(answer.read().decode())
    except OSError as error:
        raise StackError(f"{name} tells no metrics: {error}") from error
    return float(said[1]) if said else 0.0
