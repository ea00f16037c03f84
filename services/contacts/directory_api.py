"""What clients ask of an installation before they work: which fields contacts have."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import json_response
from services.common.operation import DescribedRoute, Operation, described
from services.contacts.fields.field_shapes import ListedField
from services.contacts.stores import Stores

FIELDS = Operation("The published fields of contacts, bare", list[ListedField])


class DirectoryApi:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def routes(self) -> list[DescribedRoute]:
        return [described("/api/contacts/list/fields", self.fields, get=FIELDS)]

    async def fields(self, _: Request) -> Response:
        registry = (await self._stores.fields.now()).fields
        return json_response([
            {"id": field.id, "label": field.label, "alias": field.alias, "type": field.type, "group": field.group,
             "object": "lead", "order": place}
            for place, field in enumerate(registry.values(), 1)
        ])  # fmt: skip
