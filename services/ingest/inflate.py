"""Bodies that came compressed, read up to a bound: a few bytes can stand for gigabytes. Pure."""

from __future__ import annotations

import zlib

import zstandard

ENCODINGS = ("identity", "gzip", "zstd")
MAX_PARTS = 100  # members or frames: each costs a copy of what follows it
MAX_WINDOW_BYTES = 1 << 23  # what every zstd decoder must support (RFC 8878)


class InflateError(ValueError):
    """The body is not what its Content-Encoding says."""


class TooLargeError(ValueError):
    """Inflated it is larger than the bound."""


def inflate(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """The body as it was before it was compressed. Raises `InflateError`, `TooLargeError`."""
    try:
        if encoding == "gzip":
            data, is_whole = _gunzip(body, max_bytes)
        elif encoding == "zstd":
            data, is_whole = _unzstd(body, max_bytes)
        else:
            data, is_whole = body, True
    except (zlib.error, zstandard.ZstdError) as error:
        raise InflateError(f"not {encoding}: {error}") from error
    if len(data) > max_bytes:
        raise TooLargeError
    if not is_whole:
        raise InflateError(f"the {encoding} body is cut off")
    return data


def _gunzip(body: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """(at most one byte more than the bound, whether the stream has come to its end); of several members all."""
    data = b""
    for _ in range(MAX_PARTS):
        inflater = zlib.decompressobj(wbits=31)
        data += inflater.decompress(body, max_bytes + 1 - len(data))
        if len(data) > max_bytes or not inflater.eof:
            return data, len(data) > max_bytes
        body = inflater.unused_data.lstrip(b"\0")  # files may be padded
        if not body:
            return data, True
    raise InflateError(f"more than {MAX_PARTS} members")


def _unzstd(body: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """The same for frames. The reader's output is bounded, but only the other one knows where a frame ends."""
    data = b""
    for _ in range(MAX_PARTS):
        decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        data += decompressor.stream_reader(body).read(max_bytes + 1 - len(data))
        if len(data) > max_bytes:
            return data, True
        inflater = decompressor.decompressobj()
        inflater.decompress(body)
        if not inflater.eof:
            return data, False
        body = inflater.unused_data
        if not body:
            return data, True
    raise InflateError(f"more than {MAX_PARTS} frames")
