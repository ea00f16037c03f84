"""Compares profiles, claims, aliases, devices and ClickHouse, says what is wrong, and mends it where it may.

`python -m services.identity.tools.check_identity`: what is being written at this moment is looked at again after a
pause, so it may run beside the services. Status 3 when something is wrong; with --fix, when something still is."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence

from services.common.companies import CLAIM_FIELD
from services.common.field_registry import Fields
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.records import Record, RecordStore, Ref
from services.identity.tools import projected, stored
from services.identity.tools.claims import carried
from services.identity.tools.invariants import (
    MEANINGS,
    Finding,
    Kind,
    Picture,
    StoredClaim,
    is_carried,
    needed,
    of_profile,
)
from services.identity.tools.mending import Mending
from services.identity.tools.tool import Connections, Progress, Summary, parser, run

PAUSE_SECONDS = 9.0  # a claim is void after 3 s, and the relay projects after 5
OUTBOX_US = 60_000_000
EXAMPLES = 5
MAX_SUSPECTS = 100_000  # looked at twice; with more the first ones are enough to begin with
WRONG_STATUS = 3

_VERSIONS = "SELECT id, max(version) FROM contacts WHERE id IN {ids:Array(UInt64)} GROUP BY id"
_WINNERS = "SELECT loser, argMax(winner, version) FROM aliases WHERE loser IN {ids:Array(UInt64)} GROUP BY loser"
_RECORDS = """
SELECT id, max(version) FROM records WHERE kind = {kind:String} AND id IN {ids:Array(String)} GROUP BY id
"""


class Check:
    """One run. What it finds is kept as ids alone."""

    def __init__(self, connected: Connections, unique_fields: tuple[str, ...], progress: Progress) -> None:
        self._redis, self._clickhouse = connected.redis, connected.clickhouse
        self._store, self._records = ProfileStore(connected.redis), RecordStore(connected.redis)
        self._unique_fields, self._progress = unique_fields, progress
        self.profiles = self.claims = 0

    async def all(self) -> list[Finding]:
        """What looks wrong at a first look."""
        found: list[Finding] = []
        async for one in self._every():
            found += one
            if len(found) >= MAX_SUSPECTS:
                break
        return found

    async def again(self, suspects: Sequence[Finding]) -> list[Finding]:
        """Those that are still wrong, and whose profile or record nobody has written since."""
        still: set[Finding] = set()
        for start in range(0, len(suspects), stored.AT_ONCE):
            some = suspects[start : start + stored.AT_ONCE]
            still.update(await self._of_subjects(some))
        return [one for one in suspects if one in still]

    async def _every(self) -> AsyncIterator[list[Finding]]:
        async for profiles in stored.profiles(self._redis):
            self.profiles += len(profiles)
            self._progress.add(len(profiles))
            yield await self._of_profiles(profiles)
        async for claims in stored.claims(self._redis):
            self.claims += len(claims)
            yield await self._of_claims(claims)
        async for records in stored.records(self._redis, self._records):
            yield await self._of_records(records)
        async for found in projected.profiles(self._clickhouse):
            yield await self._of_rows(found)
        yield await self._of_outbox()

    async def _of_subjects(self, suspects: Sequence[Finding]) -> list[Finding]:
        """The same questions about the same things."""
        found: list[Finding] = []
        ids = {int(one.subject) for one in suspects if one.subject.isdecimal()}
        profiles = [one for one in (await self._store.load(ids)).values() if one is not None]
        found += await self._of_profiles(profiles)
        found += await self._of_rows([Profile(one) for one in ids - {profile.id for profile in profiles}])
        names = [one.subject for one in suspects if one.kind is Kind.CLAIM_VOID]
        found += await self._of_claims(await stored.claims_of(self._redis, names))
        refs = [Ref(*one.subject.split(":", 1)) for one in suspects if ":" in one.subject and one.subject not in names]
        found += await self._of_records((await self._records.load(refs)).values())
        if any(one.kind is Kind.OUTBOX_FORGOTTEN for one in suspects):
            found += await self._of_outbox()
        return found

    async def _of_profiles(self, profiles: Sequence[Profile]) -> list[Finding]:
        if not profiles:
            return []
        picture = await self._picture(profiles)
        found = [finding for profile in profiles for finding in of_profile(profile, picture)]
        return found + await self._of_projection(profiles, picture)

    async def _picture(self, profiles: Sequence[Profile]) -> Picture:
        values = [value for profile in profiles for value in carried(profile, self._unique_fields)]
        claims = await self._store.holders(values)
        wanted = {one for profile in profiles for one in needed(profile)}
        wanted |= {claim.contact_id for claim in claims.values() if claim}
        found = await stored.with_leads(self._store, wanted)
        return Picture({**found, **{profile.id: profile for profile in profiles}}, claims, self._unique_fields)

    async def _of_projection(self, profiles: Sequence[Profile], picture: Picture) -> list[Finding]:
        versions, winners = await asyncio.gather(self._numbers(_VERSIONS, profiles), self._numbers(_WINNERS, profiles))
        found = []
        for profile in profiles:
            row = versions.get(profile.id, 0)
            if row != profile.version:
                kind = Kind.PROJECTION_BEHIND if row < profile.version else Kind.PROJECTION_AHEAD
                found.append(Finding(kind, str(profile.id), profile.version))
            survivor = picture.survivor(profile.id)
            expected = survivor.id if survivor and not survivor.deleted_us else profile.id
            if winners.get(profile.id, profile.id) != expected and not (survivor and survivor.deleted_us):
                found.append(Finding(Kind.ALIAS_ROW_WRONG, str(profile.id), profile.version))
        return found

    async def _numbers(self, sql: str, profiles: Iterable[Profile]) -> dict[int, int]:
        parameters = {"ids": [profile.id for profile in profiles]}
        rows = (
            await self._clickhouse.query(sql, parameters=parameters, settings={"max_query_size": 1 << 20})
        ).result_rows
        return {int(key): int(number) for key, number in rows}

    async def _of_claims(self, claims: Iterable[StoredClaim]) -> list[Finding]:
        """Of values: a company's name keeps its claim for ever."""
        values = [claim for claim in claims if claim.field != CLAIM_FIELD]
        found = await stored.with_leads(self._store, {claim.contact_id for claim in values})
        picture = Picture(found, {}, self._unique_fields)
        return [
            Finding(Kind.CLAIM_VOID, claim.key, claim.time_us) for claim in values if not is_carried(claim, picture)
        ]

    async def _of_records(self, records: Iterable[Record]) -> list[Finding]:
        by_kind: dict[str, dict[str, int]] = {}
        for record in records:
            by_kind.setdefault(record.ref.kind, {})[record.ref.id] = record.version
        found = []
        for kind, versions in by_kind.items():
            asked = {"kind": kind, "ids": list(versions)}
            rows = dict((await self._clickhouse.query(_RECORDS, parameters=asked)).result_rows)
            for record_id, version in versions.items():
                row = int(rows.get(record_id, 0))
                if row != version:
                    wrong = Kind.RECORD_BEHIND if row < version else Kind.RECORD_AHEAD
                    found.append(Finding(wrong, f"{kind}:{record_id}", version))
        return found

    async def _of_rows(self, profiles: Sequence[Profile]) -> list[Finding]:
        """Of ClickHouse: what Redis knows nothing of."""
        if not profiles:
            return []
        known = await self._store.load(profile.id for profile in profiles)
        return [Finding(Kind.PROFILE_LOST, str(one)) for one, profile in known.items() if profile is None]

    async def _of_outbox(self) -> list[Finding]:
        waiting = await self._store.unsettled(time.time_ns() // 1_000 - OUTBOX_US, stored.AT_ONCE)
        return [Finding(Kind.OUTBOX_FORGOTTEN, str(contact_id)) for contact_id in waiting]


async def work(connected: Connections, options: argparse.Namespace) -> Summary:
    unique_fields = (await Fields(RecordStore(connected.redis), connected.settings).now()).unique
    check = Check(connected, unique_fields, Progress("contacts", await projected.contact_count(connected.clickhouse)))
    wrong = await _found(check, options.pause)
    mended = 0
    if options.fix and wrong:
        mended = await Mending(connected, unique_fields).mend(wrong)
        left = await _found(check, options.pause)
        _say("wrong before", wrong)
        wrong = left
    _say("wrong", wrong)
    counts: dict[str, int | float | str] = {f"{kind.value}": 0 for kind in Kind}
    for one in wrong:
        counts[one.kind.value] = int(counts[one.kind.value]) + 1
    options.status = WRONG_STATUS if wrong else 0
    named = {name: count for name, count in counts.items() if count}
    return {"profiles": check.profiles, "claims": check.claims, "mended": mended, "wrong": len(wrong), **named}


async def _found(check: Check, pause_seconds: float) -> list[Finding]:
    suspects = await check.all()
    if suspects:
        await asyncio.sleep(pause_seconds)
        suspects = await check.again(suspects)
    return suspects


def _say(what: str, findings: Sequence[Finding]) -> None:
    by_kind: dict[Kind, list[str]] = {}
    for one in findings:
        by_kind.setdefault(one.kind, []).append(one.subject)
    for kind, subjects in by_kind.items():
        some = ", ".join(subjects[:EXAMPLES]) + (", ..." if len(subjects) > EXAMPLES else "")
        print(f"{what}: {kind.value}: {len(subjects):,} {MEANINGS[kind]}: {some}", file=sys.stderr)


def main() -> int:
    arguments = parser("check-identity", __doc__, has_dry_run=False)
    arguments.add_argument("--fix", action="store_true", help="mend what may be mended")
    arguments.add_argument("--pause", type=float, default=PAUSE_SECONDS, help="seconds before the second look")
    return run(arguments, work)


if __name__ == "__main__":
    sys.exit(main())
