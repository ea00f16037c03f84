"""The profile store: loads, compares-and-sets and claims in Redis. The system of record for everything about contacts.

Every write is one atomic script on one cluster slot; what spans slots is a chain of such writes that the caller repeats
until done. Several operations go out in one pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from services.common import keys
from services.common.profile import VERSION_DIGITS, Profile, decode_profile, encode_profile, take_in
from services.common.redis_client import RedisClient, load_script, mget, run_script
from services.common.values import CARRY_CLAIM_US, Claim, UniqueValue

BRIEF_SECONDS = 86_400  # how long the move of a caller without cookies is kept
MAX_ALIAS_STEPS = 1_000


class ProfileStore:
    """With `allow_oom` it may also write when Redis is full: for whoever empties it by that."""

    def __init__(self, redis: RedisClient, *, allow_oom: bool = False) -> None:
        self._redis = redis
        self._write = load_script(redis, "write_document", allow_oom=allow_oom)
        self._claim = load_script(redis, "claim_value", allow_oom=allow_oom)
        self._settle = load_script(redis, "settle_change")

    async def load(self, contact_ids: Iterable[int]) -> dict[int, Profile | None]:
        """The stored profiles of these ids, None for an id that has none. Aliases are not followed."""
        ids = list(contact_ids)
        stored = await mget(self._redis, [keys.profile(contact_id) for contact_id in ids])
        return {
            contact_id: decode_profile(value) if value else None for contact_id, value in zip(ids, stored, strict=True)
        }

    async def resolve(self, contact_id: int) -> Profile | None:
        """The profile that an id answers with, through all merges; None when nothing is stored for it.

        What a crash within a merge, or two merges at once, left is mended on the way, for good: a survivor takes in
        whoever leads to it, and a cycle is read as its smallest id.
        """
        while True:
            stored, mended = await self._survivor(contact_id)
            if mended is None or mended is stored:
                return mended
            version = (await self.write([mended]))[mended.id]
            if version:
                return msgspec.structs.replace(mended, version=version)

    async def _survivor(self, contact_id: int) -> tuple[Profile | None, Profile | None]:
        """(as stored, as it should be)."""
        chain: list[Profile] = []
        for _ in range(MAX_ALIAS_STEPS):
            profile = (await self.load([contact_id]))[contact_id]
            if profile is None or not profile.alias:
                return profile, _mended(profile, chain)
            if any(known.id == profile.id for known in chain):
                smallest = min(chain, key=lambda known: known.id)
                others = [known for known in chain if known.id != smallest.id]
                return smallest, _mended(msgspec.structs.replace(smallest, alias=0), others)
            chain.append(profile)
            contact_id = profile.alias
        raise RuntimeError(f"aliases of contact {contact_id} do not end")

    async def holders(self, values: Iterable[UniqueValue]) -> dict[UniqueValue, Claim | None]:
        """Who holds each of these values; None for a free one."""
        wanted = list(values)
        stored = await mget(self._redis, [keys.unique(value.field, value.value) for value in wanted])
        return {value: _claim(holder) if holder else None for value, holder in zip(wanted, stored, strict=True)}

    async def write(self, profiles: list[Profile], claims: Mapping[int, Claim] | None = None) -> dict[int, int]:
        """Stores each profile if its stored version is still the one it was read with.

        `claims` has, by contact id, the oldest claim that the contact's profile rests on. Returns the new version by
        contact id; 0 for one that somebody else wrote meanwhile, or that comes too long after its claim.
        """
        latest = {contact_id: claim.time_us + CARRY_CLAIM_US for contact_id, claim in (claims or {}).items()}
        answers = await run_script(
            self._redis,
            self._write,
            [
                (
                    [keys.profile(profile.id), keys.changes(profile.id % keys.CONTACT_SLOTS)],
                    [
                        f"{profile.version:0{VERSION_DIGITS}d}" if profile.version else "",
                        encode_profile(profile),
                        profile.id,
                        BRIEF_SECONDS if profile.is_brief else 0,
                        latest.get(profile.id, 0),
                    ],
                )
                for profile in profiles
            ],
        )
        return {profile.id: int(answer or 0) for profile, answer in zip(profiles, answers, strict=True)}

    async def claim(self, claims: list[tuple[UniqueValue, Claim | None, int]]) -> list[Claim | None]:
        """For each (value, holder as seen, contact id; 0 frees the value): who holds it now."""
        answers = await run_script(
            self._redis,
            self._claim,
            [
                ([keys.unique(value.field, value.value)], [seen.stored() if seen else "", contact_id or ""])
                for value, seen, contact_id in claims
            ],
        )
        return [_claim(answer) if answer else None for answer in answers]

    async def settle(self, versions: dict[int, int]) -> None:
        """These versions are in ClickHouse now."""
        slots: dict[int, list[int]] = {}
        for contact_id, version in versions.items():
            slots.setdefault(contact_id % keys.CONTACT_SLOTS, []).extend((contact_id, version))
        await run_script(self._redis, self._settle, [([keys.changes(slot)], pairs) for slot, pairs in slots.items()])

    async def unsettled(self, before_us: int, limit: int) -> list[int]:
        """Contacts whose last write before `before_us` has not been projected: their writer died in between."""
        pipeline = self._redis.pipeline(transaction=False)
        for slot in range(keys.CONTACT_SLOTS):
            pipeline.zrangebyscore(keys.changes(slot), "-inf", before_us, start=0, num=limit)
        found = [int(contact_id) for slot in await pipeline.execute() for contact_id in slot]
        return found[:limit]


def _mended(survivor: Profile | None, chain: list[Profile]) -> Profile | None:
    """The survivor with those of the chain whose merge into it was left half done."""
    if survivor is None or survivor.deleted_us:
        return survivor
    for loser in chain:
        if loser.id not in survivor.losers and loser.id not in survivor.separated:
            survivor = take_in(survivor, loser)
    return survivor


def _claim(stored: bytes) -> Claim:
    contact_id, time_us = stored.split(b":")
    return Claim(int(contact_id), int(time_us))
