"""The duty that carries events to the webhooks which want them: each hook follows the events in the order in which they
were stored, by a place of its own, however far behind it is.

Identity pays nothing for it. Events are read a few seconds after they were stored, when all that were stored before
are to be seen; one that is delivered to identity twice may be told twice.
"""

from __future__ import annotations

from typing import NamedTuple

from services.common import keys
from services.common.documents import Hook
from services.common.hook_notes import Note
from services.contacts.stored_events import server_ms, settled_ms
from services.contacts.stores import Stores
from services.contacts.webhooks.triggers import EVENT_TYPES, TRIGGER_OF

ROWS_AT_ONCE = 500
MOST_WAITING = 1_000  # beyond it the hook must first be told what waits: nothing of this gives way
_SQL = """
SELECT toUnixTimestamp64Milli(stored_at) AS stored_ms, toUnixTimestamp64Milli(time) AS time_ms,
    toString(event_id) AS event_id, contact_id, type, url, title, referrer, language, query, ip, device_id, user_agent
FROM events
WHERE stored_at >= fromUnixTimestamp64Milli({stored:Int64}, 'UTC')
    AND stored_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC') AND type IN {types:Array(String)}
    AND (toUnixTimestamp64Milli(stored_at), toUnixTimestamp64Milli(time), toString(event_id))
        > ({stored:Int64}, {time:Int64}, {event:String})
ORDER BY stored_at, time, toString(events.event_id) LIMIT {limit:UInt64}
"""
_SAID = (
    "event_id",
    "time_ms",
    "type",
    "url",
    "title",
    "referrer",
    "language",
    "query",
    "ip",
    "device_id",
    "user_agent",
)


class Place(NamedTuple):
    """The last event that was read, by when it was stored, its time and its id."""

    stored_ms: int
    time_ms: int = 0
    event_id: str = ""


class EventFeed:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def work(self) -> None:
        hooks = await self._stores.hooks.hooks()
        wanting = {number: types for number, hook in hooks.items() if (types := event_types(hook))}
        if not wanting:
            return
        waiting = await self._stores.hooks.waiting(wanting)
        until_ms = await settled_ms(self._stores.clickhouse)
        for number, types in wanting.items():
            room = MOST_WAITING - waiting[number][0]
            while room > 0 and (read := await self._carry(number, types, until_ms)) == ROWS_AT_ONCE:
                room -= read

    async def _carry(self, hook_id: int, types: list[str], until_ms: int) -> int:
        """The next events become notes of the hook; how many."""
        place = await load_place(self._stores, hook_id)
        if place is None:
            await begin_now(self._stores, hook_id)
            return 0
        parameters = {
            "stored": place.stored_ms, "time": place.time_ms, "event": place.event_id, "types": types,
            "until": until_ms, "limit": ROWS_AT_ONCE,
        }  # fmt: skip
        rows = list((await self._stores.clickhouse.query(_SQL, parameters=parameters)).named_results())
        if rows:
            await self._stores.hooks.put_for({hook_id: [_note(row) for row in rows]})
            last = rows[-1]
            await put_place(self._stores, hook_id, Place(last["stored_ms"], last["time_ms"], last["event_id"]))
        return len(rows)


def event_types(hook: Hook) -> list[str]:
    return [EVENT_TYPES[trigger] for trigger in hook.triggers if trigger in EVENT_TYPES]


async def begin_now(stores: Stores, hook_id: int) -> None:
    """The hook is told of events that are stored from now on."""
    await put_place(stores, hook_id, Place(await server_ms(stores.clickhouse)))


async def load_place(stores: Stores, hook_id: int) -> Place | None:
    said = await stores.redis.hget(keys.hook_state(hook_id), "place")
    if not said:
        return None
    stored, at, event_id = said.decode().split(" ")
    return Place(int(stored), int(at), event_id)


async def put_place(stores: Stores, hook_id: int, place: Place) -> None:
    await stores.redis.hset(keys.hook_state(hook_id), "place", " ".join(map(str, place)))


def _note(row: dict[str, object]) -> Note:
    said = {name: row[name] for name in _SAID}
    time_us = int(str(row["time_ms"])) * 1_000
    return Note(TRIGGER_OF[str(row["type"])], time_us, contact_id=int(str(row["contact_id"])), said=said)
