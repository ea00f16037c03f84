"""Passwords of users: hashed and verified by Argon2 in threads, and a right one remembered for a minute."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

MIN_LENGTH, MAX_LENGTH = 8, 256
REMEMBERED_SECONDS = 60.0
MAX_REMEMBERED = 10_000
THREADS, MAX_WAITING = 2, 64  # a check takes 25 ms and 19 MB

Done = TypeVar("Done")


class BusyError(Exception):
    """More passwords wait to be checked than would be in time."""


class Passwords:
    """The parameters are those that OWASP names: 19 MiB, two rounds, one lane."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS, "passwords")
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(16))
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Raises `BusyError`."""
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def matches(self, kept_hash: str, password: str) -> bool:
        """Takes as long without a hash: so nobody learns whether there is such a user. Raises `BusyError`."""
        is_right = await self._in_thread(lambda: self._verify(kept_hash or self._nobodys, password))
        return is_right and bool(kept_hash)

    def remembers(self, mark: str, password: str) -> bool:
        """Whether it was right for this mark, which says whose it is and which hash was kept, in the last minute."""
        until = self._remembered.get(self._seal(mark, password))
        return until is not None and until > time.monotonic()

    def remember(self, mark: str, password: str) -> None:
        self._remembered[self._seal(mark, password)] = time.monotonic() + REMEMBERED_SECONDS
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    def _seal(self, mark: str, password: str) -> bytes:
        said = f"{len(mark)}:{mark}:{password}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, said, hashlib.sha256).digest()

    def _verify(self, kept_hash: str, password: str) -> bool:
        with contextlib.suppress(Argon2Error, InvalidHashError):
            return self._hasher.verify(kept_hash, password[: MAX_LENGTH + 1])
        return False

    async def _in_thread(self, work: Callable[[], Done]) -> Done:
        if self._waiting >= MAX_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
