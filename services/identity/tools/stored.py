"""What Redis holds, piece by piece: all profiles, claims and records, on one server or a cluster, in flat memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from services.common.profile import Profile, decode_profile
from services.common.profiles import ProfileStore
from services.common.records import Record, RecordStore, Ref
from services.common.redis_client import RedisClient, mget
from services.identity.tools.invariants import StoredClaim

AT_ONCE = 1_000
MAX_STEPS = 30  # of aliases


async def profiles(redis: RedisClient) -> AsyncIterator[list[Profile]]:
    """But for those of callers without cookies, which are forgotten after a day."""
    async for names in _names(redis, "c:*"):
        stored = [decode_profile(value) for value in await mget(redis, names) if value]
        yield [profile for profile in stored if not profile.is_brief]


async def claims(redis: RedisClient) -> AsyncIterator[list[StoredClaim]]:
    async for names in _names(redis, "u:*"):
        yield await claims_of(redis, names)


async def claims_of(redis: RedisClient, names: Sequence[str]) -> list[StoredClaim]:
    """Those of these keys that there are."""
    values = await mget(redis, names)
    return [_claim(name, value) for name, value in zip(names, values, strict=True) if value]


async def records(redis: RedisClient, store: RecordStore) -> AsyncIterator[list[Record]]:
    async for names in _names(redis, "r:*"):
        refs = [Ref(*name.split(":", 3)[2:]) for name in names]
        yield list((await store.load(refs)).values())


async def with_leads(store: ProfileStore, contact_ids: Iterable[int]) -> dict[int, Profile | None]:
    """These profiles, and whoever they lead to by their aliases."""
    found: dict[int, Profile | None] = {}
    wanted = set(contact_ids)
    for _ in range(MAX_STEPS):
        if not wanted:
            break
        loaded = await store.load(wanted)
        found.update(loaded)
        wanted = {profile.alias for profile in loaded.values() if profile and profile.alias} - found.keys()
    return found


async def _names(redis: RedisClient, pattern: str) -> AsyncIterator[list[str]]:
    names: list[str] = []
    async for name in redis.scan_iter(match=pattern, count=AT_ONCE):
        names.append(name.decode())
        if len(names) == AT_ONCE:
            yield names
            names = []
    if names:
        yield names


def _claim(name: str, value: bytes) -> StoredClaim:
    contact_id, time_us = value.split(b":")
    return StoredClaim(name, name.split(":")[2], int(contact_id), int(time_us))
