"""The rows of a statement as ClickHouse sends them: read in a thread, counted, given up when nobody wants them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from clickhouse_connect.driver.client import Client
from urllib3.exceptions import HTTPError

from services.export.files.row_count import RowCount

CHUNK = 1 << 20

GoOn = Callable[[int], None]  # with how many rows there are


class BrokenOffError(Exception):
    """ClickHouse did not send all rows; says what it said."""


class RowStream(io.RawIOBase):
    """`go_on` is asked after every chunk, with the rows so far, and raises what ends the export."""

    def __init__(self, source: Any, count: RowCount, go_on: GoOn) -> None:
        self._source, self._count, self._go_on = source, count, go_on
        self._left = memoryview(b"")

    @property
    def rows(self) -> int:
        return self._count.rows

    def readable(self) -> bool:
        return True

    def chunks(self) -> Iterator[bytes]:
        """All of them; raises `BrokenOffError` where more should have come."""
        while chunk := self._read():
            yield chunk
        self.check()

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = memoryview(self._read())
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size

    def _read(self) -> bytes:
        """Raises `BrokenOffError`."""
        try:
            chunk: bytes = self._source.read(CHUNK)
        except HTTPError as error:
            raise BrokenOffError(str(error)) from error
        self._count.feed(chunk)
        self._go_on(self._count.rows)
        return chunk

    def check(self) -> None:
        if fault := self._count.fault():
            raise BrokenOffError(fault)


@contextmanager
def open_rows(
    client: Client, sql: str | None, parameters: dict[str, Any], kind: str, settings: dict[str, Any], count: RowCount,
    go_on: GoOn,
) -> Iterator[RowStream]:  # fmt: skip
    """`kind`: CSV or JSONEachRow. Raises `ClickHouseError`."""
    if sql is None:
        yield RowStream(io.BytesIO(), count, go_on)
        return
    source = cast(io.IOBase, client.raw_stream(sql, parameters=parameters, fmt=kind, settings=settings))
    try:
        yield RowStream(source, count, go_on)
    finally:
        source.close()
