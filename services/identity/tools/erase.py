"""Erases contacts: their profiles with all that had merged into them, their events, and what else is known of them.

`python -m services.identity.tools.erase CONTACT...`: each by its id, its device id or a unique value. Nothing is left
but ids, times and a list of keyed hashes, by which hits from before are kept from bringing anybody back. May be run
again at any time, also beside the services. Status 1 when hits that waited could not be waited for: then run it again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from services.common.clickhouse import ClickHouse, insert_rows
from services.common.device import DeviceCodec
from services.common.erasures import Erasures
from services.common.field_registry import Fields
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import RecordStore, project_records
from services.common.redis_client import RedisClient
from services.common.settings import Settings
from services.common.tables import AUDIT, audit_rows
from services.common.values import UniqueValue
from services.identity.lookup import Lookup, Status
from services.identity.selectors import Selector, SelectorError, read_selector
from services.identity.tools import remains, traces
from services.identity.tools.tool import Connections, Summary, ToolError, parser, run

WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.2


class Person(NamedTuple):
    """Whom to erase."""

    contact_id: int
    ids: list[int]  # also those that merged into it
    values: list[UniqueValue]


class Eraser:
    """May be used by a service too: the stores are given."""

    def __init__(
        self, redis: RedisClient, clickhouse: ClickHouse, settings: Settings, unique_fields: tuple[str, ...]
    ) -> None:
        self._redis, self._clickhouse = redis, clickhouse
        self._store, self._records = ProfileStore(redis), RecordStore(redis)
        self._erasures = Erasures(self._records, settings.secret)
        self._lookup = Lookup(self._store, clickhouse, DeviceCodec(settings.secret))
        self._streams, self._unique_fields = settings.streams, unique_fields

    async def find(self, said: str) -> Person | None:
        """By an id, a device id or a unique value; None for nobody. Also who was erased before, to complete that."""
        for selector in _selectors(said, self._unique_fields):
            answer = await self._lookup.one(selector, self._unique_fields)
            if answer.status is not Status.UNKNOWN:
                return await self._person(answer.under)
        return None

    async def _person(self, under: int) -> Person:
        profile = await self._store.resolve(under) or Profile(under)
        ids = dict.fromkeys([*profile.ids(), under, *await traces.merged_into(self._clickhouse, profile.id)])
        values = [UniqueValue(field, value) for field in self._unique_fields for value in sorted(_said(profile, field))]
        return Person(profile.id, list(ids), values)

    async def erase(self, person: Person, by: str, wait_seconds: float = WAIT_SECONDS) -> bool:
        """Whether hits that waited in the streams are certain not to leave anything behind. Raises `RedisError`, ..."""
        now_us = time.time_ns() // 1_000
        written = await self._erasures.put(person.values, now_us)
        await project_records(self._records, self._clickhouse, written)
        tombs = [await self._bury(contact_id, person.contact_id, now_us) for contact_id in person.ids]
        await self._free(person)
        await remains.forget(self._redis, person.ids)
        marks = await remains.marks(self._redis, self._streams)
        await project(self._store, self._clickhouse, [tomb for tomb in tombs if tomb is not None])
        await remains.remove_dead_letters(self._redis, person.ids, [value.value for value in person.values])
        await traces.remove(self._clickhouse, person.ids, {tomb.id: tomb.version for tomb in tombs if tomb is not None})
        is_drained = await self._wait(marks, wait_seconds)
        await traces.remove_events(self._clickhouse, person.ids)
        await insert_rows(self._clickhouse, AUDIT, audit_rows("erase", by, {person.contact_id: {"ids": person.ids}}))
        return is_drained

    async def _bury(self, contact_id: int, survivor_id: int, now_us: int) -> Profile | None:
        """The tombstone, as it is stored: ids and times alone. A merged one leads to its survivor still."""
        while True:
            stored = (await self._store.load([contact_id]))[contact_id] or Profile(contact_id)
            alias = 0 if contact_id == survivor_id else survivor_id
            deleted_us = 0 if alias else stored.deleted_us or now_us
            tomb = Profile(contact_id, alias=alias, deleted_us=deleted_us, moves=stored.moves, version=stored.version)
            if tomb == stored:
                return stored
            if version := (await self._store.write([tomb]))[contact_id]:
                tomb.version = version
                return tomb

    async def _free(self, person: Person) -> None:
        for value, claim in (await self._store.holders(person.values)).items():
            if claim and claim.contact_id in person.ids:
                await self._store.claim([(value, claim, 0)])

    async def _wait(self, marks: dict[str, bytes], seconds: float) -> bool:
        """Until all that was in the streams is acknowledged."""
        deadline = time.monotonic() + seconds
        while not await remains.are_passed(self._redis, marks):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True


def _said(profile: Profile, field: str) -> set[str]:
    """All that any part of it says, also what it does not answer to any more."""
    return {value for part in profile.parts() for value in Profile(profile.id, own=part).carried(field)}


def _selectors(said: str, unique_fields: tuple[str, ...]) -> Iterable[Selector]:
    for candidate in (said, *({field: said} for field in unique_fields), {"device_id": said}):
        try:
            yield read_selector(candidate, unique_fields)
        except SelectorError:
            continue


def remove_exports(folder: Path) -> int:
    """Files that were made before now may hold the person. How many there were."""
    files = [*folder.glob("*.csv"), *folder.glob("*.csv.part")]
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


async def work(connected: Connections, options: argparse.Namespace) -> Summary:
    settings = connected.settings
    if not settings.secret:
        raise ToolError("SPOOR_SECRET is not set: it keys the list of who was erased")
    unique_fields = (await Fields(RecordStore(connected.redis), settings).now()).unique
    eraser = Eraser(connected.redis, connected.clickhouse, settings, unique_fields)
    counts: dict[str, int] = dict.fromkeys(("contacts", "ids", "events", "nobody", "not_waited_for"), 0)
    for said in options.contacts:
        person = await eraser.find(said)
        if person is None:
            counts["nobody"] += 1
            print("erase: there is nobody under one of the names given", file=sys.stderr)
            continue
        counts["contacts"] += 1
        counts["ids"] += len(person.ids)
        counts["events"] += await traces.count_events(connected.clickhouse, person.ids)
        if not options.dry_run:
            counts["not_waited_for"] += not await eraser.erase(person, options.by, options.wait)
    files = 0 if options.dry_run else remove_exports(Path(settings.data_dir) / "exports")
    if counts["not_waited_for"]:
        print("erase: hits still wait in the streams; run it again when they are drained", file=sys.stderr)
    options.status = 1 if counts["not_waited_for"] or counts["nobody"] else 0
    return {**counts, "export_files": files}


def main() -> int:
    arguments = parser("erase", __doc__)
    arguments.add_argument("contacts", nargs="+", metavar="CONTACT", help="an id, a device id or a unique value")
    arguments.add_argument("--by", default="erase", help="who asked for it, for the audit")
    arguments.add_argument("--wait", type=float, default=WAIT_SECONDS, help="seconds for hits that wait in the streams")
    return run(arguments, work)


if __name__ == "__main__":
    sys.exit(main())
