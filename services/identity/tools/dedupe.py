"""Merges contacts that share unique values, and claims the values that nobody holds, with --apply; else says whom.

`python -m services.identity.tools.dedupe`: such contacts were made before a field was unique, or after Redis had lost
its last second. The older one survives. Whom an undo has parted, and who contradicts another one in a unique field
(unless SPOOR_UNIQUE_OPERATOR is or), is only reported. It may break off and be run again, also beside the services.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence

from services.common import keys
from services.common.clickhouse import insert_rows
from services.common.field_registry import Fields
from services.common.merges import MergeError, MergeStore
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import RecordStore
from services.common.service import quiet_garbage_collector
from services.common.settings import Settings
from services.common.tables import AUDIT, AuditRow, audit_rows
from services.common.values import Operator
from services.identity.identify import Rules
from services.identity.tools import claims, keyspace, projected
from services.identity.tools.duplicates import Join, doubt, joins
from services.identity.tools.merged import Merged
from services.identity.tools.report import Report, as_json, as_lines
from services.identity.tools.seen_twice import SeenTwice, hash_of
from services.identity.tools.tool import Connections, Ended, Progress, parser, run_to_end

PROFILES_AT_ONCE = 1_000
MOST_GATHERED = 500_000  # (value, contact) that came twice, some 100 MB; with more the contacts are read again
GROUPS_AT_ONCE = 200
PROJECTED_AT_ONCE = 500
BY = "dedupe"
_Meant = Callable[[int], bool]


class Dedupe:
    def __init__(self, connected: Connections, rules: Rules, progress: Progress, *, is_dry: bool) -> None:
        self._redis, self._clickhouse = connected.redis, connected.clickhouse
        self._store = ProfileStore(connected.redis)
        self._merges = MergeStore(self._store, _nobody)
        self._rules, self._progress, self._is_dry = rules, progress, is_dry
        self._merged = Merged(self._store)
        self._to_project: list[Profile] = []
        self._audit: list[AuditRow] = []
        self.report = Report()
        self.contacts = self.claimed = 0

    async def run(self) -> None:
        """Reads all contacts once to see which values come twice, and again to gather who carries those."""
        twice = SeenTwice()
        async for profiles in self._contacts():
            for profile in profiles:
                for value in claims.carried(profile, self._rules.unique_fields):
                    twice.add(hash_of(value))
            self.contacts += len(profiles)
            self._progress.add(len(profiles))
        rounds = 1 + 2 * twice.count // MOST_GATHERED
        for number in range(rounds):
            groups = await self._gather(twice, number, rounds)
            for start in range(0, len(groups), GROUPS_AT_ONCE):
                await self._settle(groups[start : start + GROUPS_AT_ONCE])
        await self._flush()

    async def _contacts(self) -> AsyncIterator[list[Profile]]:
        async for found in keyspace.scan(self._redis, keys.PROFILES, PROFILES_AT_ONCE):
            loaded = await self._store.load({int(keyspace.last_part(key)) for key in found})
            yield [profile for profile in loaded.values() if profile is not None and profile.is_known()]

    async def _gather(self, twice: SeenTwice, number: int, rounds: int) -> list[tuple[int, list[int]]]:
        """(hash of a value, who carries it) for this share of the values that came twice. Those that came once are
        claimed on the way."""
        carriers: dict[int, list[int]] = {}
        async for profiles in self._contacts():
            for profile in profiles:
                for value in claims.carried(profile, self._rules.unique_fields):
                    hashed = hash_of(value)
                    if hashed in twice and hashed % rounds == number:
                        carriers.setdefault(hashed, []).append(profile.id)
            if number == 0:
                await self._claim(profiles, lambda hashed: hashed not in twice)
        return list(carriers.items())

    async def _settle(self, groups: Sequence[tuple[int, list[int]]]) -> None:
        """Of each value: merges who is one person, and lets the oldest have it if nobody does."""
        await self._merged.load({contact_id for _, ids in groups for contact_id in ids})
        owners: dict[int, Profile] = {}
        for hashed, ids in groups:
            carriers = [one for one in self._merged.survivors(ids) if self._carries(one, hashed)]
            made = joins(carriers, self._rules)
            for join in made:
                await self._join(join)
            if carriers:
                oldest = made[0].winner if made else carriers[0]
                owners[hashed] = self._merged.survivors([oldest.id])[0]
        for hashed, owner in owners.items():
            await self._claim([owner], lambda one, hashed=hashed: one == hashed)  # type: ignore[misc]
        if len(self._to_project) >= PROJECTED_AT_ONCE:
            await self._flush()

    async def _join(self, join: Join) -> None:
        winner, loser, reason = join
        if not reason and not self._is_dry:
            reason = await self._merge(winner.id, loser.id)
        if reason:
            self.report.add(reason, f"{loser.id} and {winner.id}")
            return
        self.report.add("would_be_merged" if self._is_dry else "merged", f"{loser.id} into {winner.id}")
        if self._is_dry:
            self._merged.pretend(winner, loser)
        else:
            await self._merged.read_again([winner.id, loser.id])

    async def _merge(self, winner_id: int, loser_id: int) -> str:
        """Why it was not merged, or nothing."""
        try:
            merged = await self._merges.merge(
                winner_id, loser_id, BY, lambda one, other: doubt(one, other, self._rules)
            )  # fmt: skip
        except MergeError as error:
            return error.reason
        self._to_project += merged.written
        if merged.is_new:
            gone, into = merged.written[0].id, merged.survivor.id
            self._audit += audit_rows("merge", BY, {into: {"merged": gone}, gone: {"merged_into": into}})
        return ""

    async def _claim(self, profiles: Sequence[Profile], is_meant: _Meant) -> None:
        """Of their values, those of which the hash is meant and that nobody holds."""
        unclaimed, _ = await claims.missing(self._store, profiles, self._rules.unique_fields)
        wanted = [one for one in unclaimed if is_meant(hash_of(one.value))]
        self.claimed += len(wanted) if self._is_dry else await claims.give(self._store, wanted)

    def _carries(self, profile: Profile, hashed: int) -> bool:
        return any(hash_of(value) == hashed for value in claims.carried(profile, self._rules.unique_fields))

    async def _flush(self) -> None:
        """Into ClickHouse, some merges with one insert. What a crash leaves out the relay projects."""
        newest = {profile.id: profile for profile in self._to_project}
        await project(self._store, self._clickhouse, newest.values())
        await insert_rows(self._clickhouse, AUDIT, self._audit)
        self._to_project, self._audit = [], []


def rules_of(settings: Settings, unique_fields: tuple[str, ...]) -> Rules:
    return Rules(unique_fields, Operator(settings.unique_operator.lower()), settings.max_identifiers)


async def work(connected: Connections, options: argparse.Namespace) -> Report:
    settings, redis, clickhouse = connected
    quiet_garbage_collector()
    started = time.monotonic()
    unique_fields = (await Fields(RecordStore(redis), settings).now()).unique
    progress = Progress("contacts", await projected.contact_count(clickhouse))
    dedupe = Dedupe(connected, rules_of(settings, unique_fields), progress, is_dry=not options.apply)
    await dedupe.run()
    report = dedupe.report
    report.numbers = {
        "seconds": round(time.monotonic() - started, 2),
        "contacts": dedupe.contacts,
        "values_claimed" if options.apply else "values_to_claim": dedupe.claimed,
    }
    return report


def ended(report: Report, options: argparse.Namespace) -> Ended:
    if not options.apply:
        print("dedupe: nothing was changed; --apply merges and claims", file=sys.stderr)
    return Ended(as_json(report) if options.json else as_lines(report, {}), 0)


async def _nobody(_: int) -> int:
    """Who is merged here has a profile."""
    return 0


def main() -> int:
    arguments = parser("dedupe", __doc__, has_dry_run=False)
    arguments.add_argument(
        "--apply", action="store_true", help="merge and claim; without it, only say what would be done"
    )
    return run_to_end(arguments, work, ended)


if __name__ == "__main__":
    sys.exit(main())
