"""Whether there is a contact under an id that a server names: by its profile, or by an anonymous visitor's events."""

from __future__ import annotations

import asyncio
from typing import Any

from services.common import clickhouse as ch
from services.common.profiles import ProfileStore
from services.common.redis_client import RedisClient

_SEEN = "SELECT DISTINCT contact_id FROM activity WHERE contact_id IN {ids:Array(UInt64)}"


class KnownContacts:
    """ClickHouse is asked only for ids that have no profile, and connected to when that happens first."""

    def __init__(self, redis: RedisClient, clickhouse_url: str) -> None:
        self._profiles = ProfileStore(redis)
        self._url = clickhouse_url
        self._clickhouse: ch.ClickHouse | None = None
        self._connecting = asyncio.Lock()

    async def unknown(self, contact_ids: set[int]) -> set[int]:
        """Those that are nobody's, or were deleted. Raises what `STORES_AWAY` lists."""
        profiles = await self._profiles.load(contact_ids)
        for one in [one for one in profiles.values() if one and (one.alias or one.is_device_only())]:
            profiles[one.id] = await self._profiles.resolve(one.id if one.alias else one.moves[-1].contact_id)
        deleted = {contact_id for contact_id, profile in profiles.items() if profile and profile.deleted_us}
        blank = [contact_id for contact_id, profile in profiles.items() if profile is None or profile.own is None]
        return deleted | (set(blank) - deleted - await self._seen([one for one in blank if one not in deleted]))

    async def _seen(self, contact_ids: list[int]) -> set[int]:
        if not contact_ids or not self._url:
            return set()
        client = await self._connect()
        return {int(row[0]) for row in (await client.query(_SEEN, parameters={"ids": contact_ids})).result_rows}

    async def _connect(self) -> Any:
        async with self._connecting:
            if self._clickhouse is None:
                self._clickhouse = await ch.connect(self._url, timeout_seconds=5.0)
            return self._clickhouse

    async def close(self) -> None:
        if self._clickhouse is not None:
            await self._clickhouse.close()
