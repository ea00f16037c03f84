"""The REST API on roles. Nobody gives a role what they may not do themselves, nor touches one that may more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.routing import Route

from services.common.caller import rights
from services.common.documents import Role
from services.common.envelope import ApiError, not_allowed
from services.common.operation import Operation
from services.common.user_directory import full_rights
from services.contacts.objects import Json
from services.contacts.records.api import RecordsApi, read_record_id
from services.contacts.records.record_operations import with_errors
from services.contacts.users.seed import ADMIN_ROLE_ID

_STAYS = {422: "The role of the admin stays as it is, and one that users have is not deleted"}


class RolesApi(RecordsApi[Role]):
    def _operations(self) -> dict[str, dict[str, Operation]]:
        return with_errors(super()._operations(), _STAYS)

    def _batch_routes(self, _: str, __: str) -> Sequence[Route]:
        return []  # one by one, for each must be covered

    async def remove(self, said_id: str) -> Json:
        role_id = read_record_id(said_id)
        await self._check_old(role_id)
        found = await self._stores.clickhouse.query(
            "SELECT count() FROM records FINAL WHERE kind = 'user' AND JSONExtractUInt(data, 'role_id') = {id:UInt64}",
            parameters={"id": int(role_id) if role_id.isdecimal() else 0},
        )
        if found.result_rows[0][0]:
            raise ApiError(422, f"{found.result_rows[0][0]} users have this role; it can not be deleted.")
        gone = await super().remove(role_id)
        self._stores.directory.forget_role(role_id)
        return gone

    async def _reader(self, record_id: str, body: Json, /) -> Callable[[dict[str, Any], Role | None], Role]:
        await self._check_old(record_id)
        read_role = await super()._reader(record_id, body)

        def read(body: dict[str, Any], old: Role | None) -> Role:
            role = read_role(body, old)
            if not rights().covers(full_rights(role)):
                raise not_allowed()
            return role

        return read

    async def _settled(self, record_id: str, document: Role) -> Role:
        self._stores.directory.forget_role(record_id)
        return document

    async def _check_old(self, record_id: str) -> None:
        old = await self._writer.one(record_id) if record_id else None
        if record_id == str(ADMIN_ROLE_ID):
            raise ApiError(422, "The role of the admin stays as it is.")
        if old is not None and not rights().covers(full_rights(old)):
            raise not_allowed()
