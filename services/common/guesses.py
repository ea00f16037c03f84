"""How often somebody may show a wrong login: counted in Redis for all processes and services together.

Whoever fails too often from one address, or at one name from there, must wait, also with the right one: or each guess
would still be told whether it was right.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from services.common.access import INVALID, NONE_GIVEN, Access, Refused, Shown
from services.common.caller import Caller
from services.common.peer import network_of
from services.common.rate_limit import RateLimit
from services.common.user_directory import login_id

FAILURES_A_MINUTE, OF_ONE_ADDRESS = 20, 200
PROVEN_SECONDS, MAX_PROVEN = 60.0, 1_000  # how long a login that was right is let in without a look at Redis
TOO_OFTEN = "Too many failed logins; try again later."

Proven = TypeVar("Proven")


class TooManyGuessesError(Exception):
    def __init__(self, wait_seconds: int) -> None:
        super().__init__(wait_seconds)
        self.wait_seconds = wait_seconds


class Guesses:
    """While Redis is away nobody is held up."""

    def __init__(self, redis_url: str) -> None:
        self._of_name = RateLimit(redis_url, "login", FAILURES_A_MINUTE, 60)
        self._of_address = RateLimit(redis_url, "logins", OF_ONE_ADDRESS, 60)
        self._proven: OrderedDict[bytes, float] = OrderedDict()

    async def wait_seconds(self, name: str, ip: str) -> int:
        """0 for who may try."""
        there = network_of(ip)
        return await self._of_name.wait_seconds(_attempt(name, there)) or await self._of_address.wait_seconds(there)

    async def note(self, name: str, ip: str) -> None:
        """It was wrong."""
        there = network_of(ip)
        await self._of_name.take(_attempt(name, there))
        await self._of_address.take(there)

    async def judge(self, shown: Shown, prove: Callable[[], Proven | None]) -> Proven | None:
        """What `prove` makes of the login that is shown, None where it is wrong. Raises `TooManyGuessesError`."""
        key = hashlib.blake2b(f"{shown.authorization}\n{shown.token}".encode("utf-8", "surrogatepass")).digest()
        if self._proven.get(key, 0.0) > time.monotonic() and (proven := prove()) is not None:
            return proven
        name = (shown.basic() or (shown.bearer(), ""))[0]  # of a token: the same wrong one again is no guess
        if waits := await self.wait_seconds(name, shown.ip):
            raise TooManyGuessesError(waits)
        proven = prove()
        if proven is None:
            await self.note(name, shown.ip)
        else:
            self._remember(key)
        return proven

    async def close(self) -> None:
        await self._of_name.close()
        await self._of_address.close()

    def _remember(self, key: bytes) -> None:
        self._proven[key] = time.monotonic() + PROVEN_SECONDS
        if len(self._proven) > MAX_PROVEN:
            self._proven.popitem(last=False)


class GuardedAccess:
    """A `Gate` for the login and the tokens of the settings."""

    def __init__(self, access: Access, guesses: Guesses) -> None:
        self._access, self._guesses = access, guesses

    async def admit(self, shown: Shown, path: str) -> Caller | Refused:
        if not (shown.authorization or shown.token):
            return Refused(401, NONE_GIVEN)
        try:
            known = await self._guesses.judge(shown, lambda: self._access.known(shown))
        except TooManyGuessesError as error:
            return Refused(429, TOO_OFTEN, None, error.wait_seconds)
        return known or Refused(401, INVALID)


def _attempt(name: str, there: str) -> str:
    return f"{there}-{login_id(name)}"
