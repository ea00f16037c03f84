"""`/api/credentials`: what applications call the API with by OAuth2; the admin's alone. The secret is shown once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.routing import Route

from services.common.documents import CREDENTIAL, ROLE, Credential
from services.common.envelope import ApiError
from services.common.operation import Operation
from services.common.records import Ref
from services.common.secret_tokens import digest, new_secret
from services.contacts.batch import Told
from services.contacts.objects import Json
from services.contacts.records.api import RecordsApi, Resource
from services.contacts.records.record_body import RecordBody, is_web_address
from services.contacts.records.record_operations import keeping
from services.contacts.users import user_shapes

MAX_URIS = 20
_NO_ROLE = "There is no such role."


def _read(said: dict[str, Any], old: Credential | None) -> Credential:
    body = RecordBody(said)
    role = body.text("role", str(old.role_id if old else 0))
    if not (role.isascii() and role.isdecimal() and len(role) <= 9):
        body.wrong["role"] = [_NO_ROLE]
    credential = Credential(
        name=body.text("name", old.name if old else "", is_required=True),
        role_id=0 if body.wrong else int(role),
        redirect_uris=_uris(body, old.redirect_uris if old else []),
        public_id=old.public_id if old else "",
        secret_hash=old.secret_hash if old else "",
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    return credential


def _uris(body: RecordBody, old: list[str]) -> list[str]:
    """A list, or a text with commas."""
    said = body.raw("redirectUris")
    if said is None:
        return old
    found = said.split(",") if isinstance(said, str) else list(said.values()) if isinstance(said, dict) else said
    if not isinstance(found, list) or len(found) > MAX_URIS:
        body.wrong["redirectUris"] = [f"At most {MAX_URIS} addresses."]
        return []
    uris = [str(one).strip() for one in found if str(one).strip()]
    if not all(is_web_address(one) and "#" not in one and len(one) < 2_048 for one in uris):
        body.wrong["redirectUris"] = ["This value is not a valid URL."]
    return uris


def _show(_: str, credential: Credential) -> Json:
    return {
        "name": credential.name,
        "clientId": credential.public_id,
        "role": credential.role_id or None,
        "redirectUris": credential.redirect_uris,
    }


CREDENTIALS = Resource(
    CREDENTIAL,
    "credential",
    "credentials",
    Credential,
    _read,
    _show,
    shown=user_shapes.Credential,
    said=user_shapes.CredentialChange,
    needs=("name",),
)


class CredentialsApi(RecordsApi[Credential]):
    async def _reader(self, record_id: str, _: Json, /) -> Callable[[dict[str, Any], Credential | None], Credential]:
        old = await self._writer.one(record_id) if record_id else None
        return lambda body, over: _read(body, over or old)

    def _operations(self) -> dict[str, dict[str, Operation]]:
        said = keeping(super()._operations())
        for end, method in (("/new", "post"), ("/{id}/edit", "put")):
            said[end][method] = said[end][method]._replace(answers={201: {"credential": user_shapes.NewCredential}})
        return said

    def _batch_routes(self, _: str, __: str) -> Sequence[Route]:
        return []

    async def _create(self, body: Json) -> Told:
        """The number is a part of the client id, by which the record is found again."""
        credential = self._checked(lambda: _read(body, None))
        await self._check_role(credential)
        secret, number = new_secret(), await self._stores.records.new_id(CREDENTIAL)
        kept = msgspec.structs.replace(
            credential, public_id=f"{number}_{new_secret()[:32]}", secret_hash=digest(secret)
        )
        await self._writer.create(kept, number)
        made = await self._writer.one(number) or kept
        return Told({**self._shown(number, made), "clientSecret": secret}, is_new=True)

    async def _settled(self, record_id: str, document: Credential) -> Credential:
        self._stores.directory.forget_credential(record_id)
        return document

    async def remove(self, said_id: str) -> Json:
        """What was granted by it counts no longer, within a second everywhere."""
        gone = await super().remove(said_id)
        self._stores.directory.forget_credential(said_id)
        return gone

    async def _check_role(self, credential: Credential) -> None:
        if credential.role_id and await self._stores.records.one(Ref(ROLE, str(credential.role_id))) is None:
            raise ApiError(400, f"role: {_NO_ROLE}", {"role": [_NO_ROLE]})
