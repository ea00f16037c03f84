"""Records on disk: one JSON file says what each is, and a lock who works on it."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec


class Kept(Protocol):
    id: str
    created_at: float


Record = TypeVar("Record", bound=Kept)
FOLDER_LOCK = "folder.lock"
_ID = re.compile(r"[0-9a-f]{32}")
_encode = msgspec.json.encode


class RecordFolder(Generic[Record]):
    """Several processes may share it: what is on the disk is what is so."""

    def __init__(self, folder: Path, kind: type[Record]) -> None:
        self.folder = folder
        self._decoder = msgspec.json.Decoder(kind)  # made before threads read: two that meet a new kind at once crash

    def make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def changed_ns(self) -> int:
        """Another number whenever one was added, saved or removed. Raises `OSError`."""
        return self.folder.stat().st_mtime_ns

    def all(self) -> list[Record]:
        """Oldest first."""
        found = [one for path in self.folder.glob("*.json") if (one := self._read(path)) is not None]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def one(self, record_id: str) -> Record | None:
        return self._read(self._path(record_id)) if _ID.fullmatch(record_id) else None

    def add(self, record: Record) -> None:
        """On the disk when this returns. Raises `OSError`."""
        os.replace(self._written(record), self._path(record.id))
        self._sync()

    def save(self, record: Record, *, is_lasting: bool = True) -> bool:
        """False where it has been removed meanwhile. Raises `OSError`."""
        new = self._written(record, is_lasting=is_lasting)
        with self._alone():
            if not self._path(record.id).exists():
                new.unlink()
                return False
            os.replace(new, self._path(record.id))
        if is_lasting:
            self._sync()
        return True

    def remove(self, record: Record) -> None:
        """What says so first: whoever works on it then stops."""
        with self._alone():
            self._path(record.id).unlink(missing_ok=True)
        self._lock(record.id).unlink(missing_ok=True)

    @contextmanager
    def claimed(self, record: Record) -> Iterator[bool]:
        """Whether this process may work on it until the end of the block. A process that dies lets go."""
        descriptor = os.open(self._lock(record.id), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Held for a look and a rename: else what is removed between the two would come back."""
        descriptor = os.open(self.folder / FOLDER_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _path(self, record_id: str) -> Path:
        return self.folder / f"{record_id}.json"

    def _lock(self, record_id: str) -> Path:
        return self.folder / f"{record_id}.lock"

    def _read(self, path: Path) -> Record | None:
        try:
            record = self._decoder.decode(path.read_bytes())
        except (msgspec.MsgspecError, OSError):
            return None
        return record if _ID.fullmatch(record.id) and record.id == path.stem else None

    def _written(self, record: Record, *, is_lasting: bool = True) -> Path:
        """A file that is to become the record's."""
        new = self.folder / f"{record.id}.json.{os.getpid()}-{threading.get_native_id()}"
        with open(new, "wb", opener=_private) as file:
            file.write(_encode(record))
            file.flush()
            if is_lasting:
                os.fsync(file.fileno())
        return new

    def _sync(self) -> None:
        """A rename is on the disk only when its folder is."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
