"""Hits that Redis does not take wait on the disk, and are given to it when it does again.

The folder outlives the process and belongs to the ingest processes of one machine or one volume. Each writes a file of
its own, one batch a record, synced before the answer. A file is locked while its writer lives, so whoever gets the lock
of another one is the heir of a dead process. Replaying twice does no harm: a hit's key is in its batch.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import time_ns
from typing import BinaryIO

import structlog

log = structlog.get_logger()

SUFFIX = ".hits"
TORN_SUFFIX = ".torn"  # all that was whole has been replayed; kept for whoever wants to look
BATCHES_AT_ONCE = 16
Entries = list[tuple[str, bytes]]  # (stream's key, batch)

_HEAD = struct.Struct(">IHI")  # bytes of the batch, bytes of the key, CRC-32 of both


class SpillFullError(Exception):
    """The folder holds as much as it may."""


class Spill:
    """The spilled batches of one folder, `max_bytes` at most for all who write there."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._file: int | None = None  # descriptor of the file that grows
        self._offsets: dict[Path, int] = {}  # of a file that was replayed in part: where the rest begins
        self._lock = asyncio.Lock()

    def open(self) -> None:
        """Makes the folder. Raises `OSError` when nothing can be written there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        probe = self._folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()

    @property
    def size(self) -> int:
        """Bytes that wait, of all processes."""
        return sum(_size(path) for path in self._paths())

    @property
    def share(self) -> float:
        """Of what may wait."""
        return self.size / self._max_bytes

    def has_room(self) -> bool:
        """Whether there is some to spare: the last tenth is for what is under way."""
        return self.share < 0.9

    async def keep(self, entries: Entries) -> None:
        """Returns when the batches are on the disk. Raises `SpillFullError`, or `OSError`; then nothing of them is."""
        records = b"".join(_record(key.encode(), batch) for key, batch in entries)
        async with self._lock:
            await asyncio.to_thread(self._append, records)

    async def replay(self, append: Callable[[Entries], Awaitable[None]]) -> int:
        """Gives all that waits to `append`, oldest file first, and removes what it has taken; returns how many batches.

        Raises what `append` raises: the rest waits for the next call.
        """
        async with self._lock:
            self._close()
        count = 0
        for path in self._paths():
            descriptor = _lock(path)
            if descriptor is None:
                continue  # its writer lives
            try:
                count += await self._replay(path, append)
            finally:
                os.close(descriptor)
        return count

    def close(self) -> None:
        self._close()

    def _append(self, records: bytes) -> None:
        if self.size + len(records) > self._max_bytes:
            raise SpillFullError
        if self._file is None:
            self._begin()
        assert self._file is not None
        size = os.fstat(self._file).st_size
        try:
            _write(self._file, records)
            os.fdatasync(self._file)
        except OSError:
            # Nothing is written behind what may be half a record, which would hide it.
            with suppress(OSError):
                os.ftruncate(self._file, size)
            self._close()
            raise

    def _begin(self) -> None:
        """The file gets its name when it is locked: an heir who was faster would remove it under our hands."""
        path = self._folder / f"{time_ns():020d}-{os.getpid()}{SUFFIX}"
        unnamed = path.with_suffix(".new")
        descriptor = os.open(unnamed, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(path)
            _sync_folder(self._folder)
        except OSError:
            os.close(descriptor)
            raise
        self._file = descriptor

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}"))

    async def _replay(self, path: Path, append: Callable[[Entries], Awaitable[None]]) -> int:
        """Where Redis has room for a part only, the next call goes on behind it, or no large file would ever end."""
        count = 0
        with path.open("rb") as file:
            file.seek(self._offsets.get(path, 0))
            while entries := list(islice(_records(file), BATCHES_AT_ONCE)):
                await append(entries)
                self._offsets[path] = file.tell()
                count += len(entries)
            _put_away(path, is_whole=not file.read(1))
        self._offsets.pop(path, None)
        return count


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # replayed by another process a moment ago
        return 0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_away(path: Path, *, is_whole: bool) -> None:
    if is_whole:
        path.unlink()
    else:
        log.warning("spill_ends_in_a_torn_record", file=path.name)
        path.rename(path.with_suffix(TORN_SUFFIX))


def _record(key: bytes, batch: bytes) -> bytes:
    return _HEAD.pack(len(batch), len(key), zlib.crc32(batch, zlib.crc32(key))) + key + batch


def _records(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """(stream's key, batch) of each record from here on; before one that is not whole it stops. Such a one a crash cut
    off, and nobody was answered for it."""
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        batch_size, key_size, crc = _HEAD.unpack(head)
        key, batch = file.read(key_size), file.read(batch_size)
        if len(batch) < batch_size or zlib.crc32(batch, zlib.crc32(key)) != crc:
            break
        yield key.decode(), batch
    else:
        file.seek(-len(head), os.SEEK_CUR)
        return
    file.seek(-_HEAD.size - len(key) - len(batch), os.SEEK_CUR)


def _lock(path: Path) -> int | None:
    """A descriptor that locks the file, or None while somebody else does, or when it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():  # else its heir was faster
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
