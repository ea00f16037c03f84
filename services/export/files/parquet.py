"""Parquet: row groups of pyarrow, written while the rows stream by."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import pyarrow
import pyarrow.csv
import pyarrow.parquet

from services.export.files.row_stream import RowStream
from services.export.queries.columns import Column

BLOCK_BYTES = 1 << 20  # of CSV that are read at once: several are read ahead
GROUP_BYTES = 8 << 20  # of values, at least, that become a row group
_TYPES = {
    "integer": pyarrow.int64(),
    "decimal": pyarrow.float64(),
    "time": pyarrow.timestamp("ms", "UTC"),
}
_READ_AS = {_TYPES["time"]: pyarrow.timestamp("ms")}  # the text does not say that it is of UTC


def write_parquet(rows: RowStream, header: Sequence[str], columns: Sequence[Column], file: IO[bytes]) -> None:
    """Times are of UTC. What is not there is null, but for texts, which are empty."""
    names = [f"c{place}" for place in range(len(columns))]
    types = [_TYPES.get(column.kind, pyarrow.string()) for column in columns]
    schema = pyarrow.schema(zip(header, types, strict=True))
    read_as = {name: _READ_AS.get(kind, kind) for name, kind in zip(names, types, strict=True)}
    with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        source = io.BufferedReader(rows, 1 << 20)
        if source.peek(1):
            batches = pyarrow.csv.open_csv(
                source,
                read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=BLOCK_BYTES, use_threads=False),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=read_as, null_values=[""], strings_can_be_null=False, quoted_strings_can_be_null=True
                ),
            )
            for group in _grouped(batches):
                cells = [column.cast(field.type) for column, field in zip(group.columns, schema, strict=True)]
                writer.write_table(pyarrow.table(cells, schema))
    rows.check()


def _grouped(batches: Iterable[Any]) -> Iterator[Any]:
    """Tables of a row group each."""
    gathered: list[Any] = []
    size = 0
    for batch in batches:
        gathered.append(batch)
        size += batch.nbytes
        if size >= GROUP_BYTES:
            yield pyarrow.Table.from_batches(gathered)
            gathered, size = [], 0
    if gathered:
        yield pyarrow.Table.from_batches(gathered)
