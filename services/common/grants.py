"""What OAuth2 grants: tokens and codes, in Redis alone, under their SHA-256, until they expire."""

from __future__ import annotations

import time

import msgspec

from services.common import keys
from services.common.redis_client import RedisClient
from services.common.secret_tokens import digest, new_secret

AFTERLIFE_SECONDS = 3_600  # in which an expired token is told from one that never was


class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """To which application, in whose name (0: under its own role)."""

    credential_id: int
    user_id: int = 0
    expires_s: int = 0
    redirect_uri: str = ""  # of a code
    challenge: str = ""  # of a code: PKCE, S256

    def is_expired(self, now_s: float) -> bool:
        return self.expires_s <= now_s


class Grants:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def issue(self, prefix: str, grant: Grant, lifetime_seconds: int) -> str:
        """The token. Raises `RedisError`."""
        token = f"{prefix}_{new_secret()}"
        grant = msgspec.structs.replace(grant, expires_s=int(time.time()) + lifetime_seconds)
        await self._redis.set(
            keys.grant(digest(token)), msgspec.json.encode(grant), ex=lifetime_seconds + AFTERLIFE_SECONDS
        )
        return token

    async def read(self, token: str) -> Grant | None:
        """Also one that has expired lately. Raises `RedisError`."""
        return _decoded(await self._redis.get(keys.grant(digest(token))))

    async def take(self, token: str) -> Grant | None:
        """The same, and it is gone: it counts once. Raises `RedisError`."""
        return _decoded(await self._redis.getdel(keys.grant(digest(token))))


def _decoded(stored: bytes | None) -> Grant | None:
    return msgspec.json.decode(stored, type=Grant) if stored else None
