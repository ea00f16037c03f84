"""Files that contacts are imported from, in ClickHouse: whichever process goes on with an import finds them there."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from services.common.clickhouse import ClickHouse

PIECE_BYTES = 1 << 20
_COLUMNS = ("file", "piece", "data")
_PIECE = "SELECT data FROM import_files WHERE file = {file:String} AND piece = {piece:UInt32} LIMIT 1"
_REMOVE = "DELETE FROM import_files WHERE file = {file:String}"


class Stored(NamedTuple):
    file: str
    bytes: int
    line_count: int


class TooLargeError(Exception):
    """A file has more bytes than it may have."""


async def store_file(clickhouse: ClickHouse, chunks: AsyncIterator[bytes], max_bytes: int) -> Stored:
    """Keeps a file as it comes. Raises `TooLargeError`; then, or when the sender breaks off, nothing of it stays."""
    file, count, lines, piece = uuid.uuid4().hex, 0, 0, 0
    waiting = bytearray()
    try:
        async for chunk in chunks:
            count += len(chunk)
            lines += chunk.count(b"\n")
            if count > max_bytes:
                raise TooLargeError
            waiting += chunk
            while len(waiting) >= PIECE_BYTES:
                await _put(clickhouse, file, piece, _taken(waiting))
                piece += 1
        if waiting or not piece:
            lines += bool(waiting) and not waiting.endswith(b"\n")
            await _put(clickhouse, file, piece, bytes(waiting))
    except BaseException:
        await remove_file(clickhouse, file)
        raise
    return Stored(file, count, lines)


async def remove_file(clickhouse: ClickHouse, file: str) -> None:
    await clickhouse.command(_REMOVE, parameters={"file": file})


def _taken(waiting: bytearray) -> bytes:
    """The first piece, up to the end of a line if there is one: what stands in a line then stands in one piece."""
    end = waiting.rfind(b"\n", 0, PIECE_BYTES) + 1 or PIECE_BYTES
    piece = bytes(waiting[:end])
    del waiting[:end]
    return piece


async def _put(clickhouse: ClickHouse, file: str, piece: int, data: bytes) -> None:
    block = _string(file.encode()) + piece.to_bytes(4, "little") + _string(data)
    await clickhouse.raw_insert("import_files", column_names=_COLUMNS, insert_block=block, fmt="RowBinary")


def _string(data: bytes) -> bytes:
    """As RowBinary has it: its length in groups of seven bits, then its bytes."""
    length, head = len(data), bytearray()
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + data


class FilePieces:
    """The pieces of a file in their order. While one is worked on the next one is read."""

    def __init__(self, client: Client, file: str) -> None:
        self._client, self._file, self._number = client, file, 0
        self.bytes_read = 0
        self._thread = ThreadPoolExecutor(1, "pieces")
        self._next: Future[bytes] = self._thread.submit(self._read, 0)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._next.result()
        if not piece:
            raise StopIteration
        self._number += 1
        self.bytes_read += len(piece)
        self._next = self._thread.submit(self._read, self._number)
        return piece

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _read(self, number: int) -> bytes:
        parameters = {"file": self._file, "piece": number}
        return bytes(self._client.raw_query(_PIECE, parameters=parameters, fmt="RawBLOB"))


async def read_piece(clickhouse: ClickHouse, file: str, number: int) -> bytes:
    """b'' behind the last one."""
    parameters = {"file": file, "piece": number}
    return bytes(await clickhouse.raw_query(_PIECE, parameters=parameters, fmt="RawBLOB"))
