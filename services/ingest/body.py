"""Reads the body of a hit, up to a bound."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from services.ingest.door import MAX_BODY_BYTES

Receive = Callable[[], Awaitable[Any]]


class CutOffError(Exception):
    """The client went away before its body was whole: half a hit could be somebody else's."""


async def read_body(headers: dict[bytes, bytes], receive: Receive) -> bytes | None:
    """The whole body, or None when it is longer than the limit. Raises `CutOffError`."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
        return None
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise CutOffError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return None
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks) if len(chunks) > 1 else chunk
