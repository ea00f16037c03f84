"""Workbooks of Excel as CSV: the first sheet that has rows, and all that have the same first row.

`python -m services.contacts.imports.workbook FILE` writes them to standard output, in a process of its own that may
take so much memory and no more. What is wrong is said on standard error.
"""

from __future__ import annotations

import csv
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO

from python_calamine import CalamineWorkbook, SheetVisibleEnum

MAGIC = b"PK\x03\x04"
MAX_UNPACKED = 2 << 30
MAX_PARTS = 10_000
MEMORY_BYTES = 3 << 30
BROKEN = "This is no workbook of Excel (.xlsx) that can be read."
TOO_LARGE = f"Unpacked this workbook is larger than {MAX_UNPACKED >> 30} GiB: save it as CSV."


class WorkbookError(Exception):
    """Why it cannot be read."""


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    try:
        write_csv(Path(sys.argv[1]), sys.stdout)
    except WorkbookError as error:
        print(error, file=sys.stderr)
        return 1
    except MemoryError:
        print(TOO_LARGE, file=sys.stderr)
        return 1
    return 0


def write_csv(path: Path, file: IO[str]) -> None:
    """Raises `WorkbookError`."""
    check_size(path)
    try:
        book = CalamineWorkbook.from_path(path)
        writer, header = csv.writer(file, lineterminator="\n"), None
        for sheet in book.sheets_metadata:
            rows = _rows_of(book, sheet.name) if sheet.visible is SheetVisibleEnum.Visible else iter(())
            first = next(rows, None)
            if header is None and first:
                header = first
                writer.writerow(header)
            if first == header:
                for row in rows:
                    if any(row):
                        writer.writerow(row)
                    else:
                        file.write("\n")  # a stray cell far below makes a million of these
    except MemoryError:
        raise
    except Exception as error:  # of the library, which has many
        raise WorkbookError(f"{BROKEN} {str(error)[:200]}") from error
    if header is None:
        raise WorkbookError("No sheet of this workbook has rows.")


def _rows_of(book: CalamineWorkbook, name: str) -> Iterator[list[str]]:
    """From its first row that is not blank."""
    for row in book.get_sheet_by_name(name).iter_rows():
        yield [as_text(cell) for cell in row]


def check_size(path: Path) -> None:
    """By unpacking all of it: what an archive says of its sizes may be a lie. Raises `WorkbookError`."""
    unpacked = 0
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(one.file_size for one in parts) > MAX_UNPACKED:
                raise WorkbookError(TOO_LARGE)
            for one in parts:
                with archive.open(one) as part:
                    while piece := part.read(1 << 20):
                        unpacked += len(piece)
                        if unpacked > MAX_UNPACKED:
                            raise WorkbookError(TOO_LARGE)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise WorkbookError(BROKEN) from error


def as_text(cell: object) -> str:
    """As it would stand in a file of text: numbers without a needless .0, times as ISO 8601 writes them."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d" if cell.time() == time() else "%Y-%m-%d %H:%M:%S")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell).replace("\r\n", "\n").replace("\r", "\n")


if __name__ == "__main__":
    sys.exit(main())
