"""XLSX: a sheet for every million rows, with numbers as numbers and texts as texts, which run nothing."""

from __future__ import annotations

import csv
import io
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rustpy_xlsxwriter import FastExcel

from services.export.files.packing import private_file, sync_file
from services.export.files.row_stream import BrokenOffError, RowStream
from services.export.queries.columns import Column

ROWS_PER_SHEET = 1_000_000
MOST_ROWS = 1_048_575  # of a sheet, beside its header
MAX_CELL = 32_767  # characters

_READ: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "decimal": lambda text: float(text) if text else None,
    "time": lambda text: datetime.fromisoformat(text) if text else None,
    "text": lambda text: text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…",
}


def write_sheets(rows: RowStream, header: Sequence[str], columns: Sequence[Column], total: int, path: Path) -> None:
    """`total` is how many rows there were a moment ago: it decides how many sheets there are, and the last one has room
    for who came since. The file is private, and on the disk. Raises `OSError`, `BrokenOffError`."""
    os.close(private_file(path))
    read = [_READ.get(column.kind, _READ["text"]) for column in columns]
    lines = csv.reader(io.TextIOWrapper(io.BufferedReader(rows, 1 << 20), "utf-8", newline=""))
    sheets = max(1, -(-total // ROWS_PER_SHEET))
    book = FastExcel(path, output_format="xlsx").format(bold_headers=True, datetime_format="yyyy-mm-dd hh:mm:ss")
    for number in range(1, sheets + 1):
        most = ROWS_PER_SHEET if number < sheets else MOST_ROWS
        book.sheet(f"Sheet{number}", _dicts(itertools.islice(lines, most), header, read))
    book.freeze(row=1).save()
    if next(lines, None) is not None:
        raise BrokenOffError("more rows came than fit into the sheets; try again")
    rows.check()
    sync_file(path)


def _dicts(
    lines: Iterator[list[str]], header: Sequence[str], read: Sequence[Callable[[str], Any]]
) -> Iterator[dict[str, Any]]:
    """A sheet without a row still has its header."""
    line = next(lines, None)
    if line is None:
        yield dict.fromkeys(header)
    while line is not None:
        yield {name: value(text) for name, value, text in zip(header, read, line, strict=False)}
        line = next(lines, None)
