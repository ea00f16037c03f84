"""What clients ask of an installation before they work: which fields contacts have."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import json_response
from services.contacts.stores import Stores


class DirectoryApi:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def routes(self) -> list[Route]:
        return [Route("/api/contacts/list/fields", self.fields, methods=["GET"])]

    async def fields(self, _: Request) -> Response:
        registry = (await self._stores.fields.now()).fields
        return json_response([
            {"id": field.id, "label": field.label, "alias": field.alias, "type": field.type, "group": field.group,
             "object": "lead", "order": field.id}
            for field in registry.values()
        ])  # fmt: skip
