"""The profile store: loads, compares-and-sets and claims in Redis. The system of record for everything about contacts.

Every write is one atomic script on one cluster slot; what spans slots is a chain of such writes that the caller repeats
until done. Several operations go out in one pipeline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from services.common import keys
from services.common.merging import follow
from services.common.profile import VERSION_DIGITS, Profile, decode_profile, encode_profile
from services.common.redis_client import RedisClient, load_script
from services.common.redis_commands import Commands, GroupedCommands
from services.common.tombstone import bare_alias
from services.common.values import CARRY_CLAIM_US, VOID_CLAIM_US, Claim, UniqueValue

BRIEF_SECONDS = 86_400  # how long the move of a caller without cookies is kept
CLOCK_US = 2_000_000
MAX_BRIEF = 10  # such devices of one contact: callers that never keep a cookie must not fill Redis
MAX_ALIAS_STEPS = 1_000
STRIP_ROUNDS = 100
VERSIONS_AT_ONCE = 1_000  # which take Redis a millisecond
LEAD_ROUNDS = 20


class ProfileStore:
    """With `allow_oom` it may also write when Redis is full: for whoever empties it by that. `is_grouped`: calls of
    concurrent tasks travel together."""

    def __init__(self, redis: RedisClient, *, allow_oom: bool = False, is_grouped: bool = False) -> None:
        self._redis = redis
        self._commands = GroupedCommands(redis) if is_grouped else Commands(redis)
        self._write = load_script(redis, "write_documents", allow_oom=allow_oom)
        self._claim = load_script(redis, "claim_values", allow_oom=allow_oom)
        self._tell_time = load_script(redis, "tell_time", allow_oom=allow_oom)
        self._settle = load_script(redis, "settle_changes")
        self._remember_brief = load_script(redis, "remember_brief", allow_oom=allow_oom)
        self._forget_brief = load_script(redis, "forget_brief", allow_oom=allow_oom)

    async def load(
        self, contact_ids: Iterable[int], decode: Callable[[bytes], Profile] = decode_profile
    ) -> dict[int, Profile | None]:
        """The stored profiles of these ids, None for an id that has none. Aliases are not followed."""
        ids = list(contact_ids)
        stored = await self._commands.mget([keys.profile(contact_id) for contact_id in ids])
        return {contact_id: decode(value) if value else None for contact_id, value in zip(ids, stored, strict=True)}

    async def versions(self, contact_ids: Collection[int]) -> dict[int, int]:
        """Those of the stored profiles, 0 for an id that has none. Others are answered between every few of them."""
        ids = list(contact_ids)
        versions: dict[int, int] = {}
        for start in range(0, len(ids), VERSIONS_AT_ONCE):
            some = ids[start : start + VERSIONS_AT_ONCE]
            stored = await self._commands.mget([keys.profile(one) for one in some])
            for one, value in zip(some, stored, strict=True):
                versions[one] = int(value[:VERSION_DIGITS]) if value else 0
        return versions

    async def resolve(self, contact_id: int) -> Profile | None:
        """The profile that an id answers with, through all merges; None when nothing is stored for it.

        What a crash within a merge, or two merges at once, left is mended on the way, for good: a survivor takes in
        whoever leads to it, a cycle is read as its smallest id, and who led to a loser leads to the survivor.
        """
        for _ in range(MAX_ALIAS_STEPS):
            chain = await self._chain(contact_id)
            lead = follow(chain)
            if not lead.changed:
                return lead.survivor
            survivor_id = lead.survivor.id if lead.survivor else 0
            versions = await self.write([one for one in lead.changed if one.id != survivor_id])
            if all(versions.values()):
                await self.write([one for one in lead.changed if one.id == survivor_id])
        raise RuntimeError(f"contact {contact_id} is being merged and parted without an end")

    async def _chain(self, contact_id: int) -> list[Profile]:
        """The profiles from this id on, each leading to the next one; the last leads nowhere, or to one of the
        others."""
        chain: list[Profile] = []
        while len(chain) < MAX_ALIAS_STEPS:
            profile = (await self.load([contact_id]))[contact_id]
            if profile is not None:
                chain.append(profile)
            if profile is None or not profile.alias or any(one.id == profile.alias for one in chain):
                return chain
            contact_id = profile.alias
        raise RuntimeError(f"aliases of contact {contact_id} do not end")

    async def holders(self, values: Iterable[UniqueValue]) -> dict[UniqueValue, Claim | None]:
        """Who holds each of these values; None for a free one."""
        return (await self.holders_beside(values, ()))[0]

    async def holders_beside(
        self, values: Iterable[UniqueValue], others: Sequence[str]
    ) -> tuple[dict[UniqueValue, Claim | None], list[bytes | None]]:
        """The same, and in the same round trip what other keys hold."""
        wanted = list(values)
        stored = await self._commands.mget([*(keys.unique(*value) for value in wanted), *others])
        held, beside = stored[: len(wanted)], stored[len(wanted) :]
        return {value: _claim(one) if one else None for value, one in zip(wanted, held, strict=True)}, beside

    async def write(self, profiles: list[Profile], claims: Mapping[int, Claim] | None = None) -> dict[int, int]:
        """Stores each profile if its stored version is still the one it was read with.

        `claims` has, by contact id, the oldest claim that the contact's profile rests on. Returns the new version by
        contact id; 0 for one that somebody else wrote meanwhile, or that comes too long after its claim.
        """
        latest = {contact_id: claim.time_us + CARRY_CLAIM_US for contact_id, claim in (claims or {}).items()}
        answers = await self._commands.run_script(
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

    async def lead(self, contact_ids: Iterable[int], from_id: int, to_id: int) -> list[Profile]:
        """Whoever of these led to one contact leads to another one now; what is written all the time is led when it is
        read. Whom an earlier merge, which is not at its end yet, has still to lead is led on from there. Returns what
        was written here."""
        written: list[Profile] = []
        waiting = [one for one in contact_ids if one != to_id]  # of two merges in a circle one is among the other's
        for _ in range(LEAD_ROUNDS):
            loaded = await self.load(waiting)
            aliases = [one for one in loaded.values() if one and one.alias]
            led = [msgspec.structs.replace(one, alias=to_id) for one in aliases if one.alias == from_id]
            for one in aliases:
                if one.alias not in (from_id, to_id):
                    await self.resolve(one.id)
            versions = await self.write(led)
            written += [msgspec.structs.replace(one, version=versions[one.id]) for one in led if versions[one.id]]
            waiting = [one for one, version in versions.items() if not version]
            if not waiting:
                break
        end = (await self.load([to_id]))[to_id] if written else None
        if end is not None and end.alias:  # it has merged meanwhile, and led its own on before these were among them
            for one in written:
                await self.resolve(one.id)
        return written

    async def strip(self, contact_ids: Iterable[int], survivor_id: int) -> list[Profile]:
        """Of these, which merged into a contact that is gone, nothing but the alias stays; one that was taken out of it
        meanwhile, with all that it had, is left alone. Returns what was written.

        Nobody is stripped before whom it had merged into: an undo gives that one back first, and its followers are its
        own from then on, though they are led to it a moment later."""
        written: list[Profile] = []
        waiting = set(contact_ids)
        for _ in range(len(waiting) + STRIP_ROUNDS):
            stored = {one: profile or Profile(one) for one, profile in (await self.load(waiting)).items()}
            alone = [one for one in stored.values() if one.own is not None and not one.alias]
            waiting -= {one.id for one in alone}.union(*(one.losers for one in alone))
            led = {one: stored[one].alias for one in waiting}
            waiting -= {
                one for one, alias in led.items() if alias not in led and not await self._is_led(alias, survivor_id)
            }
            next_ones = [one for one in waiting if not ((merge := stored[one].merge) and merge.winner in waiting)]
            bare = [bare_alias(stored[one], survivor_id) for one in next_ones or waiting]
            changed = [one for one in bare if one != stored[one.id]]
            versions = await self.write(changed)
            written += [msgspec.structs.replace(one, version=versions[one.id]) for one in changed if versions[one.id]]
            waiting -= {one.id for one in bare if versions.get(one.id, 1)}
            if not waiting:
                return written
        raise RuntimeError(f"what merged into contact {survivor_id} is being written all the time")

    async def _is_led(self, alias: int, survivor_id: int) -> bool:
        """Whether who has this alias has not merged into somebody else since."""
        end = await self.resolve(alias) if alias not in (0, survivor_id) else None
        return alias in (0, survivor_id) or (end is not None and end.id == survivor_id)

    async def claim(self, claims: list[tuple[UniqueValue, Claim | None, int]]) -> list[Claim | None]:
        """For each (value, holder as seen, contact id; 0 frees the value): who holds it now."""
        answers = await self._commands.run_script(
            self._claim,
            [
                ([keys.unique(value.field, value.value)], [seen.stored() if seen else "", contact_id or ""])
                for value, seen, contact_id in claims
            ],
        )
        return [_claim(answer) if answer else None for answer in answers]

    async def time_us(self) -> int:
        """The time by Redis' clock, which stamps claims: ours may be another one."""
        return int((await self._commands.run_script(self._tell_time, [([keys.changes(0)], [])]))[0])

    async def is_void(self, value: UniqueValue, claim: Claim) -> bool:
        """Whether a claim that was seen not to be carried never will be: looked at again, it may be by now."""
        if await self.time_us() - claim.time_us <= VOID_CLAIM_US:
            return False
        holder = await self.resolve(claim.contact_id)
        return holder is None or not holder.carries(*value)

    async def free(self, claims: Iterable[tuple[str, str]]) -> None:
        """Frees values by their keys, if they are still held as (key, stored claim) says."""
        await self._commands.run_script(self._claim, [([key], [seen, ""]) for key, seen in claims])

    async def remember_brief(self, devices: Mapping[int, list[int]]) -> None:
        """By contact, the devices that joined it without cookies just now; the oldest beyond `MAX_BRIEF` are
        forgotten."""
        answers = await self._commands.run_script(
            self._remember_brief,
            [([keys.brief_devices(one)], [MAX_BRIEF, BRIEF_SECONDS, *joined]) for one, joined in devices.items()],
        )
        gone = [int(device) for answer in answers for device in answer]
        await self._commands.run_script(self._forget_brief, [([keys.profile(device)], []) for device in gone])

    async def settle(self, versions: dict[int, int]) -> None:
        """These versions are in ClickHouse now."""
        slots: dict[int, list[int]] = {}
        for contact_id, version in versions.items():
            slots.setdefault(contact_id % keys.CONTACT_SLOTS, []).extend((contact_id, version))
        calls = [([keys.changes(slot)], [len(pairs) // 2, *pairs]) for slot, pairs in slots.items()]
        await self._commands.run_script(self._settle, calls)

    async def projected_us(self) -> int:
        """Every version up to this one is in ClickHouse; servers' clocks may differ by `CLOCK_US`."""
        latest = time.time_ns() // 1_000 - CLOCK_US
        pipeline = self._redis.pipeline(transaction=False)
        for slot in range(keys.CONTACT_SLOTS):
            pipeline.zrange(keys.changes(slot), 0, 0, withscores=True)
        waiting = [int(score) for slot in await pipeline.execute() for _, score in slot]
        return min([latest, *(version - 1 for version in waiting)])

    async def unsettled(self, before_us: int, limit: int) -> list[int]:
        """Contacts whose last write before `before_us` has not been projected: their writer died in between."""
        pipeline = self._redis.pipeline(transaction=False)
        for slot in range(keys.CONTACT_SLOTS):
            pipeline.zrangebyscore(keys.changes(slot), "-inf", before_us, start=0, num=limit)
        found = [int(contact_id) for slot in await pipeline.execute() for contact_id in slot]
        return found[:limit]


def _claim(stored: bytes) -> Claim:
    contact_id, time_us = stored.split(b":")
    return Claim(int(contact_id), int(time_us))
