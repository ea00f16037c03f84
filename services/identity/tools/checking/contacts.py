"""Contacts, as check-identity goes through them: all in Redis, and those of which ClickHouse knows something newer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from services.common import keys
from services.common.clickhouse import ClickHouse
from services.common.profile import VERSION_DIGITS
from services.common.profiles import ProfileStore
from services.common.redis_client import RedisClient
from services.identity.tools import keyspace
from services.identity.tools.checking.findings import Finding, Subject, contact_findings
from services.identity.tools.checking.mending import Mender, first_stage
from services.identity.tools.checking.picture import load_picture

PROFILES_AT_ONCE = 2_000
ROWS_AT_ONCE = 50_000

_VERSIONS = """
SELECT id, max(version) FROM contacts WHERE id > {after:UInt64} GROUP BY id ORDER BY id LIMIT {most:UInt64}
SETTINGS optimize_aggregation_in_order = 1
"""
_LOSERS = """
SELECT loser FROM aliases WHERE loser > {after:UInt64} GROUP BY loser HAVING argMax(winner, version) != loser
ORDER BY loser LIMIT {most:UInt64} SETTINGS optimize_aggregation_in_order = 1
"""


class Contacts:
    def __init__(self, redis: RedisClient, clickhouse: ClickHouse, unique_fields: tuple[str, ...]) -> None:
        self._redis, self._clickhouse, self._unique_fields = redis, clickhouse, unique_fields
        self._store = ProfileStore(redis)
        self._mender = Mender(self._store, clickhouse, unique_fields)

    async def candidates(self) -> AsyncIterator[Sequence[Subject]]:
        """What Redis has lost comes first: it is mended before anything is written over what is left of it."""
        async for newer in self._newer_in_clickhouse():
            yield newer
        async for losers in self._losers_without_profile():
            yield losers
        async for found in keyspace.scan(self._redis, keys.PROFILES, PROFILES_AT_ONCE):
            yield [int(keyspace.last_part(key)) for key in found]

    async def inspect(self, subjects: Sequence[Subject]) -> list[Finding]:
        ids = [int(one) for one in subjects]
        picture = await load_picture(self._store, self._clickhouse, ids, self._unique_fields)
        return [found for one in ids for found in contact_findings(picture, one, self._unique_fields)]

    def first(self, findings: Sequence[Finding]) -> list[Finding]:
        return first_stage(findings)

    async def mend(self, findings: Sequence[Finding]) -> Sequence[Subject]:
        """Whom it has touched."""
        return sorted(await self._mender.mend(findings))

    async def _newer_in_clickhouse(self) -> AsyncIterator[list[int]]:
        """The greater part of these is being written this moment."""
        after = 0
        while rows := await self._page(_VERSIONS, after):
            after = rows[-1][0]
            for start in range(0, len(rows), PROFILES_AT_ONCE):
                some = rows[start : start + PROFILES_AT_ONCE]
                stored = await self._versions([row[0] for row in some])
                if newer := [row[0] for row, version in zip(some, stored, strict=True) if version < row[1]]:
                    yield newer

    async def _losers_without_profile(self) -> AsyncIterator[list[int]]:
        after = 0
        while rows := await self._page(_LOSERS, after):
            after = rows[-1][0]
            for start in range(0, len(rows), PROFILES_AT_ONCE):
                losers = [row[0] for row in rows[start : start + PROFILES_AT_ONCE]]
                stored = await self._versions(losers)
                if lost := [loser for loser, version in zip(losers, stored, strict=True) if not version]:
                    yield lost

    async def _page(self, sql: str, after: int) -> list[tuple[int, ...]]:
        asked = {"after": after, "most": ROWS_AT_ONCE}
        return [tuple(map(int, row)) for row in (await self._clickhouse.query(sql, parameters=asked)).result_rows]

    async def _versions(self, contact_ids: Sequence[int]) -> list[int]:
        """0 where nothing is stored."""
        pipeline = self._redis.pipeline(transaction=False)
        for contact_id in contact_ids:
            pipeline.getrange(keys.profile(contact_id), 0, VERSION_DIGITS - 1)
        return [int(version or 0) for version in await pipeline.execute()]
