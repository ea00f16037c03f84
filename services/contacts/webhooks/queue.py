"""What waits to be told to webhooks: one stream for each in Redis, written before the write is answered.

Nothing is lost that was answered: a note leaves its stream only after the receiver has taken it. What exceeds the bound
of a stream is: the oldest notes of a receiver that is far behind, each counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from services.common import keys
from services.common.documents import HOOK, Hook, decode_document
from services.common.hook_notes import NOTE_FIELD, Note, decode_note, encode_note
from services.common.records import RecordStore
from services.common.redis_client import RedisClient, load_script, run_script
from services.contacts.webhooks.triggers import CONTACT_NEW, CONTACT_UPDATE

SAVES = frozenset({CONTACT_NEW, CONTACT_UPDATE})
SAVED_SECONDS = 3_600
SECONDS = 1.0  # how old what is known of the hooks may be


class State(NamedTuple):
    """How the deliveries of one hook went; times are milliseconds, 0 for never."""

    failures: int = 0  # in a row
    status: int = 0  # of the last request; 0 without an answer
    note: str = ""
    at_ms: int = 0
    delivered_ms: int = 0
    next_ms: int = 0  # not before then


class HookQueue:
    def __init__(self, redis: RedisClient, records: RecordStore, max_queued: int) -> None:
        self._redis, self._records, self._max_queued = redis, records, max_queued
        self._queue = load_script(redis, "queue_notes")
        self._known: dict[int, Hook] = {}
        self._known_at = -SECONDS
        self.on_drop: Callable[[int], None] = lambda _: None  # told how many gave way

    async def hooks(self) -> Mapping[int, Hook]:
        """Those that are published, as they were a second ago at most: a write costs a look at the clock."""
        if time.monotonic() - self._known_at >= SECONDS:
            now, records = time.monotonic(), await self._records.numbered(HOOK)
            found = {number: decode_document(record.data, Hook) for number, record in records.items()}
            self._known = {number: hook for number, hook in found.items() if hook.is_published and hook.triggers}
            self._known_at = now
        return self._known

    def forget(self) -> None:
        """The next look is a fresh one."""
        self._known_at = -SECONDS

    async def put(self, notes: Iterable[Note]) -> None:
        """To every hook that wants them. Raises `RedisError`."""
        hooks, waiting = await self.hooks(), list(notes)
        for_hook = {
            number: [note for note in waiting if note.trigger in hook.triggers] for number, hook in hooks.items()
        }
        await self.put_for({number: wanted for number, wanted in for_hook.items() if wanted})

    async def put_for(self, notes: Mapping[int, list[Note]]) -> None:
        calls = [
            ([keys.hook(number)], [self._max_queued, *map(encode_note, wanted)]) for number, wanted in notes.items()
        ]
        await self._note_saved(notes)
        if dropped := sum(map(int, await run_script(self._redis, self._queue, calls))):
            self.on_drop(dropped)

    async def _note_saved(self, notes: Mapping[int, list[Note]]) -> None:
        """Which versions of contacts each hook is told, so that no other way tells them again."""
        pipeline, now_us = self._redis.pipeline(transaction=False), time.time_ns() // 1_000
        count = 0
        for number, wanted in notes.items():
            saved = {str(one.contact.id): one.contact.version for one in wanted if one.contact and one.trigger in SAVES}
            if saved:
                count += 1
                pipeline.zadd(keys.hook_saved(number), saved, gt=True)
                pipeline.zremrangebyscore(keys.hook_saved(number), "-inf", now_us - SAVED_SECONDS * 1_000_000)
        if count:
            await pipeline.execute()

    async def saved(self, hook_id: int, contact_ids: list[int]) -> dict[int, int]:
        """The newest version that the hook was told of each of these in the last hour; 0 for none."""
        scores = await self._redis.zmscore(keys.hook_saved(hook_id), list(map(str, contact_ids)))
        return {one: int(score or 0) for one, score in zip(contact_ids, scores, strict=True)}

    async def first(self, hook_id: int, count: int) -> list[tuple[bytes, Note]]:
        """The oldest notes that wait, each under its id in the stream."""
        entries = await self._redis.xrange(keys.hook(hook_id), count=count)
        return [(entry_id, decode_note(said[NOTE_FIELD])) for entry_id, said in entries]

    async def remove(self, hook_id: int, entry_ids: list[bytes]) -> None:
        await self._redis.xdel(keys.hook(hook_id), *entry_ids)

    async def waiting(self, hook_ids: Iterable[int]) -> dict[int, tuple[int, State]]:
        """How many notes wait for each of these, and how its deliveries went."""
        wanted = list(hook_ids)
        pipeline = self._redis.pipeline(transaction=False)
        for number in wanted:
            pipeline.xlen(keys.hook(number))
            pipeline.hgetall(keys.hook_state(number))
        found = await pipeline.execute() if wanted else []
        pairs = zip(found[::2], found[1::2], strict=True)
        return {number: (int(length), _state(said)) for number, (length, said) in zip(wanted, pairs, strict=True)}

    async def note_state(self, hook_id: int, state: State) -> None:
        await self._redis.hset(keys.hook_state(hook_id), mapping=state._asdict())

    async def retry(self, hook_id: int) -> None:
        """What failed before somebody changed the hook counts no longer, and it is asked again at once."""
        await self._redis.hset(keys.hook_state(hook_id), mapping={"failures": 0, "next_ms": 0})

    async def clear(self, hook_id: int) -> None:
        """Nothing waits any longer: the hook is gone."""
        await self._redis.delete(keys.hook(hook_id), keys.hook_state(hook_id), keys.hook_saved(hook_id))


def _state(said: Mapping[bytes, bytes]) -> State:
    text = {name.decode(): value.decode() for name, value in said.items()}
    failures, status, at_ms, delivered_ms, next_ms = (
        int(text.get(name) or 0) for name in ("failures", "status", "at_ms", "delivered_ms", "next_ms")
    )
    return State(failures, status, text.get("note", ""), at_ms, delivered_ms, next_ms)
