"""The REST API on stages: what all records have, and no two of one weight, for the weight is their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from services.common.documents import STAGE, Stage
from services.contacts.batch_api import Batch, EachAlone
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.people.change import InvalidChangeError
from services.contacts.records.api import RecordsApi
from services.contacts.records.registry_resources import STAGES, read_stage_body
from services.contacts.stores import BusyError, Stores

ROUNDS = 10
SPREAD = 100  # so that those who look for another weight at once find different ones
_WEIGHTS = "SELECT id, JSONExtractInt(data, 'weight') FROM records FINAL WHERE kind = {kind:String}"


class StagesApi(RecordsApi[Stage]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, STAGES)

    def _batch(self) -> Batch:
        """One after the other: each knows the weights of all before it."""
        return EachAlone(self, at_once=1)

    async def _reader(self, record_id: str, _: Json, /) -> Callable[[dict[str, Any], Stage | None], Stage]:
        weights = await self._weights()

        def read(body: Json, old: Stage | None) -> Stage:
            return read_stage(body, old, record_id, weights)

        return read

    async def _settled(self, record_id: str, document: Stage) -> Stage:
        """Two that were written at once may have one weight: whoever sees another one of it takes another weight."""
        for _ in range(ROUNDS):
            weights = await self._weights()
            if not any(weight == document.weight and one != record_id for one, weight in weights.items()):
                break
            weight = _next(weights) + int(record_id) % SPREAD
            try:
                document = await self._writer.change(record_id, _with_weight(weight)) or document
            except BusyError:
                continue
        return document

    async def _weights(self) -> dict[str, int]:
        rows = (await self._stores.clickhouse.query(_WEIGHTS, parameters={"kind": STAGE})).result_rows
        return {str(one): int(weight) for one, weight in rows}


def read_stage(body: Json, old: Stage | None, record_id: str, weights: dict[str, int]) -> Stage:
    """`weights`: of all stages, by id. One that says none comes after all others. Raises `InvalidChangeError`."""
    stage = read_stage_body(body, old)
    others = {weight for one, weight in weights.items() if one != record_id}
    if body.get("weight") in (None, ""):
        weight = stage.weight if old else weights.get(record_id, _next(weights))
        return msgspec.structs.replace(stage, weight=weight)
    if stage.weight in others and not (old and old.weight == stage.weight):
        raise InvalidChangeError({"weight": [f"There is a stage of the weight {stage.weight}."]})
    return stage


def _next(weights: dict[str, int]) -> int:
    return max(weights.values(), default=0) + 1


def _with_weight(weight: int) -> Callable[[Stage], Stage]:
    return lambda stage: msgspec.structs.replace(stage, weight=weight)
