"""What clients ask of an installation before they work: who they are, who may own contacts, which fields there are."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.contacts.people.api import contact_id_of
from services.contacts.people.change import ONLY_USER_ID
from services.contacts.people.contact_object import Json
from services.contacts.stores import Stores


class DirectoryApi:
    """There is one user, who may do everything."""

    def __init__(self, stores: Stores, user: str) -> None:
        self._stores, self._user = stores, user

    def routes(self) -> list[Route]:
        return [
            Route("/api/contacts/list/fields", self.fields, methods=["GET"]),
            Route("/api/contacts/list/owners", self.owners, methods=["GET"]),
            Route("/api/users", self.users, methods=["GET"]),
            Route("/api/users/self", self.me, methods=["GET"]),
            Route("/api/users/{id}", self.one, methods=["GET"]),
            Route("/api/users/{id}/permissioncheck", self.may, methods=["GET", "POST"]),
        ]

    async def fields(self, _: Request) -> Response:
        registry = (await self._stores.fields.now()).fields
        return json_response([
            {"id": field.id, "label": field.label, "alias": field.alias, "type": field.type, "group": field.group,
             "object": "lead", "order": field.id}
            for field in registry.values()
        ])  # fmt: skip

    async def owners(self, _: Request) -> Response:
        return json_response([{"id": ONLY_USER_ID, "firstName": self._user, "lastName": ""}])

    async def users(self, _: Request) -> Response:
        return json_response({"total": 1, "users": [self._shown()]})

    async def me(self, _: Request) -> Response:
        return json_response(self._shown())

    async def one(self, request: Request) -> Response:
        if contact_id_of(request) != ONLY_USER_ID:
            raise ApiError(404, NOT_FOUND)
        return json_response({"user": self._shown()})

    async def may(self, request: Request) -> Response:
        """`permissions`: a list of names; each is answered."""
        if contact_id_of(request) != ONLY_USER_ID:
            raise ApiError(404, NOT_FOUND)
        said = (await read_object(request)).get("permissions") or []
        names = list(said.values()) if isinstance(said, dict) else said if isinstance(said, list) else [said]
        return json_response({str(name): True for name in names})

    def _shown(self) -> Json:
        return {
            "id": ONLY_USER_ID,
            "isPublished": True,
            "username": self._user,
            "firstName": self._user,
            "lastName": "",
            "email": None,
            "position": None,
            "role": {"id": 1, "name": "Administrator", "isAdmin": True},
            "timezone": None,
            "locale": None,
        }
