"""The HTTP side: reads a request, has its statement run, and answers as ClickHouse does."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Message, Receive, Scope, Send

from deploy.embedded.clickhouse.compression import decompress
from deploy.embedded.clickhouse.credentials import Credentials
from deploy.embedded.clickhouse.engine import Engine, Summary
from deploy.embedded.clickhouse.errors import ClickHouseError
from deploy.embedded.clickhouse.limits import Limits, Slots, body_too_large
from deploy.embedded.clickhouse.statement import Statement, read_statement

_CONTENT_TYPES = {
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "JSON": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
}
_OK = b"Ok.\n"

# How long a client may take to read an error in the midst of an answer before the connection is broken off: aiohttp
# throws away what it has not handed on by then, and the reason with it.
_LATE_ERROR_SECONDS = 0.5


class DisconnectedError(Exception):
    """The client went away before its request was whole."""


class BrokenAnswerError(Exception):
    """Leaves an answer without its end, so that no client takes it for whole."""


class App:
    """The ASGI application."""

    def __init__(self, engine: Engine, credentials: Credentials, limits: Limits) -> None:
        self._engine = engine
        self._credentials = credentials
        self._limits = limits
        self._slots = Slots(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(scope, receive, send)
        if exchange.is_ping:
            return await exchange.answer(200, _OK)
        try:
            await self._serve(exchange)
        except ClickHouseError as error:
            await exchange.refuse(error, self._engine.version)
        except DisconnectedError:
            pass

    async def _serve(self, exchange: _Exchange) -> None:
        self._credentials.check(exchange.query, exchange.headers)
        async with self._slots.turn():
            body = await exchange.body(self._limits.max_body_bytes)
            statement = read_statement(exchange.query, exchange.headers, body, is_read_only=exchange.is_get)
            exchange.describe(statement, self._engine)
            if statement.is_read:
                await exchange.while_connected(self._read(exchange, statement))
            else:
                # Runs to its end even when the client leaves: half an insert helps nobody.
                await exchange.answer_whole(*await asyncio.shield(self._engine.execute(statement)))

    async def _read(self, exchange: _Exchange, statement: Statement) -> None:
        if statement.is_streamed:
            await exchange.answer_stream(self._engine.stream(statement))
        else:
            await exchange.answer_whole(*await self._engine.execute(statement))


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.query: dict[str, str] = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        self.headers: Mapping[str, str] = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.is_get = scope["method"] in ("GET", "HEAD")
        self.is_ping = scope["path"] == "/ping" or (self.is_get and "query" not in self.query)
        self._receive = receive
        self._send = send
        self._answer_headers = {"x-clickhouse-query-id": self.query.get("query_id") or str(uuid.uuid4())}
        self._exception_tag = uuid.uuid4().hex[:16]

    async def body(self, max_bytes: int) -> bytes:
        """The body, decompressed. Raises `ClickHouseError` above `max_bytes`, and before it is read if it says so."""
        if int(self.headers.get("content-length") or 0) > max_bytes:
            raise body_too_large(max_bytes)
        parts = []
        size = 0
        async for part in self._parts():
            size += len(part)
            if size > max_bytes:
                raise body_too_large(max_bytes)
            parts.append(part)
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        return decompress(body, self.headers.get("content-encoding", ""), max_bytes)

    async def _parts(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise DisconnectedError
            yield message.get("body", b"")
            if not message.get("more_body"):
                return

    def describe(self, statement: Statement, engine: Engine) -> None:
        """Sets the headers that say what the answer is."""
        self._answer_headers |= {
            "x-clickhouse-format": statement.format,
            "x-clickhouse-timezone": engine.timezone,
            "content-type": _CONTENT_TYPES.get(statement.format, "application/octet-stream"),
        }

    async def while_connected(self, work: Coroutine[Any, Any, None]) -> None:
        """Does `work`, and gives it up as soon as the client has gone."""
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise DisconnectedError
            await task
        finally:
            gone.cancel()
            await _ended(task)

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer_whole(self, body: bytes, summary: Summary) -> None:
        self._answer_headers["x-clickhouse-summary"] = _summary(summary)
        await self.answer(200, body)

    async def answer_stream(self, blocks: AsyncGenerator[tuple[bytes, Summary], None]) -> None:
        """Answers block by block: one block in memory, and the next is asked for when this one is on its way."""
        async with aclosing(blocks):
            first, summary = await anext(blocks)
            self._answer_headers["x-clickhouse-summary"] = _summary(summary)
            self._answer_headers["x-clickhouse-exception-tag"] = self._exception_tag
            await self._start(200)
            await self._send_part(first)
            try:
                async for block, _ in blocks:
                    await self._send_part(block)
            except ClickHouseError as error:
                await self._send_part(self._late(error))
                await asyncio.sleep(_LATE_ERROR_SECONDS)
                raise BrokenAnswerError from error
            await self._send_part(b"", is_last=True)

    async def refuse(self, error: ClickHouseError, version: str) -> None:
        self._answer_headers["x-clickhouse-exception-code"] = str(error.code)
        self._answer_headers["content-type"] = "text/plain; charset=UTF-8"
        if error.status == 401:
            self._answer_headers["www-authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        await self.answer(error.status, f"{error} (version {version})\n".encode())

    async def answer(self, status: int, body: bytes) -> None:
        self._answer_headers["content-length"] = str(len(body))
        await self._start(status)
        await self._send_part(body, is_last=True)

    async def _start(self, status: int) -> None:
        headers = [(name.encode(), value.encode()) for name, value in self._answer_headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send_part(self, part: bytes, *, is_last: bool = False) -> None:
        message: Message = {"type": "http.response.body", "body": part, "more_body": not is_last}
        await self._send(message)

    def _late(self, error: ClickHouseError) -> bytes:
        """The mark by which clients know an error in the midst of an answer that began as 200, as ClickHouse's."""
        text = f"{error}\n"
        tag = self._exception_tag
        return f"\r\n__exception__\r\n{tag}\r\n{text}{len(text.encode())} {tag}\r\n__exception__\r\n".encode()


def _summary(summary: Summary) -> str:
    rows, size = str(summary.rows), str(summary.bytes)
    nanoseconds = str(int(summary.elapsed_seconds * 1e9))
    counts = {"read_rows": rows, "read_bytes": size, "written_rows": rows, "written_bytes": size}
    return json.dumps({**counts, "result_rows": rows, "result_bytes": size, "elapsed_ns": nanoseconds})


async def _ended(task: asyncio.Future[None]) -> None:
    """Returns when `task` is over, and does not ask how."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
