"""What PHP's `serialize` makes of an array, as the snippets of today's sites put it into `d=`. Pure and bounded."""

from __future__ import annotations

import base64
import binascii
import re

PhpArray = dict[str, "str | PhpArray"]

MAX_ITEMS = 200
MAX_DEPTH = 8
MAX_BYTES = 16_384

_LENGTH = re.compile(rb"(\d{1,6}):")
_SCALAR = re.compile(rb"(?:[ib]:(-?\d{1,20})|d:(-?[0-9.]{1,30}(?:[Ee][-+]?\d{1,4})?));")


class PhpSerializedError(ValueError):
    """Not a serialised array, or one beyond the bounds above."""


def decode_php_array(text: bytes) -> PhpArray:
    """A base64-encoded array: texts, numbers as texts, and arrays of these. Raises `PhpSerializedError`.

    Objects are refused. A + that came unescaped, and so as a blank, is read as the + that it was.
    """
    if len(text) > MAX_BYTES:
        raise PhpSerializedError("too long")
    try:
        data = base64.b64decode(text.replace(b" ", b"+") + b"==", validate=False)
    except binascii.Error as error:
        raise PhpSerializedError("not base64") from error
    return _Reader(data).top()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._items = 0

    def top(self) -> PhpArray:
        found = self._array(1)
        if self._at != len(self._data):
            raise PhpSerializedError("something follows the array")
        return found

    def _array(self, depth: int) -> PhpArray:
        """`a:<count>:{<key><value>...}`."""
        self._take(b"a:")
        count = self._length()
        self._items += count
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise PhpSerializedError("too large")
        self._take(b"{")
        found: PhpArray = {}
        for _ in range(count):
            key = self._scalar()
            is_array = self._data.startswith(b"a:", self._at)
            found[key] = self._array(depth + 1) if is_array else self._scalar()
        self._take(b"}")
        return found

    def _scalar(self) -> str:
        """`s:<bytes>:"...";`, `i:1;`, `b:1;`, `d:0.5;` or `N;`."""
        if self._data.startswith(b"s:", self._at):
            self._at += 2
            length = self._length()
            self._take(b'"')
            text = self._data[self._at : self._at + length]
            self._at += length
            self._take(b'";')
            return text.decode("utf-8", "replace").replace("\x00", "")
        if self._data.startswith(b"N;", self._at):
            self._at += 2
            return ""
        match = _SCALAR.match(self._data, self._at)
        if match is None:
            raise PhpSerializedError(f"unreadable at byte {self._at}")
        self._at = match.end()
        return (match[1] or match[2]).decode()

    def _length(self) -> int:
        match = _LENGTH.match(self._data, self._at)
        if match is None:
            raise PhpSerializedError(f"unreadable at byte {self._at}")
        self._at = match.end()
        return int(match[1])

    def _take(self, expected: bytes) -> None:
        if not self._data.startswith(expected, self._at):
            raise PhpSerializedError(f"unreadable at byte {self._at}")
        self._at += len(expected)
