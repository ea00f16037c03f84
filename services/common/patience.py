"""ASGI in front of an app: a body that comes too slowly is one that was cut off.

The server bounds how long a head may take (30 s), and says nothing of bodies: without this, a client that sends a byte
now and then would keep its connection, and what waits for it, for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[Any]]

BODY_SECONDS, BYTES_A_SECOND = 20.0, 16_384  # it may take so long, and longer by what it brings
CUT_OFF = {"type": "http.disconnect"}


def patient(receive: Receive, seconds: float = BODY_SECONDS) -> Receive:
    """Only the time counts that the client lets us wait: not what we do between two parts of its body."""
    left, is_whole = seconds, False

    async def receive_in_time() -> Any:
        nonlocal left, is_whole
        if is_whole:
            return await receive()
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(max(left, 0.0)):
                message = await receive()
        except TimeoutError:
            return CUT_OFF
        is_whole = not message.get("more_body")
        left += len(message.get("body", b"")) / BYTES_A_SECOND - (clock() - began)
        return message

    return receive_in_time
