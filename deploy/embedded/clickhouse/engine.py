"""chDB for many callers at once: each statement runs in a thread, on a connection that no other uses meanwhile."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
import uuid
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from xml.sax.saxutils import escape

from deploy.embedded.clickhouse import extension
from deploy.embedded.clickhouse.connections import Connection, Connections
from deploy.embedded.clickhouse.errors import from_engine
from deploy.embedded.clickhouse.statement import Statement

T = TypeVar("T")

_chdb = extension.load()

# Threads for calls that must not wait behind long statements: to stop one, and to open the data.
_SPARE_THREADS = 2

_SMALL_BYTES = 1 << 16  # of rows that come in, or of a block that goes out

# Rows are parsed by one thread: with two cores parallel parsing costs CPU and memory and saves no time that counts.
_SESSION_SETTINGS = {"input_format_parallel_parsing": "0", "log_queries": "0"}


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a statement has done so far."""

    rows: int = 0
    bytes: int = 0
    elapsed_seconds: float = 0.0


class Query:
    """One statement. `run` or `open` come first, `fetch` gives the next block of an opened one; calls may come from any
    thread, one after the other. `close` stops what still runs, but must not meet a `fetch` in progress: the engine then
    waits for itself, with the GIL held.

    A statement that can set or make nothing for its connection hands it on; that of any other ends with it.
    """

    def __init__(self, connections: Connections, statement: Statement) -> None:
        self.tag = uuid.uuid4().hex
        self.summary = Summary()
        self.has_more = False
        self._connections = connections
        self._statement = statement
        self._settings = {**_SESSION_SETTINGS, **statement.settings}
        if statement.is_read_only:
            self._settings["readonly"] = "2"  # as ClickHouse does for GET
        self._connection: Connection | None = None
        self._is_clean = False
        self._result: Any = None
        self._ahead: Any = None

    def run(self) -> bytes:
        """The whole answer."""
        statement, connection = self._statement, self._connect()
        if not statement.insert_format:
            return self._whole(connection, statement.sql)
        if _is_small_text(statement):
            return self._whole(connection, statement.sql + statement.insert_format + b"\n" + statement.rows)
        with _file_of(statement.rows) as path:
            source = f"FROM INFILE '{path}' COMPRESSION 'none' ".encode()
            return self._whole(connection, statement.sql + source + statement.insert_format)

    def open(self) -> bytes:
        """The first block of the answer; empty when there is none. `has_more` tells whether there may be another."""
        statement = self._statement
        self._result = self._connect().send_query(
            self._tagged(statement.sql), statement.format, params=dict(statement.parameters)
        )
        self.has_more = True
        first = self.fetch()
        if self.has_more and len(first) <= _SMALL_BYTES:
            self._ahead = self._next()  # mostly the end, which is then known without another turn
            self.has_more = self._ahead is not None
        return first

    def fetch(self) -> bytes:
        """The next block, or nothing at the end. The last may hold bytes but no rows: totals, say."""
        block, self._ahead = self._ahead, None
        if block is None:
            block = self._next()
        return bytes(block.bytes()) if block is not None else b""

    def close(self) -> None:
        if self._connection is None:
            return
        if self._is_clean and self._statement.leaves_nothing:
            self._connections.give_back(self._connection, self._statement.database, self._settings)
        else:
            self._connection.close()
        self._connection = None

    def _connect(self) -> Connection:
        self._connection = self._connections.take(self._statement.database, self._settings)
        return self._connection

    def _whole(self, connection: Connection, sql: bytes) -> bytes:
        result = connection.query(self._tagged(sql), self._statement.format, params=dict(self._statement.parameters))
        self._count(result)
        self._is_clean = True
        return bytes(result.bytes())

    def _next(self) -> Any:
        """The next block, None when there is none."""
        if self._result is None or self._connection is None:
            return None
        block = self._connection.fetch(self._result)
        self._count(block)
        if block.rows_read():
            return block
        self._result, self.has_more, self._is_clean = None, False, True
        return block if block.bytes() else None

    def _tagged(self, sql: bytes) -> bytes:
        """The engine's own query id is not known to the caller, so a comment carries one to stop the query by."""
        return f"/* {self.tag} */ ".encode() + sql

    def _count(self, result: Any) -> None:
        self.summary = Summary(
            rows=max(result.rows_read(), result.storage_rows_read(), self.summary.rows),
            bytes=max(result.bytes_read(), result.storage_bytes_read(), self.summary.bytes),
            elapsed_seconds=result.elapsed() or self.summary.elapsed_seconds,
        )


