"""The REST API on categories: what all records have, and no two of one alias in a bundle, for searches name them so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from services.common.documents import CATEGORY, Category, decode_document
from services.contacts.batch_api import Batch, EachAlone
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.records.api import RecordsApi
from services.contacts.records.own_alias import with_own_alias
from services.contacts.records.record_body import free_alias
from services.contacts.records.registry_resources import CATEGORIES, read_category_body
from services.contacts.stores import Stores

_ALL = "SELECT id, data FROM records FINAL WHERE kind = {kind:String}"


class CategoriesApi(RecordsApi[Category]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, CATEGORIES)

    def _batch(self) -> Batch:
        """One after the other: each knows the aliases of all before it."""
        return EachAlone(self, at_once=1)

    async def _reader(self, record_id: str, _: Json, /) -> Callable[[dict[str, Any], Category | None], Category]:
        others = await self._others(record_id)

        def read(body: dict[str, Any], old: Category | None) -> Category:
            category = read_category_body(body, old)
            return msgspec.structs.replace(category, alias=free_alias(category.alias, _aliases(others, category)))

        return read

    async def _settled(self, record_id: str, document: Category) -> Category:
        async def taken(category: Category) -> set[str]:
            return _aliases(await self._others(record_id), category)

        return await with_own_alias(self._writer, record_id, document, taken)

    async def _others(self, record_id: str) -> list[Category]:
        rows = (await self._stores.clickhouse.query(_ALL, parameters={"kind": CATEGORY})).result_rows
        return [decode_document(data.encode(), Category) for one, data in rows if one != record_id]


def _aliases(others: list[Category], category: Category) -> set[str]:
    return {one.alias for one in others if one.bundle == category.bundle}
