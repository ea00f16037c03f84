"""What OAuth2 and the login page grant: tokens, codes and sessions, in Redis alone, under their SHA-256, until they
expire.

All that comes of one consent, or of one request with the secret, is a family. What counts once and is shown again was
stolen from whoever showed it first, or by them: then the whole family is revoked (RFC 6749 4.1.2, RFC 9700 4.14).
"""

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
    family: str = ""
    is_used: bool = False  # it counted once
    password_mark: str = ""  # of a session: it ends with the password that began it

    def is_expired(self, now_s: float) -> bool:
        return self.expires_s <= now_s


class Grants:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def with_family(self, grant: Grant, lifetime_seconds: int) -> Grant | None:
        """The grant in a family that lives at least so long: its own, or a new one. None where that was revoked.
        Raises `RedisError`."""
        seconds = lifetime_seconds + AFTERLIFE_SECONDS
        if not grant.family:
            grant = msgspec.structs.replace(grant, family=new_secret())
            await self._redis.set(keys.grant_family(grant.family), 1, ex=seconds)
        elif not await self._redis.exists(keys.grant_family(grant.family)):
            return None
        else:
            await self._redis.expire(keys.grant_family(grant.family), seconds, gt=True)
        return grant

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
        grant = _decoded(await self._redis.get(keys.grant(digest(token))))
        if grant and grant.family and not await self._redis.exists(keys.grant_family(grant.family)):
            return None
        return grant

    async def take(self, token: str) -> Grant | None:
        """The same, and it counts once: taken again it `is_used`. Raises `RedisError`."""
        key = keys.grant(digest(token))
        grant = _decoded(await self._redis.get(key))
        if grant is None:
            return None
        used = msgspec.json.encode(msgspec.structs.replace(grant, is_used=True))
        # Of two at the same instant the second is told what the first has left.
        return _decoded(await self._redis.set(key, used, xx=True, get=True, keepttl=True))

    async def prolong(self, token: str, grant: Grant, lifetime_seconds: int) -> None:
        """Of one that was not forgotten meanwhile. Raises `RedisError`."""
        grant = msgspec.structs.replace(grant, expires_s=int(time.time()) + lifetime_seconds)
        seconds = lifetime_seconds + AFTERLIFE_SECONDS
        await self._redis.set(keys.grant(digest(token)), msgspec.json.encode(grant), ex=seconds, xx=True)

    async def forget(self, token: str) -> None:
        """Raises `RedisError`."""
        await self._redis.delete(keys.grant(digest(token)))

    async def revoke(self, family: str) -> None:
        """All that was issued in it, and will be. Raises `RedisError`."""
        await self._redis.delete(keys.grant_family(family))


def _decoded(stored: bytes | None) -> Grant | None:
    return msgspec.json.decode(stored, type=Grant) if stored else None
