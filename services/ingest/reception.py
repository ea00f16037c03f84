"""Lets servers in at the public door, which anybody may try: a wrong key or password too often, and one must wait."""

from __future__ import annotations

from starlette.requests import Request

from services.common.access import Shown
from services.common.guesses import TOO_OFTEN, Guesses, TooManyGuessesError
from services.common.same_origin import FROM_ELSEWHERE, is_of_another_page
from services.ingest.door import Door, read_headers
from services.ingest.guard import Refused
from services.ingest.senders import Senders


class Reception:
    def __init__(self, senders: Senders, guesses: Guesses, door: Door) -> None:
        self._senders, self._guesses, self._door = senders, guesses, door

    async def sender(self, request: Request) -> str:
        """Raises `Refused`."""
        authorization = request.headers.get("authorization", "")
        if not authorization:
            raise Refused(401)
        if is_of_another_page(request.method, authorization, request.headers):
            raise Refused(403, FROM_ELSEWHERE)
        address = self._door.address(request.scope, read_headers(request.scope["headers"]))
        try:
            name = await self._guesses.judge(
                Shown(authorization, ip=address), lambda: self._senders.name(authorization)
            )
        except TooManyGuessesError as error:
            raise Refused(429, TOO_OFTEN, error.wait_seconds) from error
        if name is None:
            raise Refused(401)
        return name
