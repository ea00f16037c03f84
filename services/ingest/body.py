"""Reads the body of a hit, up to a bound."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from services.ingest.door import MAX_BODY_BYTES

Receive = Callable[[], Awaitable[Any]]


async def read_body(headers: dict[bytes, bytes], receive: Receive) -> tuple[bytes, int | None]:
    """The whole body, or the status that it is refused with: too long, or cut off, when half a hit could be
    somebody else's."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
        return b"", 413
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"", 400
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return b"", 413
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks) if len(chunks) > 1 else chunk, None
