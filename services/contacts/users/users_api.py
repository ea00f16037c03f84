"""The REST API on users: who may log in, under which role. Nobody makes a user who may more than they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.access import Refused
from services.common.caller import ADMIN_ID, author_id, caller, rights
from services.common.documents import ROLE, Role, User, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, not_allowed, query_of, read_object, text_of
from services.common.operation import Operation, described
from services.common.passwords import BusyError
from services.common.php_query import as_list
from services.common.records import Ref
from services.common.rights import Rights
from services.common.user_directory import full_rights
from services.contacts.batch import Told
from services.contacts.list_parameters import read_page
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.records.api import RecordsApi, read_record_id, record_id_of
from services.contacts.records.record_writer import TakenError
from services.contacts.stores import Stores
from services.contacts.users import user_operations
from services.contacts.users.login_names import LoginNames
from services.contacts.users.seed import ADMIN_ROLE_ID
from services.contacts.users.user_body import HASH, USERS, read_password, read_user

MAX_PERMISSIONS = 1_000
OWN_FIELDS = ("firstName", "lastName", "position", "signature", "timezone", "locale")
_ROLES = "SELECT id, data FROM records FINAL WHERE kind = 'role' ORDER BY toUInt64OrZero(id)"
_OWNERS = """
SELECT id, data FROM records FINAL
WHERE kind = 'user' AND (NOT JSONHas(data, 'is_published') OR JSONExtractBool(data, 'is_published'))
    AND (empty({filter:String}) OR positionCaseInsensitiveUTF8(concat(JSONExtractString(data, 'first_name'), ' ',
        JSONExtractString(data, 'last_name'), ' ', JSONExtractString(data, 'username')), {filter:String}) > 0)
