"""Says what is wrong between profiles, unique values, aliases, devices and ClickHouse, and mends it with --fix.

`python -m services.identity.tools.check_identity`: it may run beside the services. What looks wrong is looked at again
after a pause, and counts only if it is still wrong and nobody has written any of it meanwhile. Not while Redis is being
rebuilt, nor beside `prune`.

Status 0: nothing is wrong, or all of it was mended. 3: something is (left) wrong. 1 and 2 as for all tools.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from services.common import keys
from services.common.field_registry import Fields
from services.common.records import RecordStore
from services.common.service import quiet_garbage_collector
from services.identity.surroundings import LastCheck
from services.identity.tools import projected
from services.identity.tools.checking.contacts import Contacts
from services.identity.tools.checking.findings import MOVE_NOWHERE, NOT_MENDED, VALUE_SHARED, Finding, Subject
from services.identity.tools.checking.outbox import Outbox
from services.identity.tools.checking.records import Records
from services.identity.tools.checking.suspects import Suspects
from services.identity.tools.checking.voids import Claims
from services.identity.tools.report import Report, as_json, as_lines
from services.identity.tools.tool import Connections, Ended, Progress, ToolError, parser, run_to_end

# Longer than a claim may stay without its contact (3 s), and than the relay takes to do what a dead writer left (it
# looks every 3 s for what is older than 5 s).
PAUSE_SECONDS = 10.0
STEPS = 12  # mending one thing shows the next one
MOST_TOLD = 500_000  # some 50 MB; beyond that one may be counted twice
WRONG = 3
_HINTS = {
    VALUE_SHARED: "./just dedupe says who is one person",
    MOVE_NOWHERE: "its next hits make a visitor of it",
}


class Realm(Protocol):
    """Things of one sort that can be wrong."""

    def candidates(self) -> AsyncIterator[Sequence[Subject]]: ...
    async def inspect(self, subjects: Sequence[Subject]) -> list[Finding]: ...
    def first(self, findings: Sequence[Finding]) -> list[Finding]: ...
    async def mend(self, findings: Sequence[Finding]) -> Sequence[Subject]: ...


class Check:
    def __init__(self, pause_seconds: float, *, is_fix: bool) -> None:
        self._pause_seconds, self._is_fix = pause_seconds, is_fix
        self.report = Report()
        self._told: set[int] = set()  # hashes of findings: SCAN may bring a key twice, and ClickHouse brings some again

    async def run(self, realm: Realm, progress: Progress | None = None) -> int:
        """How many there were to look at."""
        suspects, fresh = Suspects(self._pause_seconds), Suspects(self._pause_seconds)
        count = 0
        async for subjects in realm.candidates():
            count += len(subjects)
            if progress:
                progress.add(len(subjects))
            suspects.add(await realm.inspect(subjects), time.monotonic())
            while (due := suspects.next_due()) and (due <= time.monotonic() or suspects.is_full):
                await self._judge(realm, suspects, fresh)
        while suspects.next_due():
            await self._judge(realm, suspects, fresh)
        while fresh.next_due():
            await self._judge(realm, fresh, None)
        return count

    async def _judge(self, realm: Realm, suspects: Suspects, fresh: Suspects | None) -> None:
        """Looks again at those that come next. What mending them shows is `fresh`: it may be somebody's write."""
        await asyncio.sleep(max((suspects.next_due() or 0) - time.monotonic(), 0))
        suspected = suspects.take()
        found = set(await realm.inspect(_subjects(suspected)))
        confirmed = [one for one in suspected if one in found]
        left = set(confirmed)
        if self._is_fix and fresh:
            after = await self._mend(realm, confirmed)
            left &= after
            fresh.add(sorted(after - left), time.monotonic())
        for one in confirmed:
            if hash(one) not in self._told:
                self.report.add(one.kind, one.example, is_left=one in left)
            if len(self._told) < MOST_TOLD:
                self._told.add(hash(one))

    async def _mend(self, realm: Realm, confirmed: list[Finding]) -> set[Finding]:
        """What is wrong with them, and with all that mending them has touched, afterwards."""
        subjects, wrong, tried = _subjects(confirmed), list(confirmed), set[Finding]()
        for _ in range(STEPS):
            now = realm.first([one for one in wrong if one.kind not in NOT_MENDED and one not in tried])
            if not now:
                break
            tried.update(now)
            touched = await realm.mend(now)
            subjects = list(dict.fromkeys([*subjects, *touched]))
            wrong = await realm.inspect(subjects)
        return set(wrong)


def _subjects(findings: Sequence[Finding]) -> list[Subject]:
    return list(dict.fromkeys(one.subject for one in findings))


async def work(connected: Connections, options: argparse.Namespace) -> Report:
    settings, redis, clickhouse = connected
    if await redis.exists(keys.REBUILDING):
        raise ToolError("Redis is being rebuilt, or that has broken off: ./just rebuild-redis first")
    quiet_garbage_collector()
    started = time.monotonic()
    check = Check(options.pause, is_fix=options.fix)
    # A record says which fields are unique.
    counts = {"records": await check.run(Records(redis, clickhouse))}
    await check.run(Outbox(redis, clickhouse))
    unique_fields = (await Fields(RecordStore(redis), settings).now()).unique
    progress = Progress("contacts", await projected.contact_count(clickhouse))
    counts["contacts"] = await check.run(Contacts(redis, clickhouse, unique_fields), progress)
    counts["claims"] = await check.run(Claims(redis))
    await LastCheck(redis).note(check.report.left)
    found = sum(kind.found for kind in check.report.kinds.values())
    outcome = {"mended": found - check.report.left, "wrong": check.report.left}
    check.report.numbers = {"seconds": round(time.monotonic() - started, 2), **counts, **outcome}
    return check.report


def ended(report: Report, options: argparse.Namespace) -> Ended:
    return Ended(as_json(report) if options.json else as_lines(report, _HINTS), WRONG if report.left else 0)


def main() -> int:
    arguments = parser("check-identity", __doc__, has_dry_run=False)
    arguments.add_argument("--fix", action="store_true", help="mend what can be mended")
    arguments.add_argument(
        "--pause", type=float, default=PAUSE_SECONDS, metavar="SECONDS", help="between the two looks (%(default)s)"
    )
    return run_to_end(arguments, work, ended)


if __name__ == "__main__":
    sys.exit(main())
