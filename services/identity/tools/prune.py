"""Removes what is past its retention: old events, and anonymous visitors who did not come back, with all of theirs.

`python -m services.identity.tools.prune`: events, bots' hits and the audit log after SPOOR_RETENTION_DAYS; anonymous
visitors who were not seen for SPOOR_ANONYMOUS_RETENTION_DAYS. It may break off and be run again, also beside the
services.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import msgspec

from services.common import keys
from services.common.field_registry import Fields
from services.common.profile import VERSION_DIGITS, Profile
from services.common.profiles import ProfileStore
from services.common.records import RecordStore
from services.common.redis_client import load_script
from services.identity.tools import retention
from services.identity.tools.forgettable import is_forgettable
from services.identity.tools.pipes import Command, Pipes
from services.identity.tools.tool import REDIS_SECONDS, Connections, Progress, Summary, parser, run

DAY_MS = 86_400_000
PROFILES_AT_ONCE = 5_000
_decoder = msgspec.json.Decoder(Profile)


class Visitors:
    """The anonymous ones of one run. The counts are of what was removed, or in a dry run would be."""

    def __init__(
        self,
        connected: Connections,
        before_ms: int,
        *,
        is_dry: bool,
        unique_fields: tuple[str, ...],
    ) -> None:
        self._clickhouse, self._before_ms, self._is_dry = connected.clickhouse, before_ms, is_dry
        self._store = ProfileStore(connected.redis)
        self._pipes = Pipes(connected.redis, REDIS_SECONDS)
        self._forget = load_script(connected.redis, "forget_document").script
        self._unique_fields = unique_fields
        self.contacts = self.profiles = self.events = 0

    async def run(self) -> None:
        progress = Progress("contacts", await retention.count_expired(self._clickhouse, self._before_ms))
        await self._pipes.open()
        try:
            after = 0
            while ids := await retention.expired(self._clickhouse, self._before_ms, after):
                await self._remove(await self._anonymous(ids))
                after = ids[-1]
                progress.add(len(ids))
        finally:
            await self._pipes.close()

    async def _anonymous(self, ids: list[int]) -> list[int]:
        """Those of whom nothing is left but their visits, now that their profiles are gone."""
        known = await retention.known(self._clickhouse, ids, self._before_ms)
        possible = [contact_id for contact_id in ids if contact_id not in known or known[contact_id].is_anonymous]
        found: list[int] = []
        for start in range(0, len(possible), PROFILES_AT_ONCE):
            stored = await self._store.load(possible[start : start + PROFILES_AT_ONCE])
            projected = {one: _decoder.decode(known[one].document) for one in stored if one in known}
            found += [one for one, profile in stored.items() if profile is None and self._may_go(projected.get(one))]
            found += await self._without_profile([profile for profile in stored.values() if profile is not None])
        return found

    def _may_go(self, profile: Profile | None) -> bool:
        """What Redis has lost counts as ClickHouse knows it."""
        return profile is None or is_forgettable(profile, self._before_ms * 1_000, self._unique_fields)

    async def _without_profile(self, profiles: Sequence[Profile]) -> list[int]:
        """Those whose profiles could be forgotten, and are: nobody wrote them meanwhile."""
        going = [profile for profile in profiles if self._may_go(profile)]
        if self._is_dry:
            gone = going
        else:
            answers = await self._pipes.send([self._forget_command(profile) for profile in going])
            gone = [profile for profile, answer in zip(going, answers, strict=True) if answer == 1]
        self.profiles += len(gone)
        return [profile.id for profile in gone]

    def _forget_command(self, profile: Profile) -> Command:
        key, outbox = keys.profile(profile.id), keys.changes(profile.id % keys.CONTACT_SLOTS)
        version = f"{profile.version:0{VERSION_DIGITS}d}"
        return Command(key, ("EVAL", self._forget, "2", key, outbox, version, str(profile.id)))

    async def _remove(self, ids: list[int]) -> None:
        if not ids:
            return
        self.contacts += len(ids)
        self.events += await retention.count_events(self._clickhouse, ids, self._before_ms)
        if not self._is_dry:
            await retention.remove_contacts(self._clickhouse, ids, self._before_ms)


async def work(connected: Connections, options: argparse.Namespace) -> Summary:
    settings, clickhouse, now_ms = connected.settings, connected.clickhouse, time.time_ns() // 1_000_000
    before_ms = now_ms - settings.retention_days * DAY_MS
    summary: dict[str, int | float | str] = {}
    for table in (*retention.BY_MONTH, retention.FOOTPRINTS, retention.AUDIT, retention.MESSAGES):
        summary[f"old_{table}"] = await retention.count_old(clickhouse, table, before_ms)
        if not options.dry_run:
            await retention.remove_old(clickhouse, table, before_ms)
    if settings.anonymous_retention_days:
        before_ms = now_ms - settings.anonymous_retention_days * DAY_MS
        unique_fields = (await Fields(RecordStore(connected.redis), settings).now()).unique
        visitors = Visitors(connected, before_ms, is_dry=options.dry_run, unique_fields=unique_fields)
        await visitors.run()
        summary["anonymous_contacts"] = visitors.contacts
        summary["their_profiles"] = visitors.profiles
        summary["their_events"] = visitors.events
    return summary


def main() -> int:
    return run(parser("prune", __doc__), work)


if __name__ == "__main__":
    sys.exit(main())
