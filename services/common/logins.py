"""Lets users and applications in: by name and password, by a personal token, by an OAuth2 access token, by a session.

The admin and the tokens of the settings are known without any store. A wrong password takes as long as an unknown name,
and whoever fails too often from one address, or at one name from there, must wait.
"""

from __future__ import annotations

import contextlib
import hmac
import time
from collections import OrderedDict

from services.common import keys
from services.common.access import INVALID, NONE_GIVEN, Access, Refused, Shown
from services.common.caller import ADMIN_ID, Caller
from services.common.grants import Grant, Grants
from services.common.guesses import TOO_OFTEN, Guesses
from services.common.passwords import BusyError, Passwords
from services.common.redis_client import RedisClient, RedisError
from services.common.secret_tokens import ACCESS, PERSONAL, SESSION, digest, id_of, is_secret, secret_of
from services.common.settings import Settings
from services.common.user_directory import Account, UserDirectory

GRANT_SECONDS, MAX_GRANTS = 1.0, 10_000  # how long an access token is not looked up again
USED_SECONDS, MAX_USED = 60.0, 10_000  # how often the last use of a personal token is noted
NOT_VALID, EXPIRED = "The access token provided is invalid.", "The access token provided has expired."
SESSION_SECONDS, PROLONGED_SECONDS = 43_200, 600  # a session since its last use, and how often that is noted
API_OFF = "API disabled. You need to enable the API in the API settings of Mautic's Configuration."
BASIC_OFF = "Basic Auth disabled. You need to enable HTTP basic auth in the API settings of Mautic's Configuration."


