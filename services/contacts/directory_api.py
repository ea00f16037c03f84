"""What clients ask of an installation before they work: who they are, who may own contacts, which fields there are."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.operation import DescribedRoute, Operation, described
from services.contacts.fields.field_shapes import ListedField
from services.contacts.people.api import contact_id_of
from services.contacts.people.change import ONLY_USER_ID
from services.contacts.people.contact_object import Json
from services.contacts.shapes import Id, Said, Shown
from services.contacts.stores import Stores


class Role(Shown):
    id: Id
    name: Annotated[str, Meta(examples=["Administrator"])]
    is_admin: bool


class User(Shown):
    """Who may use the API."""

    id: Id
    is_published: bool
    username: Annotated[str, Meta(examples=["admin"])]
    first_name: str
    last_name: str
    email: str | None
    position: str | None
    role: Role
    timezone: str | None
    locale: str | None


class ListedOwner(Shown):
    id: Id
    first_name: str
    last_name: str


class Permissions(Said):
    permissions: Annotated[list[str], Meta(examples=[["lead:leads:viewown"]])]


_Answers = Annotated[dict[str, bool], Meta(examples=[{"lead:leads:viewown": True}])]
MAY = Operation("What a user may do", _Answers)


class DirectoryApi:
    """There is one user, who may do everything."""

    def __init__(self, stores: Stores, user: str) -> None:
        self._stores, self._user = stores, user

    def routes(self) -> list[DescribedRoute]:
        fields = Operation("The published fields of contacts, bare", list[ListedField])
        owners = Operation("Who may own contacts, bare", list[ListedOwner])
        may = "/api/users/{id}/permissioncheck"
        return [
            described("/api/contacts/list/fields", self.fields, get=fields),
            described("/api/contacts/list/owners", self.owners, get=owners),
            described("/api/users", self.users, get=Operation("The users", {"total": int, "users": list[User]})),
            described("/api/users/self", self.me, get=Operation("Who asks, bare", User)),
            described("/api/users/{id}", self.one, get=Operation("One user", {"user": User})),
            described(may, self.may, get=MAY, post=MAY._replace(body=Permissions)),
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
