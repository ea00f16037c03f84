"""Counts the rows of CSV as it streams by, and looks for an error that the server wrote instead of rows. Pure."""

from __future__ import annotations

import re

_TAIL_BYTES = 4_096
# All our cells are quoted: such a line outside of quotes can only be the server's last words.
_ERROR = re.compile(rb"(?:^|\n)(?:Code: \d+\. DB::|__exception__)")


class CsvCounter:
    def __init__(self) -> None:
        self.rows = 0
        self._is_quoted = False
        self._tail = b""
        self._outside = b""  # the end of what stands outside of quotes

    def feed(self, chunk: bytes) -> None:
        """Chunks may be cut anywhere: only whether one is inside quotes is carried over."""
        pieces = chunk.split(b'"')
        outside = []
        for number, piece in enumerate(pieces):
            if number:
                self._is_quoted = not self._is_quoted
            if not self._is_quoted:
                self.rows += piece.count(b"\n")
                outside.append(piece)
        self._outside = (self._outside + b'"'.join(outside))[-_TAIL_BYTES:]
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]

    def fault(self) -> str | None:
        """Why what has been fed cannot be all of it, or None."""
        error = _ERROR.search(self._outside)
        if error:
            return self._outside[error.start() :].strip().decode("utf-8", "replace")[:300]
        if self._is_quoted or (self._tail and not self._tail.endswith(b"\n")):
            return "the last row is cut off"
        return None
