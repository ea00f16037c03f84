"""`/api/tokens`: personal tokens, with which a user's programs call the API in the user's name."""

from __future__ import annotations

import time
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.common import keys
from services.common.caller import author_id, caller
from services.common.documents import TOKEN, Token, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, not_allowed, read_object
from services.common.operation import DescribedRoute, Operation, described
from services.common.secret_tokens import digest, new_secret, personal_token
from services.contacts.objects import Json, iso
from services.contacts.records.api import record_id_of
from services.contacts.records.record_body import RecordBody
from services.contacts.records.record_writer import RecordWriter
from services.contacts.shapes import GoneId, Id, Said, Shown, Time
from services.contacts.stores import Stores

MAX_TOKENS, MAX_DAYS = 50, 3_650  # of one user
_OF_USER = """
SELECT id, data FROM records FINAL WHERE kind = 'token' AND JSONExtractUInt(data, 'user_id') = {user:UInt64}
ORDER BY toUInt64OrZero(id)
"""


class AnyToken(Shown):
    """What is shown of every personal token."""

    name: str
    date_added: Time
    expires: Time
    last_used: Time


class OwnToken(AnyToken):
    """A personal token, without its secret."""

    id: Id


class NewToken(OwnToken):
    """A personal token that has just been made."""

    token: Annotated[str, Meta(description="For Authorization: Bearer. It is shown this once")]


class GoneToken(AnyToken):
    """A personal token that is no more."""

    id: GoneId


class TokenBody(Said):
    """A token as it is asked for."""

    name: Annotated[str, Meta(min_length=1, examples=["Nightly export"])]
    days: (
        Annotated[int, Meta(ge=0, le=MAX_DAYS, description="Until it expires; 0: never", examples=[90])] | UnsetType
    ) = UNSET


LIST = Operation("One's own personal tokens", {"total": int, "tokens": list[OwnToken]})
MAKE = Operation(
    "Make a personal token",
    {"token": NewToken},
    body=TokenBody,
    success={201: "Made"},
    text="Not for an application that a user let in: its token would outlive that.",
)
REVOKE = Operation("Revoke a personal token", {"token": GoneToken}, text="Within a second everywhere.")


class TokensApi:
    """Each user has their own; nobody sees those of others."""

    def __init__(self, stores: Stores, user: str) -> None:
        self._stores = stores
        self._writer = RecordWriter(stores, TOKEN, Token, user)

    def routes(self) -> list[DescribedRoute]:
        return [
            described("/api/tokens", self.list, get=LIST),
            described("/api/tokens/new", self.new, post=MAKE),
            described("/api/tokens/{id}/delete", self.delete, delete=REVOKE),
        ]

    async def list(self, _: Request) -> Response:
        tokens = await self._own()
        used = await self._stores.redis.hmget(keys.TOKENS_USED, list(tokens)) if tokens else []
        shown = [_shown(one, token, int(at or 0)) for (one, token), at in zip(tokens.items(), used, strict=True)]
        return json_response({"total": len(shown), "tokens": shown})

    async def new(self, request: Request) -> Response:
        """`name`; `days` until it expires, never without it. The token is shown this once.

        Not for an application that a user let in: its token would outlive that."""
        by = caller()
        if by is None or by.key.startswith("credential:"):
            raise not_allowed()
        body = RecordBody(await read_object(request))
        name, days = body.text("name", is_required=True), body.text("days", "0")
        if not (days.isascii() and days.isdecimal() and len(days) < 6 and int(days) <= MAX_DAYS):
            body.wrong["days"] = [f"This value must be a whole number of at most {MAX_DAYS}."]
        body.refuse_if_wrong()
        if len(await self._own()) >= MAX_TOKENS:
            raise ApiError(400, f"There are {MAX_TOKENS} tokens, and that is the most.")
        secret, expires_us = new_secret(), int(days) and time.time_ns() // 1_000 + int(days) * 86_400_000_000
        token = Token(name=name, user_id=author_id(), secret_hash=digest(secret), expires_us=expires_us)
        token_id = await self._writer.create(token)
        made = await self._writer.one(token_id) or token
        return json_response({"token": {**_shown(token_id, made, 0), "token": personal_token(token_id, secret)}}, 201)

    async def delete(self, request: Request) -> Response:
        """Revokes it, within a second everywhere."""
        token_id = record_id_of(request)
        token = await self._writer.one(token_id)
        if token is None or token.user_id != _user():
            raise ApiError(404, NOT_FOUND)
        await self._writer.delete(token_id)
        await self._stores.redis.hdel(keys.TOKENS_USED, token_id)
        self._stores.directory.forget_token(token_id)
        return json_response({"token": {**_shown(token_id, token, 0), "id": None}})

    async def _own(self) -> dict[str, Token]:
        rows = (await self._stores.clickhouse.query(_OF_USER, parameters={"user": _user()})).result_rows
        return {token_id: decode_document(data.encode(), Token) for token_id, data in rows}


def _user() -> int:
    """Raises `ApiError` 403 for who is no user."""
    if not author_id():
        raise not_allowed()
    return author_id()


def _shown(token_id: str, token: Token, used_s: int) -> Json:
    return {
        "id": int(token_id),
        "name": token.name,
        "dateAdded": iso(token.added_us),
        "expires": iso(token.expires_us),
        "lastUsed": iso(used_s * 1_000_000),
    }
