"""Writes the file of a job: every part streamed from ClickHouse, in a thread; into a store ClickHouse writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from clickhouse_connect.driver.client import Client

from services.common.clickhouse import connect_blocking
from services.export.files.packing import packed_file
from services.export.files.parquet import write_parquet
from services.export.files.row_count import CsvCount, LineCount
from services.export.files.row_stream import GoOn, RowStream, open_rows
from services.export.files.sheets import write_sheets
from services.export.files.text import write_csv, write_ndjson
from services.export.jobs.folder import JobFolder
from services.export.jobs.job import Job
from services.export.jobs.planning import Part, header
from services.export.jobs.store import ObjectStore
from services.export.jobs.wish import Format, Wish

QUERY_SECONDS = 3_600.0
NICE = 19  # what waits for nobody steps back

_SETTINGS = {
    # Spill to the server's disk instead of growing: an export has time.
    "max_bytes_before_external_group_by": 1 << 30,
    "max_bytes_before_external_sort": 1 << 30,
    # Both sides of the search see one state of `contacts`; else a visitor who is identified between them is on neither.
    # ClickHouse has it since 25.6, and newer versions by default.
    "enable_shared_storage_snapshot_in_query": 1,
    "output_format_json_quote_64bit_integers": 0,
    # Whoever waits for a page goes first. The server heeds the second one only where it may.
    "max_threads": 1,
    "os_thread_priority": NICE,
}


class JobWriter:
    def __init__(self, folder: JobFolder, clickhouse_url: str, store: ObjectStore) -> None:
        self._folder, self._url, self._store = folder, clickhouse_url, store
        self.settings = dict(_SETTINGS)

    def write(self, job: Job, parts: Sequence[Part], go_on: GoOn) -> None:
        """In a thread. `go_on` is told after every chunk, and raises what ends it."""
        client = connect_blocking(self._url, timeout_seconds=QUERY_SECONDS)
        try:
            if job.object:
                [part] = parts
                self._store.write(client, job, part.statement, self.settings, self._counted(job, go_on))
            else:
                self._write_file(client, job, parts, go_on)
        finally:
            client.close()

    def _write_file(self, client: Client, job: Job, parts: Sequence[Part], go_on: GoOn) -> None:
        """With flat memory: what has been written is forgotten. The name appears only after the fsync."""
        if job.wish.format is Format.XLSX:
            [part] = parts
            with self._rows(client, job, part, go_on) as rows:
                write_sheets(rows, header(job.wish, part.columns), part.columns, job.total, self._folder.part(job))
        else:
            with packed_file(self._folder.part(job), job.wish.packing) as entry:
                for part in parts:
                    name = f"{part.name}.{job.wish.format}"
                    with self._rows(client, job, part, go_on) as rows, entry(name) as file:
                        self._write_part(job.wish, part, rows, file)
        job.bytes = self._folder.part(job).stat().st_size
        self._folder.publish(job)

    def _write_part(self, wish: Wish, part: Part, rows: RowStream, file: IO[bytes]) -> None:
        match wish.format:
            case Format.PARQUET:
                write_parquet(rows, header(wish, part.columns), part.columns, file)
            case Format.NDJSON:
                write_ndjson(rows, file)
            case _:
                write_csv(rows, header(wish, part.columns), file)

    @contextmanager
    def _rows(self, client: Client, job: Job, part: Part, go_on: GoOn) -> Iterator[RowStream]:
        """The rows of one part."""
        statement, counted = part.statement, self._counted(job, go_on)
        is_json = job.wish.format is Format.NDJSON
        count, kind = (LineCount(), "JSONEachRow") if is_json else (CsvCount(), "CSV")
        with open_rows(client, statement.rows, statement.parameters, kind, self.settings, count, counted) as rows:
            try:
                yield rows
            except ValueError:
                rows.check()  # an error of ClickHouse is no cell of its type
                raise

    def _counted(self, job: Job, go_on: GoOn) -> GoOn:
        """The job counts rows beside those of the parts before."""
        before = job.rows

        def counted(rows: int) -> None:
            job.rows = before + rows
            go_on(job.rows)

        return counted
