"""User names and addresses, each of which leads to one user, however many requests ask for it at once."""

from __future__ import annotations

import time

from services.common.documents import LOGIN, USER, Login, User, decode_document
from services.common.envelope import ApiError
from services.common.records import Ref
from services.common.user_directory import is_name_of, login_id
from services.contacts.records.record_writer import RecordWriter, TakenError
from services.contacts.stores import Stores

GRACE_US = 10_000_000  # in which whoever claimed a name writes the user who bears it
TAKEN = "This value is taken."


class LoginNames:
    def __init__(self, stores: Stores, admin: str) -> None:
        self._stores, self._admin = stores, admin
        self._writer = RecordWriter(stores, LOGIN, Login, admin)

    async def claim(self, field: str, name: str, user_id: str) -> None:
        """For a user who is about to be written. Raises `ApiError` 400 when somebody else bears it, or is about to."""
        if name.strip().casefold() == self._admin.casefold() and user_id != "1":
            raise _taken(field)
        login = Login(user_id=int(user_id))
        try:
            await self._writer.create(login, login_id(name))
        except TakenError:
            await self._take_over(field, name, login)
        self._stores.directory.forget_login(name)

    async def _take_over(self, field: str, name: str, login: Login) -> None:
        """From a user who has another name by now; it is claimed anew when it is the user's own."""
        stored = await self._writer.one(login_id(name))
        if stored and stored.user_id != login.user_id:
            newest_us = max(stored.added_us, stored.modified_us)
            if time.time_ns() // 1_000 - newest_us < GRACE_US or await self._bears(stored.user_id, name):
                raise _taken(field)

        def changed(now: Login) -> Login:
            if stored and now.user_id != stored.user_id:
                raise _taken(field)  # somebody was faster
            return login

        if await self._writer.change(login_id(name), changed) is None:
            await self._writer.revive(login_id(name), login)

    async def _bears(self, user_id: int, name: str) -> bool:
        record = await self._stores.records.one(Ref(USER, str(user_id)))
        return record is not None and is_name_of(decode_document(record.data, User), name)


def _taken(field: str) -> ApiError:
    return ApiError(400, f"{field}: {TAKEN}", {field: [TAKEN]})
