"""The file that an export is written to: private, packed as asked for, and on the disk when it is closed."""

from __future__ import annotations

import gzip
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import IO, cast

_LEVEL = 4  # of ten seconds' packing the last levels save a twentieth of the bytes


class Packing(StrEnum):
    NONE = ""
    GZIP = "gzip"
    ZIP = "zip"


ENDINGS = {Packing.NONE: "", Packing.GZIP: ".gz", Packing.ZIP: ".zip"}


Entry = Callable[[str], AbstractContextManager[IO[bytes]]]


@contextmanager
def packed_file(path: Path, packing: Packing) -> Iterator[Entry]:
    """What opens an entry by its name: one in all, of a zip any number, one after the other. The file is whole, and on
    the disk, when this ends without an error. Raises `OSError`."""
    with open(private_file(path), "wb", buffering=1 << 20) as file:
        match packing:
            case Packing.GZIP:
                yield lambda name: cast(AbstractContextManager[IO[bytes]], gzip.GzipFile(name, "wb", _LEVEL, file))
            case Packing.ZIP:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
                    yield lambda name: archive.open(name, "w", force_zip64=True)
            case Packing.NONE:
                yield lambda _: nullcontext(file)
        file.flush()
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """A file that somebody else wrote is on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_file(path: Path) -> int:
    """A new file that only its owner reads: it will hold addresses."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
