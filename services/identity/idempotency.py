"""Idempotency keys: a request that comes again under its key gets the answer of the first one, for a day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import blake2b

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.common import keys
from services.common.envelope import ApiError
from services.common.redis_client import RedisClient

MAX_KEY_LENGTH = 255
ANSWER_SECONDS = 86_400
UNDER_WAY_SECONDS = 60  # a request whose process died in between may be sent again after that


class _Kept(msgspec.Struct):
    """A request's body, hashed, and the answer to it; status 0 while it is under way."""

    request: str
    status: int = 0
    body: str = ""


class Idempotency:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def once(self, request: Request, body: bytes, answer: Callable[[], Awaitable[Response]]) -> Response:
        """`answer()`, unless this key has one already. Raises `ApiError` 400, 409 while the first one is under way, 422
        for a key that was used for another request."""
        said = request.headers.get("idempotency-key", "")
        if not said:
            return await answer()
        if len(said) > MAX_KEY_LENGTH:
            raise ApiError(400, f"Idempotency-Key has at most {MAX_KEY_LENGTH} characters.")
        name = keys.idempotent(_hash(request.scope["user"].encode(), request.url.path.encode(), said.encode()))
        mark = _Kept(_hash(body))
        if not await self._redis.set(name, msgspec.json.encode(mark), nx=True, ex=UNDER_WAY_SECONDS):
            return _replay(await self._redis.get(name), mark.request)
        try:
            response = await answer()
        except Exception:  # nothing was answered: it may be said again, and better
            await self._redis.delete(name)
            raise
        mark.status, mark.body = response.status_code, bytes(response.body).decode()
        await self._redis.set(name, msgspec.json.encode(mark), ex=ANSWER_SECONDS)
        return response


def _replay(stored: bytes | None, request: str) -> Response:
    kept = msgspec.json.decode(stored, type=_Kept) if stored else _Kept(request)
    if kept.request != request:
        raise ApiError(422, "This Idempotency-Key was used for another request.")
    if not kept.status:
        raise ApiError(409, "The first request with this Idempotency-Key is still under way.")
    headers = {"Idempotent-Replayed": "true"}
    return Response(kept.body, kept.status, headers, media_type="application/json")


def _hash(*parts: bytes) -> str:
    return blake2b(b"\0".join(parts), digest_size=16).hexdigest()
