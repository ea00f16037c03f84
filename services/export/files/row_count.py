"""Counts rows as they stream by, and tells whether all of them came. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod

_TAIL_BYTES = 4_096


class RowCount(ABC):
    """`end` is how each good row ends: what ClickHouse says of an error within a stream ends otherwise."""

    end: bytes

    def __init__(self) -> None:
        self.rows = 0
        self._tail = b""

    @abstractmethod
    def _count(self, chunk: bytes) -> None: ...

    def feed(self, chunk: bytes) -> None:
        """Chunks may be cut anywhere."""
        self._count(chunk)
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:] if len(chunk) < _TAIL_BYTES else chunk[-_TAIL_BYTES:]

    def fault(self) -> str | None:
        """Why what has been fed cannot be all of it, or None."""
        if not self._tail or self._tail.endswith(self.end):
            return None
        last = self._tail.rpartition(self.end)[2].strip().decode("utf-8", "replace")
        return last[:300] if "DB::" in last or "__exception__" in last else "the last row is cut off"


class CsvCount(RowCount):
    """Of CSV whose cells are all quoted."""

    end = b'"\n'
    _OTHERS = bytes(sorted(set(range(256)) - set(b'"\n')))

    def __init__(self) -> None:
        super().__init__()
        self._is_quoted = False

    def _count(self, chunk: bytes) -> None:
        """Only quotes and ends of lines matter, and two quotes side by side change nothing: what is left is short."""
        marks = (b'"' if self._is_quoted else b"") + chunk.translate(None, self._OTHERS)
        pieces = marks.replace(b'""', b"").split(b'"')
        self._is_quoted = len(pieces) % 2 == 0
        self.rows += sum(piece.count(b"\n") for piece in pieces[::2])

    def fault(self) -> str | None:
        return "the last row is cut off" if self._is_quoted and self._tail.endswith(self.end) else super().fault()


class LineCount(RowCount):
    """Of NDJSON."""

    end = b"}\n"

    def _count(self, chunk: bytes) -> None:
        self.rows += chunk.count(b"\n")