ORDER BY JSONExtractString(data, 'first_name'), JSONExtractString(data, 'last_name'), toUInt64OrZero(id)
LIMIT {limit:UInt64} OFFSET {start:UInt64}
"""


class UsersApi(RecordsApi[User]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, USERS)
        self._admin, self._names = user, LoginNames(stores, user)
        self._roles: dict[int, Role] = {}  # as they were at the last look

    def routes(self) -> list[Route]:
        return [
            described("/api/contacts/list/owners", self.owners, get=user_operations.OWNERS),
            described("/api/users/self", self.me, get=user_operations.ME),
            described("/api/users/self/edit", self.edit_me, patch=user_operations.EDIT_ME, put=user_operations.EDIT_ME),
            described("/api/users/list/roles", self.role_names, get=user_operations.ROLE_NAMES),
            *self._standard_routes("users"),
            described(
                "/api/users/{id}/permissioncheck", self.may, get=user_operations.MAY, post=user_operations.MAY_BODY
            ),
        ]

    def _operations(self) -> dict[str, dict[str, Operation]]:
        return user_operations.of_users(super()._operations())

    def _batch_routes(self, _: str, __: str) -> Sequence[Route]:
        return []  # one by one: each password takes a tenth of a second

    async def owners(self, request: Request) -> Response:
        """Bare; `filter` is a part of a name."""
        query = query_of(request)
        asked = {"filter": text_of(query, "filter").strip()[:100], **read_page(query)._asdict()}
        rows = (await self._stores.clickhouse.query(_OWNERS, parameters=asked)).result_rows
        users = [(int(user_id), self._decode(data)) for user_id, data in rows]
        return json_response(
            [{"id": user_id, "firstName": user.first_name, "lastName": user.last_name} for user_id, user in users]
        )

    async def me(self, _: Request) -> Response:
        """Bare. An application that is no user has a name alone."""
        await self._learn_roles()
        user_id = author_id()
        user = await self._writer.one(str(user_id)) if user_id else None
        if user is None:
            by = caller()
            return json_response({"id": None, "isPublished": True, "username": by.name if by else None})
        return json_response(self._shown(str(user_id), user))

    async def edit_me(self, request: Request) -> Response:
        """What anybody may change of themselves: names and the like, and with `currentPassword` the password."""
        user_id, body = author_id(), await read_object(request)
        user = await self._writer.one(str(user_id)) if user_id else None
        if user is None or user_id == ADMIN_ID:
            raise not_allowed()
        if password := self._checked(lambda: read_password(body)):
            await self._check_current(user, str(body.get("currentPassword", "")))
        password_hash = await self._hash(password)
        said = {name: body[name] for name in OWN_FIELDS if name in body}
        await self._learn_roles()
        changed = await self._writer.change(
            str(user_id), lambda old: self._checked(lambda: read_user(said, old, password_hash))
        )
        if changed is None:
            raise ApiError(404, NOT_FOUND)
        settled = await self._settled(str(user_id), changed)
        return await self._answer(Told(self._shown(str(user_id), settled), is_new=False))

    async def _check_current(self, user: User, password: str) -> None:
        by = caller()
        known = await self._stores.logins.by_password(user.username, password, by.ip if by else "")
        if isinstance(known, Refused):
            text = "This value should be the user's current password."
            raise ApiError(429 if known.status == 429 else 400, text, {"currentPassword": [text]})

    async def role_names(self, _: Request) -> Response:
        await self._learn_roles()
        return json_response([{"id": role_id, "name": role.name} for role_id, role in self._roles.items()])

    async def list(self, request: Request) -> Response:
        await self._learn_roles()
        return await super().list(request)

    async def one(self, request: Request) -> Response:
        await self._learn_roles()
        return await super().one(request)

    async def remove(self, said_id: str) -> Json:
        user_id = read_record_id(said_id)
        old = await self._writer.one(user_id)
        if user_id in (str(ADMIN_ID), str(author_id())):
            raise ApiError(422, "The admin of the settings stays, and nobody deletes themselves.")
        if old is not None:
            await self._check_role(old.role_id)
        await self._learn_roles()
        gone = await super().remove(user_id)
        self._stores.directory.forget_user(user_id)
        return gone

    async def may(self, request: Request) -> Response:
        """`permissions`: a list of names; each is answered."""
        user_id = record_id_of(request)
        said = query_of(request).get("permissions") or (await read_object(request)).get("permissions") or []
        names = [said] if isinstance(said, str) else as_list(said)
        if user_id != str(author_id()) and not rights().may("user:users:view"):
            raise not_allowed()
        user = await self._writer.one(user_id)
        if user is None:
            raise ApiError(404, NOT_FOUND)
        has = rights() if user_id == str(author_id()) else await self._rights(user.role_id)
        return json_response({str(name): has.may(str(name)) for name in names[:MAX_PERMISSIONS]})

    async def _prepared(self, body: Json, record_id: str = "") -> Json:
        """With the hash of its password, and with its names claimed."""
        body = await super()._prepared(body, record_id)
        password = self._checked(lambda: read_password(body))
        body[HASH] = await self._hash(password)
        if record_id:
            await self._claim(body, record_id)
        await self._learn_roles()
        return body

    async def _hash(self, password: str) -> str:
        try:
            return await self._stores.logins.passwords.hash(password) if password else ""
        except BusyError:
            raise ApiError(503, "Too many passwords are being hashed; try again.") from None

    async def _claim(self, body: dict[str, Any], user_id: str) -> None:
        if await self._writer.one(user_id) is None:
            return
        for field in ("username", "email"):
            if isinstance(body.get(field), str) and body[field].strip():
                await self._names.claim(field, body[field], user_id)

    async def _create(self, body: Json) -> Told:
        read = await self._reader("", body)
        document = self._checked(lambda: read(body, None))
        user_id = await self._stores.records.new_id(self._resource.kind)
        for field, name in (("username", document.username), ("email", document.email)):
            await self._names.claim(field, name, user_id)
        try:
            await self._writer.create(document, user_id)
        except TakenError:  # Redis had lost its last second, and with it that the number was given out
            raise ApiError(503, "The number of the user is taken; try again.") from None
        self._metrics.writes.add(value="created")
        made = await self._writer.one(user_id) or document
        return Told(self._shown(user_id, made), is_new=True)

    async def _reader(self, record_id: str, _: Json, /) -> Callable[[dict[str, Any], User | None], User]:
        """Who edits a user, also to nothing but another password, must be allowed all that the user is."""
        old = await self._writer.one(record_id) if record_id else None
        if old is not None:
            await self._check_role(old.role_id)
        known = {role_id: full_rights(role) for role_id, role in self._roles.items()}

        def read(body: dict[str, Any], over: User | None) -> User:
            user = read_user(body, over or old, body[HASH])  # PUT keeps what it does not name: whose password is it
            self._check_new(record_id, user, known)
            return user

        return read

    def _check_new(self, record_id: str, user: User, known: dict[int, Rights]) -> None:
        if record_id == str(ADMIN_ID):
            kept = (user.username, user.password_hash, user.role_id, user.is_published)
            if kept != (self._admin, "", ADMIN_ROLE_ID, True):
                raise ApiError(422, "Name, password and role of the admin are in the settings.")
            return
        if user.role_id not in known:
            raise ApiError(400, "role: There is no such role.", {"role": ["There is no such role."]})
        if not rights().covers(known[user.role_id]):
            raise not_allowed()
        if record_id and record_id == str(author_id()) and not user.is_published:
            raise ApiError(422, "Nobody disables themselves.")

    async def _settled(self, record_id: str, document: User) -> User:
        self._stores.directory.forget_user(record_id)
        return document

    async def _check_role(self, role_id: int) -> None:
        """Raises `ApiError` 403 unless the caller may do all that this role may, also when it is switched on again."""
        record = await self._stores.records.one(Ref(ROLE, str(role_id)))
        if record and not rights().covers(full_rights(decode_document(record.data, Role))):
            raise not_allowed()

    async def _rights(self, role_id: int) -> Rights:
        return await self._stores.directory.rights(role_id)

    async def _learn_roles(self) -> None:
        rows = (await self._stores.clickhouse.query(_ROLES)).result_rows
        self._roles = {int(role_id): decode_document(data.encode(), Role) for role_id, data in rows}

    def _shown(self, record_id: str, document: User) -> Json:
        shown, role = super()._shown(record_id, document), self._roles.get(document.role_id)
        if role:
            shown["role"] = {"id": document.role_id, "name": role.name, "isAdmin": role.is_admin}
        return shown
