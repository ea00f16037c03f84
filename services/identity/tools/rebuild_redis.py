"""Makes Redis anew from ClickHouse after a total loss: profiles, claims of unique values and names, records, counters.

`python -m services.identity.tools.rebuild_redis`: what is there stays unless it is older, so it may break off and be
run again, also beside the services. Nothing is put into the outbox, for it comes from the projection.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.common import keys
from services.common.companies import CLAIM_FIELD
from services.common.companies import KIND as COMPANY
from services.common.company import decode_company, name_key
from services.common.field_registry import Fields
from services.common.profile import VERSION_DIGITS, Profile, encode_profile
from services.common.profiles import ProfileStore
from services.common.records import RecordStore
from services.common.redis_client import RedisClient, load_script
from services.common.service import quiet_garbage_collector
from services.common.tables import RecordRow
from services.identity.tools import claims, projected
from services.identity.tools.pipes import Command, Pipes, Sent
from services.identity.tools.tool import REDIS_SECONDS, Connections, Progress, Summary, ToolError, parser, run


class Put(NamedTuple):
    """A key and what it shall hold."""

    key: str
    value: bytes


class _Begun(NamedTuple):
    """What is on its way to Redis."""

    documents: list[Put]
    claimed: list[Put]
    sent: Sent


class Rebuild:
    """One run. The counts are of what was missing or older."""

    def __init__(self, connected: Connections, progress: Progress) -> None:
        self._redis, self._clickhouse = connected.redis, connected.clickhouse
        self._pipes = Pipes(connected.redis, REDIS_SECONDS)
        self._put_newer = load_script(connected.redis, "put_newer").script
        self._progress = progress
        self._fields = Fields(RecordStore(connected.redis), connected.settings)
        self._unique_fields: tuple[str, ...] = ()
        self.contacts = self.profiles = self.records = self.claims = 0
        self.held_by_others = self._doubtful = 0

    async def run(self) -> None:
        """Counters first: what is made meanwhile gets an id of its own."""
        await self._pipes.open()
        try:
            await self._raise_counters()
            await self._put_records()
            self._unique_fields = (await self._fields.now()).unique  # a record says so
            await self._put_contacts()
            if self._doubtful:  # now that all profiles are there one can tell whose they are
                await self._mend_claims()
        finally:
            await self._pipes.close()

    async def _raise_counters(self) -> None:
        script = load_script(self._redis, "raise_number").script
        least = {keys.CONTACT_IDS: await projected.last_contact_id(self._clickhouse) + 1}
        kinds = await projected.last_record_ids(self._clickhouse)
        least.update({keys.record_ids(kind): last for kind, last in kinds.items() if last})
        for key, number in least.items():
            await self._redis.eval(script, 1, key, number)

    async def _put_records(self) -> None:
        for kind in await projected.last_record_ids(self._clickhouse):
            async for rows in projected.records(self._clickhouse, kind):
                # One name may be several companies': then it leads to one of them.
                claimed = list(_names(rows)) if kind == COMPANY else []
                self.records += await self._finish(self._begin([_record(row) for row in rows], claimed))

    async def _put_contacts(self) -> None:
        """Redis takes one piece while the next one is read and packed."""
        begun: _Begun | None = None
        async for profiles in projected.profiles(self._clickhouse):
            documents = [_document(profile) for profile in profiles]
            claimed = list(_values(profiles, self._unique_fields))
            if begun:
                await self._finish_profiles(begun)
            begun = self._begin(documents, claimed)
        if begun:
            await self._finish_profiles(begun)

    async def _finish_profiles(self, begun: _Begun) -> None:
        self.profiles += await self._finish(begun)
        self.contacts += len(begun.documents)
        self._progress.add(len(begun.documents))

    def _begin(self, documents: list[Put], claimed: list[Put]) -> _Begun:
        return _Begun(documents, claimed, self._pipes.write([_set_missing(put) for put in documents + claimed]))

    async def _finish(self, begun: _Begun) -> int:
        """How many documents were missing or older."""
        documents, claimed, sent = begun
        found = await self._pipes.answers(sent)
        stored, held = found[: len(documents)], found[len(documents) :]
        older = [one for one, old in zip(documents, stored, strict=True) if old and _version(old) < _version(one.value)]
        replaced = await self._pipes.send([_put_newer(self._put_newer, one) for one in older])
        self.claims += held.count(None)
        self._doubtful += sum(
            1 for one, old in zip(claimed, held, strict=True) if old and _holder(old) != _holder(one.value)
        )
        return stored.count(None) + replaced.count(1)

    async def _mend_claims(self) -> None:
        store = ProfileStore(self._redis)
        async for profiles in projected.profiles(self._clickhouse):
            given, held = await claims.mend(store, profiles, self._unique_fields)
            self.claims += given
            self.held_by_others += held


async def work(connected: Connections, options: argparse.Namespace) -> Summary:
    """Raises `ToolError` when there is something already, and nobody said that this is meant."""
    count = await projected.contact_count(connected.clickhouse)
    if options.dry_run:
        return {"contacts_in_clickhouse": count}
    if not options.force and await _is_in_use(connected.redis):
        raise ToolError("Redis holds profiles; --force puts in what is missing or older, and takes nothing away")
    quiet_garbage_collector()
    rebuild = Rebuild(connected, Progress("contacts", count))
    started = time.monotonic()
    await connected.redis.set(keys.REBUILDING, "1")
    await rebuild.run()
    await connected.redis.delete(keys.REBUILDING)
    return {
        "seconds": round(time.monotonic() - started, 2),
        "contacts_read": rebuild.contacts,
        "profiles_put": rebuild.profiles,
        "claims_put": rebuild.claims,
        "records_put": rebuild.records,
        "values_that_another_contact_shows_too": rebuild.held_by_others,
    }


def main() -> int:
    arguments = parser("rebuild-redis", __doc__)
    arguments.add_argument("--force", action="store_true", help="also where Redis holds profiles already")
    return run(arguments, work)


async def _is_in_use(redis: RedisClient) -> bool:
    """Whether it holds profiles that no rebuilding that broke off has put there."""
    if await redis.exists(keys.REBUILDING):
        return False
    async for _ in redis.scan_iter(match=keys.PROFILES, count=10_000):
        return True
    return False


def _document(profile: Profile) -> Put:
    return Put(keys.profile(profile.id), b"%0*d" % (VERSION_DIGITS, profile.version) + encode_profile(profile))


def _values(profiles: Iterable[Profile], unique_fields: tuple[str, ...]) -> Iterator[Put]:
    """Claims of the time at which the contact was last written, and carried the value."""
    for profile in profiles:
        for value in claims.carried(profile, unique_fields):
            yield Put(keys.unique(*value), b"%d:%d" % (claims.bearer(profile, value), profile.version))


def _record(row: RecordRow) -> Put:
    return Put(keys.record(row.kind, row.id), b"%0*d" % (VERSION_DIGITS, row.version) + row.data.encode())


def _names(rows: Iterable[RecordRow]) -> Iterator[Put]:
    """The claims of the companies' names. A deleted company's is not known any more."""
    for row in rows:
        company = decode_company(int(row.id), row.version, row.data.encode())
        if company.name:
            yield Put(keys.unique(CLAIM_FIELD, name_key(company.name)), b"%d:%d" % (company.id, company.version))


def _set_missing(put: Put) -> Command:
    """Answers with what is there already."""
    return Command(put.key, ("SET", put.key, put.value, "NX", "GET"))


def _put_newer(script: str, put: Put) -> Command:
    return Command(put.key, ("EVAL", script, "1", put.key, put.value))


def _version(stored: bytes) -> bytes:
    return stored[:VERSION_DIGITS]


def _holder(claim: bytes) -> bytes:
    return claim.partition(b":")[0]


if __name__ == "__main__":
    sys.exit(main())
