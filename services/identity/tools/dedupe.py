"""Merges contacts that share unique values: made before a field was unique, or when Redis had lost its last second.

`python -m services.identity.tools.dedupe` says what it would do; with --apply it does. The older contact survives. Who
contradicts another one in a unique field, or was parted from it by an undo, is only reported. May be run again at any
time, also beside the services.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import AsyncIterator
from typing import NamedTuple

from services.common.clickhouse import ClickHouse, insert_rows
from services.common.contact_query import field_sql
from services.common.field_registry import Fields
from services.common.merges import MergeError, MergeStore
from services.common.merging import are_separated, conflicts, survivor
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import RecordStore
from services.common.tables import AUDIT, audit_rows
from services.common.values import UniqueValue, normalise_unique
from services.identity.tools import claims
from services.identity.tools.tool import Connections, Progress, Summary, parser, run

GROUPS_AT_ONCE = 500
EXAMPLES = 10
BY = "dedupe"

# Candidates: what is spelt alike but for its case and white space. Whether they are is told by their profiles.
_GROUPS = """
SELECT key, groupArray(id) FROM (SELECT id, lower(trimBoth({column})) AS key FROM contacts FINAL WHERE {column} != '')
WHERE key > {{after:String}} GROUP BY key HAVING count() > 1 ORDER BY key LIMIT {{most:UInt64}}
"""
_COUNT = "SELECT count() - uniqExact(lower(trimBoth({column}))) FROM contacts FINAL WHERE {column} != ''"


class Group(NamedTuple):
    """Contacts that carry one value, the one that survives first."""

    value: UniqueValue
    profiles: list[Profile]


class Dedupe:
    def __init__(self, connected: Connections, unique_fields: tuple[str, ...], *, applies: bool) -> None:
        self._clickhouse, self._applies = connected.clickhouse, applies
        self._store = ProfileStore(connected.redis)
        self._merges = MergeStore(self._store, _nobody)
        self._unique_fields = unique_fields
        self.counts: Counter[str] = Counter(dict.fromkeys(("merged", "contradict", "separated", "busy"), 0))

    async def run(self) -> None:
        for field in self._unique_fields:
            progress = Progress(f"contacts that share {field}", await count_shared(self._clickhouse, field))
            async for group in self._groups(field):
                await self._join(group)
                progress.add(len(group.profiles) - 1)

    async def _groups(self, field: str) -> AsyncIterator[Group]:
        after = ""
        while rows := await groups(self._clickhouse, field, after):
            after = rows[-1][0]
            for key, contact_ids in rows:
                profiles: dict[int, Profile] = {}
                for contact_id in contact_ids:
                    profile = await self._store.resolve(contact_id)
                    if profile is not None and profile.is_known():
                        profiles[profile.id] = profile
                for group in _by_value(field, key, list(profiles.values())):
                    yield group

    async def _join(self, group: Group) -> None:
        """Into the first one, one after the other."""
        whole, *others = group.profiles
        for other in others:
            if reason := _doubt(whole, other, self._unique_fields):
                self._say(reason, whole.id, other.id)
            elif not self._applies:
                self._say("merged", whole.id, other.id)
            else:
                whole = await self._merge(whole, other)
        if self._applies:
            await claims.mend(self._store, [whole], self._unique_fields)

    async def _merge(self, whole: Profile, other: Profile) -> Profile:
        winner, loser = survivor(whole, other)
        try:
            merged = await self._merges.merge(
                winner.id, loser.id, BY, lambda one, two: _doubt(one, two, self._unique_fields)
            )  # fmt: skip
        except MergeError as error:
            self._say(error.reason, whole.id, other.id)
            return whole
        await project(self._store, self._clickhouse, merged.written)
        if merged.is_new:
            details = {winner.id: {"merged": loser.id}, loser.id: {"merged_into": winner.id}}
            await insert_rows(self._clickhouse, AUDIT, audit_rows("merge", BY, details))
        self._say("merged", winner.id, loser.id)
        return merged.survivor

    def _say(self, outcome: str, one: int, other: int) -> None:
        self.counts[outcome] += 1
        if self.counts[outcome] <= EXAMPLES:
            print(f"{outcome}: {one} and {other}", file=sys.stderr)


async def groups(clickhouse: ClickHouse, field: str, after: str) -> list[tuple[str, list[int]]]:
    """(key, contact ids) of the next values behind `after` that several contacts show."""
    sql = _GROUPS.format(column=field_sql(field))
    rows = (await clickhouse.query(sql, parameters={"after": after, "most": GROUPS_AT_ONCE})).result_rows
    return [(str(key), [int(one) for one in ids]) for key, ids in rows]


async def count_shared(clickhouse: ClickHouse, field: str) -> int:
    return int((await clickhouse.query(_COUNT.format(column=field_sql(field)))).result_rows[0][0])


def _by_value(field: str, key: str, profiles: list[Profile]) -> list[Group]:
    """Of candidates, those that carry the value. Junk identifies nobody."""
    value = normalise_unique(field, key)
    sharing = [profile for profile in profiles if value and profile.carries(field, value)]
    if value is None or len(sharing) < 2:
        return []
    first = sharing[0]
    for one in sharing[1:]:
        first = survivor(first, one)[0]
    return [Group(UniqueValue(field, value), [first, *(one for one in sharing if one.id != first.id)])]


def _doubt(one: Profile, other: Profile, unique_fields: tuple[str, ...]) -> str:
    if are_separated(one, other):
        return "separated"
    return "contradict" if conflicts(one, other, unique_fields) else ""


async def work(connected: Connections, options: argparse.Namespace) -> Summary:
    unique_fields = (await Fields(RecordStore(connected.redis), connected.settings).now()).unique
    dedupe = Dedupe(connected, unique_fields, applies=options.apply)
    await dedupe.run()
    if not options.apply:
        print("dedupe: a dry run, nothing was changed; --apply merges them", file=sys.stderr)
    merged = dedupe.counts.pop("merged")
    return {"merged" if options.apply else "would_be_merged": merged, **dedupe.counts}


async def _nobody(_: int) -> int:
    """Who is merged here has a profile."""
    return 0


def main() -> int:
    arguments = parser("dedupe", __doc__, has_dry_run=False)
    arguments.add_argument("--apply", action="store_true", help="merge them, instead of only saying whom")
    return run(arguments, work)


if __name__ == "__main__":
    sys.exit(main())