class Engine:
    """chDB on one directory. `open` before use, `close` after: a handle left open at exit can end in a crash."""

    def __init__(self, directory: Path, *, max_running: int, max_memory_bytes: int) -> None:
        self._url = f"{directory}/store?log-level=none&config-file={_write_config(directory, max_memory_bytes)}"
        self._connections = Connections(self._url, max_running)
        self._threads = ThreadPoolExecutor(max_running, thread_name_prefix="query")
        self._spare_threads = ThreadPoolExecutor(_SPARE_THREADS, thread_name_prefix="spare")
        self._running: set[Query] = set()
        self._lock = threading.Lock()
        self._keeper: Any = None
        self.version = ""
        self.timezone = ""

    def open(self) -> None:
        _chdb.set_signal_handlers_enabled(0)  # SIGTERM is the server's, which closes the engine in order
        self._keeper = _chdb.connect(self._url)  # the engine lives while a connection is open
        answer = self._keeper.query("SELECT version(), timezone()", "TabSeparated").bytes().decode()
        self.version, self.timezone = answer.strip().split("\t")

    async def close(self) -> None:
        await asyncio.gather(*(self._stop(query) for query in tuple(self._running)))
        self._threads.shutdown()
        self._spare_threads.shutdown()
        self._connections.close()
        self._keeper.close()

    async def execute(self, statement: Statement) -> tuple[bytes, Summary]:
        """The whole answer. Raises `ClickHouseError`."""
        async with self._query(statement) as query:
            return await self._call(query, query.run), query.summary

    async def stream(self, statement: Statement) -> AsyncGenerator[tuple[bytes, Summary], None]:
        """The answer in blocks as they come, at least one. Raises `ClickHouseError`, also half-way."""
        async with self._query(statement) as query:
            yield await self._call(query, query.open), query.summary
            while query.has_more and (block := await self._call(query, query.fetch)):
                yield block, query.summary

    def _query(self, statement: Statement) -> _Running:
        return _Running(Query(self._connections, statement), self._running)

    async def _call(self, query: Query, step: Callable[[], T]) -> T:
        """Runs `step` in a thread. When the caller is cancelled the query is stopped, and its thread waited for."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, step)
        future.add_done_callback(_look_at)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                await self._stop(query)
                await asyncio.wait([future], timeout=0.2)  # it may not have reached the engine the first time
            raise
        except RuntimeError as error:
            raise from_engine(error) from error

    async def _stop(self, query: Query) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._spare_threads, self._kill, query.tag)

    def _kill(self, tag: str) -> None:
        with self._lock:
            self._keeper.query(f"KILL QUERY WHERE query LIKE '/* {tag} */%' ASYNC", "Null")


class _Running:
    """A query among the running ones, closed at the end whatever happened."""

    def __init__(self, query: Query, running: set[Query]) -> None:
        self._query = query
        self._running = running

    async def __aenter__(self) -> Query:
        self._running.add(self._query)
        return self._query

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._running.discard(self._query)
        self._query.close()


def _look_at(future: asyncio.Future[Any]) -> None:
    """Nobody waits for a query whose caller was cancelled twice; its error must not be reported as forgotten."""
    if not future.cancelled():
        future.exception()


def _is_small_text(statement: Statement) -> bool:
    """Whether the rows may stand in the query's text, which spares small inserts 1 of 8 ms."""
    return len(statement.rows) <= _SMALL_BYTES and statement.insert_format.split()[-1].startswith(b"JSON")


class _file_of:
    """A file in memory with these bytes, as a path that the engine can read.

    Measured with batches of 50,000 rows: 20-25 % less CPU than the same rows within the query's text, which the
    engine copies, and of which it keeps one more copy.
    """

    def __init__(self, rows: bytes) -> None:
        self._descriptor = os.memfd_create("rows", os.MFD_CLOEXEC)
        rest = memoryview(rows)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def __enter__(self) -> str:
        return f"/proc/self/fd/{self._descriptor}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def _write_config(directory: Path, max_memory_bytes: int) -> Path:
    """Bounds for a small machine. Rows that are acknowledged are on the disk: the fsyncs cost next to nothing."""
    values = {
        "max_server_memory_usage": max_memory_bytes,
        "mark_cache_size": 256 << 20,
        "primary_index_cache_size": 128 << 20,
        "index_mark_cache_size": 64 << 20,
        "text_index_tokens_cache_size": 32 << 20,
        "text_index_header_cache_size": 32 << 20,
        "text_index_postings_cache_size": 64 << 20,
        "background_pool_size": 2,
        "background_schedule_pool_size": 2,
        "max_thread_pool_size": 500,
    }
    lines = "".join(f"<{name}>{escape(str(value))}</{name}>\n" for name, value in values.items())
    merge_tree = "<merge_tree><fsync_after_insert>1</fsync_after_insert><fsync_part_directory>1</fsync_part_directory>"
    path = directory / "engine.xml"
    path.write_text(f"<clickhouse>\n{lines}{merge_tree}</merge_tree>\n</clickhouse>\n")
    return path
