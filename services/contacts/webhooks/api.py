"""The REST API on webhooks: what all records have, the triggers that there are, and how deliveries went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.documents import Hook
from services.common.envelope import json_response, query_of, whole_number
from services.common.operation import Operation, by_id, described
from services.contacts.batch import Told
from services.contacts.list_parameters import PAGE
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json, iso
from services.contacts.records.api import RecordsApi, read_record_id, record_id_of
from services.contacts.stores import Stores
from services.contacts.users.ownership import VIEW
from services.contacts.webhooks.event_feed import begin_now, event_types
from services.contacts.webhooks.hook_resource import HOOKS, read_hook
from services.contacts.webhooks.hook_shapes import Delivery, HookWithState, Trigger
from services.contacts.webhooks.queue import SAVES, State
from services.contacts.webhooks.save_feed import begin_saves_now
from services.contacts.webhooks.triggers import TRIGGERS

DEFAULT_LIMIT, MAX_LIMIT = 30, 1_000
_LOG = """
SELECT toUnixTimestamp64Milli(time), status, seconds, items, note FROM webhook_deliveries
WHERE hook = {hook:UInt64} ORDER BY time DESC LIMIT {limit:UInt64} OFFSET {start:UInt64}
"""
_LOGGED = "SELECT count() FROM webhook_deliveries WHERE hook = {hook:UInt64}"


TRIGGERS_OF_HOOKS = Operation("What webhooks can be told of", {"triggers": by_id(Trigger)})
DELIVERIES = Operation(
    "The log of a webhook, the newest first",
    {"total": int, "deliveries": list[Delivery]},
    PAGE,
    text="Of the last 30 days.",
)


class HooksApi(RecordsApi[Hook]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, HOOKS)

    def routes(self) -> list[Route]:
        return [
            described("/api/hooks/triggers", self.triggers, get=TRIGGERS_OF_HOOKS),  # before /{id}
            *self._standard_routes("hooks"),
            described("/api/hooks/{id}/deliveries", self.deliveries, get=DELIVERIES),
        ]

    def _operations(self) -> dict[str, dict[str, Operation]]:
        said = super()._operations()
        said["/{id}"]["get"] = said["/{id}"]["get"]._replace(answer={"hook": HookWithState})
        return said

    async def triggers(self, _: Request) -> Response:
        told = {name: {"label": label, "description": text} for name, (label, text) in TRIGGERS.items()}
        return json_response({"triggers": told})

    async def one(self, request: Request) -> Response:
        """Also how its last delivery went, and how much waits."""
        record_id = record_id_of(request)
        hook = await self._checked_one(record_id, VIEW)
        queued, state = (await self._stores.hooks.waiting([int(record_id)]))[int(record_id)]
        self._metrics.reads.add(value="one")
        return json_response({"hook": {**self._shown(record_id, hook), **_went(state, queued)}})

    async def deliveries(self, request: Request) -> Response:
        """The log of the last 30 days, the newest first."""
        record_id, query = record_id_of(request), query_of(request)
        await self._checked_one(record_id, VIEW)
        parameters = {
            "hook": int(record_id),
            "limit": min(whole_number(query, "limit", DEFAULT_LIMIT, most=10**9) or MAX_LIMIT, MAX_LIMIT),
            "start": whole_number(query, "start", 0, most=10**9),
        }
        clickhouse = self._stores.clickhouse
        rows = (await clickhouse.query(_LOG, parameters=parameters)).result_rows
        total = (await clickhouse.query(_LOGGED, parameters=parameters)).result_rows
        return json_response({"total": total[0][0], "deliveries": [_delivery(*row) for row in rows]})

    async def change(self, said_id: str, body: Json, *, replaces: bool) -> Told:
        """What is published anew, or wants events for the first time, is told of events from now on."""
        record_id = read_record_id(said_id)
        old = await self._writer.one(record_id)
        told = await super().change(record_id, body, replaces=replaces)
        new = await self._writer.one(record_id)
        if old and new:
            await self._stores.hooks.retry(int(record_id))
            if event_types(new) and not (old.is_published and event_types(old)):
                await begin_now(self._stores, int(record_id))
            if _wants_saves(new) and not (old.is_published and _wants_saves(old)):
                await begin_saves_now(self._stores, int(record_id))
        return told

    async def remove(self, said_id: str) -> Json:
        gone = await super().remove(said_id)
        self._stores.hooks.forget()
        await self._stores.hooks.clear(int(said_id))
        return gone

    async def _reader(self, record_id: str, _: Json, /) -> Callable[[dict[str, Any], Hook | None], Hook]:
        """A hook that is replaced keeps its secret, unless the body has another one."""
        stored = await self._writer.one(record_id) if record_id else None
        return lambda body, old: read_hook(body, old, stored.secret if stored else "")

    async def _settled(self, record_id: str, document: Hook) -> Hook:
        self._stores.hooks.forget()
        return document

    async def _create(self, body: Json) -> Told:
        told = await super()._create(body)
        await begin_now(self._stores, told.shown["id"])
        await begin_saves_now(self._stores, told.shown["id"])
        return told


def _wants_saves(hook: Hook) -> bool:
    return not SAVES.isdisjoint(hook.triggers)


def _went(state: State, queued: int) -> Json:
    return {
        "lastStatus": state.status or None,
        "lastError": state.note or None,
        "lastAttempt": _time(state.at_ms),
        "lastDelivery": _time(state.delivered_ms),
        "failures": state.failures,
        "queued": queued,
    }


def _delivery(time_ms: int, status: int, seconds: float, items: int, note: str) -> Json:
    return {"dateAdded": iso(time_ms * 1_000), "statusCode": status or None, "runtime": round(seconds, 3),
            "items": items, "note": note or None}  # fmt: skip


def _time(time_ms: int) -> str | None:
    return iso(time_ms * 1_000) if time_ms else None
