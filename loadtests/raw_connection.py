"""A connection on which anything can be written, and from which answers are taken one after another."""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Answer(NamedTuple):
    status: int
    closes: bool


class ClosedError(Exception):
    """The connection ended without another whole answer."""


class Connection:
    """A raw connection; answers are taken from it one after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._data = b""

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))

    def write(self, data: bytes) -> None:
        """A connection that is gone by now shows when an answer is waited for."""
        if not self._writer.is_closing():
            self._writer.write(data)

    def end(self) -> None:
        """Nothing more will be written."""
        try:
            self._writer.write_eof()
        except (OSError, RuntimeError):
            pass  # it is gone already; uvloop raises RuntimeError

    def close(self) -> None:
        self._writer.close()

    async def listen(self, seconds: float) -> None:
        """Until it says something, but no longer than this. Raises `ClosedError`."""
        try:
            async with asyncio.timeout(seconds):
                await self._more()
        except TimeoutError:
            pass

    async def answer(self, *, is_head: bool) -> Answer:
        """The next one, past its body. Raises `ClosedError`."""
        while True:
            while (end := self._data.find(b"\r\n\r\n")) < 0:
                await self._more()
            head, self._data = self._data[:end], self._data[end + 4 :]
            match = _STATUS.match(head)
            if match is None:
                raise ClosedError
            status = int(match[1])
            if status >= 200:
                break
        if not is_head and status not in (204, 304):
            await self._skip_body(head)
        return Answer(status, _CLOSE.search(head) is not None)

    async def _skip_body(self, head: bytes) -> None:
        if _CHUNKED.search(head):
            while (end := self._data.find(b"0\r\n\r\n")) < 0:
                await self._more()
            self._data = self._data[end + 5 :]
            return
        length = int(match[1]) if (match := _LENGTH.search(head)) else 0
        while len(self._data) < length:
            await self._more()
        self._data = self._data[length:]

    async def _more(self) -> None:
        try:
            data = await self._reader.read(65_536)
        except OSError as error:
            raise ClosedError from error
        if not data:
            raise ClosedError
        self._data += data
