"""CSV and NDJSON: what ClickHouse writes goes on as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from services.export.files.row_stream import RowStream
from services.export.queries.columns import harmless_name


def write_csv(rows: RowStream, header: Sequence[str], file: IO[bytes]) -> None:
    file.write((",".join(map(_quoted, header)) + "\n").encode())
    for chunk in rows.chunks():
        file.write(chunk)


def write_ndjson(rows: RowStream, file: IO[bytes]) -> None:
    for chunk in rows.chunks():
        file.write(chunk)


def _quoted(name: str) -> str:
    """A label may have anything in it; aliases stay as they are."""
    harmless = harmless_name(name)
    return '"' + harmless.replace('"', '""') + '"' if not harmless.isidentifier() else harmless
