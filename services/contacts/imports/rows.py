"""The records of a file of comma-separated values, one by one, and what is wrong with those that cannot be read. Pure.

A record that is broken costs no other: reading goes on in the line behind the one in which it began.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.contacts.imports.dialect import OF_WHOLE_BYTES, Dialect

MAX_RECORD = 1_000_000  # characters
TOO_LONG = f"This row is longer than {MAX_RECORD:,} characters."
MAX_CELLS = 4_000
TOO_MANY = "The number of data columns is more than the number of header columns (the first row)."
NEVER_CLOSED = "A quote is opened in this row and not closed as it should be."
_UNREADABLE = re.compile("[\ud800-\udfff\ufffd]")

csv.field_size_limit(MAX_RECORD * 2)


class Row(NamedTuple):
    """`line` is that of the file in which it begins, from 1 on. `error`: why it cannot be read; then `cells` are what
    could be made of it."""

    line: int
    cells: list[str]
    error: str = ""


class _TooLongError(Exception):
    pass


class Rows:
    """The records of a text that comes in pieces, empty lines left out. `line`: how many lines were read; `size`: how
    many letters."""

    def __init__(self, pieces: Iterable[bytes], dialect: Dialect) -> None:
        self._pieces, self._dialect = iter(pieces), dialect
        self._decoder = codecs.getincrementaldecoder(dialect.encoding)(dialect.errors())
        self._lines: deque[str] = deque()
        self._rest: list[str] = []  # of a line that has not ended yet
        self._rest_length = 0
        self._is_first, self._is_over, self._ends_with_cr = True, False, False
        self._again: deque[str] = deque()  # lines that are read once more
        self._taken: list[str] = []
        self._taken_length = 0
        self.line = self.size = 0
        self._reader = self._new_reader()

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        while True:
            self._taken.clear()
            self._taken_length = 0
            first = self.line + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                raise StopIteration from None
            except (csv.Error, _TooLongError) as error:
                return self._broken(first, error)
            if not cells:
                continue
            self.size += self._taken_length
            if len(cells) > MAX_CELLS:
                text = "".join(self._taken).rstrip("\n")
                return Row(first, text.split(self._dialect.delimiter, MAX_CELLS), TOO_MANY)
            if len(self._taken) == 1 and self._taken[0] is _CUT:
                return Row(first, [], TOO_LONG)
            if any(not line.isascii() and _UNREADABLE.search(line) for line in self._taken):
                return Row(first, cells, f"This row has bytes that cannot be read as {self._dialect.encoding}.")
            return Row(first, cells)

    def _broken(self, first: int, error: Exception) -> Row:
        """The line in which it began; those behind it are read again."""
        begun, *others = self._taken or [""]
        self._again.extendleft(reversed(others))
        self.line = first
        self.size += len(begun)
        self._reader = self._new_reader()
        text = begun.rstrip("\n")
        why = TOO_LONG if isinstance(error, _TooLongError) and not others else NEVER_CLOSED
        return Row(first, text.split(self._dialect.delimiter, MAX_CELLS), why)

    def _new_reader(self) -> Iterator[list[str]]:
        said = self._dialect
        return csv.reader(
            self._feed(), delimiter=said.delimiter, quotechar=said.quote or None, escapechar=said.escape or None,
            quoting=csv.QUOTE_MINIMAL if said.quote else csv.QUOTE_NONE, strict=True,
        )  # fmt: skip

    def _feed(self) -> Iterator[str]:
        while (line := self._next_line()) is not None:
            self.line += 1
            self._taken.append(line)
            self._taken_length += len(line)
            if self._taken_length > MAX_RECORD or (line is _CUT and len(self._taken) > 1):
                raise _TooLongError
            yield line

    def _next_line(self) -> str | None:
        if self._again:
            return self._again.popleft()
        while not self._lines:
            if self._is_over:
                return None
            self._read_piece()
        return self._lines.popleft()

    def _read_piece(self) -> None:
        piece = next(self._pieces, None)
        self._is_over = piece is None
        text = self._decoder.decode(piece or b"", piece is None)
        if self._is_first and text:
            text, self._is_first = text.removeprefix("\ufeff"), False
        if self._ends_with_cr:
            text = "\r" + text
        self._ends_with_cr = text.endswith("\r") and not self._is_over
        if self._ends_with_cr:
            text = text[:-1]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, rest = text.split("\n")
        if lines:
            self._keep(lines[0])
            self._lines.append(self._line())
            self._lines.extend([line + "\n" for line in lines[1:]])
        self._keep(rest)
        if self._is_over and self._rest:
            self._lines.append(self._line().removesuffix("\n"))

    def _keep(self, text: str) -> None:
        """Of a line that is far too long no more than shows that it is."""
        if text and self._rest_length <= MAX_RECORD:
            self._rest.append(text[: MAX_RECORD + 1])
            self._rest_length += len(text)

    def _line(self) -> str:
        line, self._rest = "".join(self._rest) + "\n", []
        is_cut, self._rest_length = self._rest_length > MAX_RECORD, 0
        return _CUT if is_cut else line


_CUT = "\x00cut\n"  # in the place of a line that was too long; compared by what it is, not by what it says


def header_of(rows: Rows) -> Row | None:
    """The first row that has a word in it, but for the one that tells Excel what separates."""
    return next((row for row in rows if row.error or _has_words(row)), None)


def _has_words(row: Row) -> bool:
    return any(cell.strip() for cell in row.cells) and not (row.line == 1 and row.cells == ["sep=", ""])


def written(cells: list[str], dialect: Dialect) -> bytes:
    """A record as this dialect writes it, which has a quote; what could not be read is as it was."""
    text = io.StringIO()
    csv.writer(text, delimiter=dialect.delimiter, quotechar=dialect.quote, lineterminator="\n").writerow(cells)
    try:
        return text.getvalue().encode(dialect.encoding, OF_WHOLE_BYTES)
    except UnicodeEncodeError:  # letters that no text may have, or our own words in an encoding of few letters
        return text.getvalue().encode(dialect.encoding, "replace")
