"""Request bodies as clickhouse-connect compresses them: any number of whole frames, one after another."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import lz4.frame
from backports import zstd

from deploy.embedded.clickhouse.errors import BAD_ARGUMENTS, INCORRECT_DATA, ClickHouseError, refused
from deploy.embedded.clickhouse.limits import body_too_large

_FRAMES: dict[str, Callable[[], Any]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
    "gzip": lambda: zlib.decompressobj(wbits=31),
}
_CORRUPT = (RuntimeError, EOFError, zlib.error, zstd.ZstdError)


def decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """The plain body. Raises `ClickHouseError` when it is damaged or larger than `max_bytes` once unpacked."""
    if encoding in ("", "identity"):
        return body
    if encoding not in _FRAMES:
        raise refused(BAD_ARGUMENTS, "BAD_ARGUMENTS", f"Content-Encoding {encoding!r} is none of {', '.join(_FRAMES)}")
    try:
        return _decompress_frames(body, _FRAMES[encoding], max_bytes)
    except _CORRUPT as error:
        raise _damaged(encoding) from error


def _decompress_frames(body: bytes, new_frame: Callable[[], Any], max_bytes: int) -> bytes:
    parts = []
    room = max_bytes
    while body:
        frame = new_frame()
        part = frame.decompress(body, room + 1)
        room -= len(part)
        if room < 0:
            raise body_too_large(max_bytes)
        if not frame.eof:
            raise EOFError
        parts.append(part)
        body = frame.unused_data or b""
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _damaged(encoding: str) -> ClickHouseError:
    return refused(INCORRECT_DATA, "INCORRECT_DATA", f"The body is damaged or cut short: {encoding}")