class Logins:
    """A `Gate`. Raises `RedisError` for what was never read while Redis is away, but not for the admin."""

    def __init__(self, settings: Settings, redis: RedisClient, directory: UserDirectory) -> None:
        self._settings, self._redis = settings, redis
        self._access = Access(settings.admin_user, settings.admin_password, settings.api_tokens)
        self.directory, self.passwords = directory, Passwords()
        self._issued = Grants(redis)
        self._grants = _KnownGrants(self._issued)
        self._used: OrderedDict[str, float] = OrderedDict()
        self._guesses = Guesses(settings.redis_url)

    async def admit(self, shown: Shown, path: str) -> Caller | Refused:
        if path.startswith("/api") and (off := self._switched_off(shown)):
            return off
        if token := shown.bearer():
            return self._access.known(shown) or await self._by_token(token, shown.ip)
        if basic := shown.basic():
            return await self.by_password(*basic, shown.ip)
        return Refused(401, INVALID if shown.authorization else NONE_GIVEN)

    async def by_password(self, name: str, password: str, ip: str) -> Caller | Refused:
        """Also for pages that ask for both."""
        account = await self._account(name)
        mark = _mark(account) if account else "admin"
        if self.passwords.remembers(mark, password) and (account or self._access.is_admin(name, password)):
            return await self._user(account, ip)
        if waits := await self._guesses.wait_seconds(name, ip):
            return Refused(429, TOO_OFTEN, None, waits)
        try:
            is_right = await self._is_right(account, name, password)
        except BusyError:
            return Refused(429, TOO_OFTEN, None, 1)
        if not is_right:
            await self._guesses.note(name, ip)
            return Refused(401, INVALID)
        self.passwords.remember(mark, password)
        return await self._user(account, ip)

    async def user_of(self, user_id: int, ip: str = "") -> Caller | None:
        """As they are now, also beside requests; None for who is gone, or may not log in."""
        if user_id == ADMIN_ID:
            return await self._user(None, ip)
        account = await self.directory.account(user_id)
        return await self._user(account, ip) if account else None

    async def begin_session(self, user: Caller) -> str:
        """The token of a user who has said their password. Raises `RedisError`."""
        grant = Grant(0, user.user_id, password_mark=await self._password_mark(user.user_id))
        return await self._issued.issue(SESSION, grant, SESSION_SECONDS)

    async def end_session(self, token: str) -> None:
        """Raises `RedisError`."""
        await self._issued.forget(token)

    async def by_session(self, token: str, ip: str) -> Caller | None:
        """None where it has expired, was ended, or began with another password than counts now."""
        if not (token.startswith(f"{SESSION}_") and len(token) < 200):
            return None
        grant = await self._issued.read(token)
        if grant is None or grant.is_expired(time.time()):
            return None
        if not hmac.compare_digest(grant.password_mark, await self._password_mark(grant.user_id)):
            return None
        if grant.expires_s - time.time() < SESSION_SECONDS - PROLONGED_SECONDS:
            await self._issued.prolong(token, grant, SESSION_SECONDS)
        return await self.user_of(grant.user_id, ip)

    async def _password_mark(self, user_id: int) -> str:
        if user_id == ADMIN_ID:
            return digest(f"{self._settings.admin_user}:{self._settings.admin_password}")
        account = await self.directory.account(user_id)
        return digest(_mark(account)) if account else ""

    async def close(self) -> None:
        await self._guesses.close()

    async def _account(self, name: str) -> Account | None:
        """Not the admin of the settings, whom no record can shut out."""
        return None if self._access.is_admin_name(name) else await self.directory.named(name)

    async def _is_right(self, account: Account | None, name: str, password: str) -> bool:
        if account is None and self._access.is_admin(name, password):
            return True
        return await self.passwords.matches(account.user.password_hash if account else "", password)

    async def _user(self, account: Account | None, ip: str) -> Caller:
        if account is None:
            return Caller(f"user:{ADMIN_ID}", ADMIN_ID, self._settings.admin_user, ip=ip)
        rights = await self.directory.rights(account.user.role_id)
        return Caller(f"user:{account.id}", account.id, account.user.username, rights, ip)

    async def _by_token(self, token: str, ip: str) -> Caller | Refused:
        if token.startswith(f"{PERSONAL}_"):
            return await self._by_personal_token(token, ip)
        if token.startswith(f"{SESSION}_"):
            return await self.by_session(token, ip) or Refused(401, NOT_VALID, "invalid_grant")
        grant = await self._grants.read(token) if token.startswith(f"{ACCESS}_") else None
        if grant is None:
            return Refused(401, NOT_VALID, "invalid_grant")
        if grant.is_expired(time.time()):
            return Refused(401, EXPIRED, "invalid_grant")
        return await self._granted(grant, ip) or Refused(401, NOT_VALID, "invalid_grant")

    async def _granted(self, grant: Grant, ip: str) -> Caller | None:
        credential = await self.directory.credential(grant.credential_id)
        if credential is None:
            return None
        key = f"credential:{grant.credential_id}"
        if not grant.user_id:
            return Caller(key, 0, credential.name, await self.directory.rights(credential.role_id), ip)
        user = await self.user_of(grant.user_id, ip)
        return Caller(f"{key}:{user.user_id}", user.user_id, user.name, user.rights, ip) if user else None

    async def _by_personal_token(self, token: str, ip: str) -> Caller | Refused:
        token_id = id_of(token)
        kept = await self.directory.token(token_id)
        if kept is None or not is_secret(secret_of(token), kept.secret_hash):
            return Refused(401, NOT_VALID, "invalid_grant")
        if kept.expires_us and kept.expires_us <= time.time_ns() // 1_000:
            return Refused(401, EXPIRED, "invalid_grant")
        user = await self.user_of(kept.user_id, ip)
        if user is None:
            return Refused(401, NOT_VALID, "invalid_grant")
        await self._note_use(token_id)
        return Caller(f"token:{token_id}", user.user_id, user.name, user.rights, ip)

    async def _note_use(self, token_id: str) -> None:
        now = time.monotonic()
        if now - self._used.get(token_id, -USED_SECONDS) < USED_SECONDS:
            return
        self._used[token_id] = now
        if len(self._used) > MAX_USED:
            self._used.popitem(last=False)
        with contextlib.suppress(RedisError):
            await self._redis.hset(keys.TOKENS_USED, token_id, int(time.time()))

    def _switched_off(self, shown: Shown) -> Refused | None:
        if not self._settings.api_enabled:
            return Refused(403, API_OFF, "api_disabled")
        if not self._settings.api_enable_basic_auth and shown.authorization[:6].lower() == "basic ":
            return Refused(403, BASIC_OFF)
        return None


class _KnownGrants:
    """Access tokens that were looked up in the last second: one that was revoked counts no longer than that."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants
        self._known: OrderedDict[str, tuple[float, Grant | None]] = OrderedDict()

    async def read(self, token: str) -> Grant | None:
        key = digest(token)
        known = self._known.get(key)
        if known and time.monotonic() - known[0] < GRANT_SECONDS:
            return known[1]
        grant = await self._grants.read(token)
        self._known[key] = (time.monotonic(), grant)
        self._known.move_to_end(key)
        if len(self._known) > MAX_GRANTS:
            self._known.popitem(last=False)
        return grant


def _mark(account: Account) -> str:
    """Whose password, and which: a changed one is not remembered."""
    return f"{account.id}:{account.user.password_hash}"
