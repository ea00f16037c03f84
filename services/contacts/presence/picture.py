"""What an uploaded file is, told by its content and not by its name: PNG, JPEG, GIF or WebP, and its size. Pure."""

from __future__ import annotations

import struct
from typing import NamedTuple

MAX_SIDE = 4_096  # pixels
NO_PICTURE = "The file is no PNG, JPEG, GIF or WebP."
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})  # markers of JPEG that look like those of a frame


class Picture(NamedTuple):
    type: str
    width: int
    height: int


def read_picture(data: bytes) -> Picture:
    """Raises `ValueError` with what is wrong."""
    try:
        picture = _read(data)
    except (struct.error, IndexError):
        raise ValueError(NO_PICTURE) from None
    if not (0 < picture.width <= MAX_SIDE and 0 < picture.height <= MAX_SIDE):
        raise ValueError(f"A picture has at most {MAX_SIDE} x {MAX_SIDE} pixels.")
    return picture


def _read(data: bytes) -> Picture:
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        return Picture("image/png", *struct.unpack(">II", data[16:24]))
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return Picture("image/gif", *struct.unpack("<HH", data[6:10]))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Picture("image/webp", *_webp_size(data))
    if data.startswith(b"\xff\xd8\xff"):
        return Picture("image/jpeg", *_jpeg_size(data))
    raise ValueError(NO_PICTURE)


def _webp_size(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            width, height = struct.unpack("<HH", data[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L" if data[20] == 0x2F:
            (bits,) = struct.unpack("<I", data[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            width, wider, height, higher = struct.unpack("<HBHB", data[24:30])
            return (width | wider << 16) + 1, (height | higher << 16) + 1
    raise ValueError(NO_PICTURE)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """From the first frame; each segment before says how long it is."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a filler
            at += 1
            continue
        length, _, height, width = struct.unpack(">HBHH", data[at + 2 : at + 9])
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            return width, height
        at += 2 + max(length, 2)
    raise ValueError(NO_PICTURE)
