"""Users, roles, credentials and personal tokens as every service asks for them: at most a second old."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from services.common.documents import (
    CREDENTIAL,
    LOGIN,
    ROLE,
    TOKEN,
    USER,
    Credential,
    Login,
    Role,
    Token,
    User,
    decode_document,
)
from services.common.record_cache import RecordCache
from services.common.records import RecordStore
from services.common.rights import EVERYTHING, NOTHING, Rights, rights_of

MAX_NAME_LENGTH = 191


class Account(NamedTuple):
    id: int
    user: User


class UserDirectory:
    """Who was disabled or deleted is not found. Raises `RedisError` for what was never read."""

    def __init__(self, records: RecordStore) -> None:
        self._users = RecordCache(records, USER, lambda data: decode_document(data, User))
        self._rights = RecordCache(records, ROLE, lambda data: role_rights(decode_document(data, Role)))
        self._logins = RecordCache(records, LOGIN, lambda data: decode_document(data, Login))
        self._credentials = RecordCache(records, CREDENTIAL, lambda data: decode_document(data, Credential))
        self._tokens = RecordCache(records, TOKEN, lambda data: decode_document(data, Token))

    async def user(self, user_id: int) -> User | None:
        """Also one that may not log in now."""
        return await self._users.get(str(user_id)) if user_id else None

    async def account(self, user_id: int) -> Account | None:
        user = await self.user(user_id)
        return Account(user_id, user) if user and user.is_published else None

    async def named(self, name: str) -> Account | None:
        """By user name or e-mail address."""
        login = await self._logins.get(login_id(name))
        account = await self.account(login.user_id) if login else None
        return account if account and is_name_of(account.user, name) else None

    async def rights(self, role_id: int) -> Rights:
        return await self._rights.get(str(role_id)) or NOTHING

    async def credential(self, credential_id: int) -> Credential | None:
        found = await self._credentials.get(str(credential_id)) if credential_id else None
        return found if found and found.is_published else None

    async def token(self, token_id: str) -> Token | None:
        found = await self._tokens.get(token_id) if token_id else None
        return found if found and found.is_published else None

    def forget_user(self, user_id: str) -> None:
        """In this process the next look is a fresh one."""
        self._users.forget(user_id)

    def forget_role(self, role_id: str) -> None:
        self._rights.forget(role_id)

    def forget_login(self, name: str) -> None:
        self._logins.forget(login_id(name))

    def forget_credential(self, credential_id: str) -> None:
        self._credentials.forget(credential_id)

    def forget_token(self, token_id: str) -> None:
        self._tokens.forget(token_id)


def login_id(name: str) -> str:
    """Under what a login is kept; the case of names does not matter."""
    return hashlib.sha256(name.strip().casefold()[:MAX_NAME_LENGTH].encode("utf-8", "surrogatepass")).hexdigest()[:40]


def is_name_of(user: User, name: str) -> bool:
    return name.strip().casefold() in (user.username.casefold(), user.email.casefold()) and bool(name.strip())


def role_rights(role: Role) -> Rights:
    return full_rights(role) if role.is_published else NOTHING


def full_rights(role: Role) -> Rights:
    """Also of one that is switched off."""
    return EVERYTHING if role.is_admin else rights_of(role.permissions)
