"""The duty that tells webhooks what waits for them: each for itself and in order, again after a while when it fails.

A note is taken out of its stream when its receiver has answered 2xx, so each is told at least once. A receiver that
fails is asked again after 1 s, 2, 4, ... up to 10 minutes, and is switched off after so many failures in a row.
"""

from __future__ import annotations

import asyncio
import time

import msgspec
import structlog

from services.common.clickhouse import insert_rows
from services.common.documents import HOOK, Hook
from services.common.envelope import STORES_AWAY, ApiError
from services.common.hook_notes import Note
from services.common.settings import Settings
from services.common.tables import WEBHOOK_DELIVERIES, DeliveryRow
from services.contacts.metrics import ContactsMetrics
from services.contacts.records.record_writer import RecordWriter
from services.contacts.stores import Stores
from services.contacts.webhooks.payloads import Payloads
from services.contacts.webhooks.queue import State
from services.contacts.webhooks.sender import Outcome, Sender

log = structlog.get_logger()

POLL_SECONDS = 0.25
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 600.0
NOTES_AT_ONCE = 100  # read of one stream; a request takes as many of them as its bound allows
MAX_LOGGED = 10_000  # rows of the log that wait while ClickHouse is away
GONE = 410  # a receiver that says so wants nothing any longer

Waiting = list[tuple[bytes, Note]]


class Deliveries:
    def __init__(self, stores: Stores, settings: Settings, metrics: ContactsMetrics) -> None:
        self._stores, self._settings, self._metrics = stores, settings, metrics
        self._queue = stores.hooks
        self._payloads = Payloads(stores, settings.admin_user)
        self._writer = RecordWriter(stores, HOOK, Hook, "webhooks")
        self._sender = Sender(
            settings.webhook_origin,
            settings.webhook_timeout_seconds,
            allows_private=settings.webhook_private_addresses,
        )
        self._logged: list[DeliveryRow] = []

    async def work(self) -> None:
        """Never returns: a receiver that hangs holds up nothing but its own notes."""
        tasks: dict[int, asyncio.Task[None]] = {}
        try:
            while True:
                waiting = await self._queue.waiting(await self._queue.hooks())
                for hook_id, (length, state) in waiting.items():
                    if length and state.next_ms <= _now_ms() and hook_id not in tasks:
                        tasks[hook_id] = asyncio.create_task(self._serve(hook_id, state))
                await asyncio.sleep(POLL_SECONDS)
                for hook_id in [one for one, task in tasks.items() if task.done()]:
                    tasks.pop(hook_id).result()
                await self._write_log()
        finally:
            for task in tasks.values():
                task.cancel()

    async def _serve(self, hook_id: int, state: State) -> None:
        """Tells one hook what waits for it, until nothing does or it fails."""
        try:
            while hook := (await self._queue.hooks()).get(hook_id):
                notes = portion(await self._queue.first(hook_id, NOTES_AT_ONCE), self._settings.webhook_limit)
                if not notes:
                    return
                state = await self._tell(hook_id, hook, notes, state)
                if state.failures:
                    return
        except (*STORES_AWAY, ApiError) as error:
            log.warning("webhook_waits", hook=hook_id, error=type(error).__name__, text=str(error)[:200])

    async def _tell(self, hook_id: int, hook: Hook, notes: Waiting, state: State) -> State:
        items = await self._payloads.items([note for _, note in notes])
        if not items:
            await self._queue.remove(hook_id, [entry_id for entry_id, _ in notes])
            return state._replace(failures=0)
        if hook.is_newest_first:
            items = {trigger: told[::-1] for trigger, told in items.items()}
        outcome = await self._sender.post(hook.url, hook.secret, msgspec.json.encode(items))
        self._log(hook_id, outcome, sum(map(len, items.values())))
        now_ms = _now_ms()
        if outcome.is_delivered:
            await self._queue.remove(hook_id, [entry_id for entry_id, _ in notes])
            state = State(0, outcome.status, "", now_ms, now_ms)
        else:
            state = failed(state, outcome, now_ms)
        await self._queue.note_state(hook_id, state)
        if state.failures >= self._settings.webhook_disable_limit or outcome.status == GONE:
            await self._switch_off(hook_id)
        return state

    async def _switch_off(self, hook_id: int) -> None:
        """What waits for it waits on, should somebody publish it again."""
        await self._writer.change(str(hook_id), lambda hook: msgspec.structs.replace(hook, is_published=False))
        self._queue.forget()
        self._metrics.webhook_requests.add(value="disabled")
        log.warning("webhook_disabled", hook=hook_id)

    def _log(self, hook_id: int, outcome: Outcome, items: int) -> None:
        self._metrics.webhook_requests.add(value="delivered" if outcome.is_delivered else "failed")
        row = DeliveryRow(hook_id, _now_ms(), outcome.status, round(outcome.seconds, 3), items, outcome.note)
        self._logged = [*self._logged, row][-MAX_LOGGED:]

    async def _write_log(self) -> None:
        rows, self._logged = self._logged, []
        try:
            await insert_rows(self._stores.clickhouse, WEBHOOK_DELIVERIES, rows)
        except STORES_AWAY:
            self._logged = [*rows, *self._logged][-MAX_LOGGED:]


def portion(waiting: Waiting, limit: int) -> Waiting:
    """As many of the oldest as fit into one request: at most `limit` of each trigger, and none out of turn."""
    counts: dict[str, int] = {}
    for number, (_, note) in enumerate(waiting):
        counts[note.trigger] = counts.get(note.trigger, 0) + 1
        if counts[note.trigger] > limit:
            return waiting[:number]
    return waiting


def failed(state: State, outcome: Outcome, now_ms: int) -> State:
    """After one more failure, with the time before which it is not asked again."""
    failures = state.failures + 1
    wait = min(FIRST_WAIT_SECONDS * 2 ** min(failures - 1, 20), LONGEST_WAIT_SECONDS)
    return State(failures, outcome.status, outcome.note, now_ms, state.delivered_ms, now_ms + round(wait * 1_000))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
