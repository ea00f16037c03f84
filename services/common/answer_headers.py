"""ASGI in front of an app: headers that every answer has, unless it says otherwise itself. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Header = tuple[bytes, bytes]
Send = Callable[[Any], Awaitable[None]]

NO_SNIFFING: Header = (b"x-content-type-options", b"nosniff")  # what an answer is, its type says and nobody guesses


def adding(send: Send, headers: Sequence[Header]) -> Send:
    async def send_with(message: Any) -> None:
        if message["type"] == "http.response.start":
            said = message["headers"]
            names = {name.lower() for name, _ in said}
            message = {**message, "headers": [*said, *(one for one in headers if one[0] not in names)]}
        await send(message)

    return send_with
