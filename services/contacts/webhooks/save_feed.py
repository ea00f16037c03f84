"""The duty that tells webhooks which contacts were changed by others than the API: by hits, and by the tools.

Each hook follows the versions of contacts as they come into ClickHouse; what the API wrote it was told already.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

from services.common import keys
from services.common.folding import fold
from services.common.hook_notes import Note
from services.common.profile import Profile
from services.contacts.stores import Stores
from services.contacts.webhooks.queue import SAVED_SECONDS, SAVES
from services.contacts.webhooks.triggers import CONTACT_NEW, CONTACT_UPDATE

ROWS_AT_ONCE = 500
MOST_WAITING = 1_000  # beyond it the hook must first be told what waits: nothing of this gives way
_SQL = """
SELECT id, version, profile FROM contacts
WHERE (version, id) > ({version:UInt64}, {id:UInt64}) AND version >= {version:UInt64} AND version <= {until:UInt64}
    AND NOT is_deleted AND toUnixTimestamp64Milli(date_identified) > 0
ORDER BY version, id LIMIT {limit:UInt64}
"""
_profiles = msgspec.json.Decoder(Profile)


class SaveFeed:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def work(self) -> None:
        hooks = await self._stores.hooks.hooks()
        wanting = [number for number, hook in hooks.items() if not SAVES.isdisjoint(hook.triggers)]
        if not wanting:
            return
        waiting = await self._stores.hooks.waiting(wanting)
        until_us = await self._stores.profiles.projected_us()
        for number in wanting:
            room = MOST_WAITING - waiting[number][0]
            while (
                room > 0 and (read := await self._carry(number, set(hooks[number].triggers), until_us)) == ROWS_AT_ONCE
            ):
                room -= read

    async def _carry(self, hook_id: int, triggers: set[str], until_us: int) -> int:
        """The next versions become notes of the hook, unless it knows them; how many there were."""
        said = await self._stores.redis.hget(keys.hook_state(hook_id), "version")
        if not said:
            await begin_saves_now(self._stores, hook_id)
            return 0
        version, contact_id = map(int, said.split(b" "))
        asked = {"version": version, "id": contact_id, "until": until_us, "limit": ROWS_AT_ONCE}
        rows = (await self._stores.clickhouse.query(_SQL, parameters=asked)).result_rows
        if rows:
            notes = await self._notes(hook_id, rows)
            await self._stores.hooks.put_for({hook_id: [note for note in notes if note.trigger in triggers]})
            await _put_place(self._stores, hook_id, rows[-1][1], rows[-1][0])
        return len(rows)

    async def _notes(self, hook_id: int, rows: list[tuple[Any, ...]]) -> list[Note]:
        """New is who became known within the hour that is remembered, and was not told in it."""
        known = await self._stores.hooks.saved(hook_id, [contact_id for contact_id, _, _ in rows])
        notes = []
        for contact_id, version, document in rows:
            if version <= known[contact_id]:
                continue
            profile = _profiles.decode(document)
            profile.version = version
            is_new = not known[contact_id] and fold(profile).identified_us > version - SAVED_SECONDS * 1_000_000
            notes.append(Note(CONTACT_NEW if is_new else CONTACT_UPDATE, version, contact=profile))
            known[contact_id] = version
        return notes


async def begin_saves_now(stores: Stores, hook_id: int) -> None:
    """The hook is told of versions from now on."""
    await _put_place(stores, hook_id, time.time_ns() // 1_000, 0)


async def _put_place(stores: Stores, hook_id: int, version: int, contact_id: int) -> None:
    await stores.redis.hset(keys.hook_state(hook_id), "version", f"{version} {contact_id}")
