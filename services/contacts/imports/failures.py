"""The rows that could not be imported: kept with their cells, and written as a file that can be mended and imported."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import msgspec

from services.common.clickhouse import ClickHouse, insert_rows
from services.common.tables import IMPORT_FAILURES, ImportFailureRow
from services.contacts.imports.dialect import Dialect
from services.contacts.imports.rows import written

LINE, ERROR = "import_line", "import_error"  # the columns that are added
PAGE, PAGE_BYTES = 5_000, 8 << 20
_FIRST = (
    "SELECT line, error FROM import_failures FINAL WHERE import_id = {import:UInt64} ORDER BY line LIMIT {limit:UInt32}"
)
_SIZES = (
    "SELECT line, length(cells) FROM import_failures FINAL WHERE import_id = {import:UInt64} AND line > {after:UInt64}"
    " ORDER BY line LIMIT {limit:UInt32}"
)
_PAGE = (
    "SELECT line, error, cells FROM import_failures FINAL"
    " WHERE import_id = {import:UInt64} AND line > {after:UInt64} AND line <= {last:UInt64} ORDER BY line"
)
_REMOVE = "DELETE FROM import_failures WHERE import_id = {import:UInt64}"


class Failure(NamedTuple):
    line: int
    error: str
    cells: Sequence[str]


async def put_failures(clickhouse: ClickHouse, import_id: int, failures: Sequence[Failure]) -> None:
    rows = [
        ImportFailureRow(import_id, one.line, one.error[:1_000], base64.b64encode(_packed(one.cells)).decode())
        for one in failures
    ]
    await insert_rows(clickhouse, IMPORT_FAILURES, rows)


async def first_failures(clickhouse: ClickHouse, import_id: int, limit: int) -> list[tuple[int, str]]:
    """Line and error of each."""
    parameters = {"import": import_id, "limit": limit}
    rows = (await clickhouse.query(_FIRST, parameters=parameters)).result_rows
    return [(int(line), str(error)) for line, error in rows]


async def failures_file(
    clickhouse: ClickHouse, import_id: int, headers: Sequence[str], dialect: Dialect
) -> AsyncIterator[bytes]:
    """The columns of the file, then the line in which the row began and what is wrong with it."""
    said = dialect.of_failed_rows()
    yield written([*headers, LINE, ERROR], said)
    after = 0
    while last := await _page_end(clickhouse, import_id, after):
        lines = []
        for one in await _page(clickhouse, import_id, after, last):
            cells = [*one.cells, *[""] * (len(headers) - len(one.cells))]
            wanted, extra = cells[: len(headers)], cells[len(headers) :]
            lines.append(written([*wanted, str(one.line), one.error, *extra], said))
        yield b"".join(lines)
        after = last


async def remove_failures(clickhouse: ClickHouse, import_id: int) -> None:
    await clickhouse.command(_REMOVE, parameters={"import": import_id})


async def _page_end(clickhouse: ClickHouse, import_id: int, after: int) -> int:
    """The last line of those that are read at once; 0 when there are no more."""
    parameters = {"import": import_id, "after": after, "limit": PAGE}
    last = size = 0
    for line, length in (await clickhouse.query(_SIZES, parameters=parameters)).result_rows:
        size += int(length)
        if last and size > PAGE_BYTES:
            break
        last = int(line)
    return last


async def _page(clickhouse: ClickHouse, import_id: int, after: int, last: int) -> list[Failure]:
    parameters = {"import": import_id, "after": after, "last": last}
    rows = (await clickhouse.query(_PAGE, parameters=parameters)).result_rows
    return [Failure(int(line), str(error), _unpacked(base64.b64decode(cells))) for line, error, cells in rows]


def _packed(cells: Sequence[str]) -> bytes:
    """Bytes that could not be read are in them as they were."""
    return msgspec.msgpack.encode([cell.encode("utf-8", "surrogatepass") for cell in cells])


def _unpacked(data: bytes) -> list[str]:
    return [cell.decode("utf-8", "surrogatepass") for cell in msgspec.msgpack.decode(data, type=list[bytes])]
