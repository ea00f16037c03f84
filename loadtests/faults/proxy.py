"""A TCP proxy that a network's troubles can be asked of: slow, narrow, cut, half-open, or in the way of one insert.

It runs in a thread of its own. What is set holds from the next bytes on.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Coroutine
from enum import Enum
from typing import Any

import uvloop

CHUNK_BYTES = 65_536
BUFFER_BYTES = 16_384  # of the socket that is read slowly: what waits shall wait where it is counted
PACE_SECONDS = 0.005
ANSWERED_SECONDS = 0.2
ENDING_SECONDS = 0.1
_INSERT = re.compile(rb"INSERT.{1,9}INTO.{1,9}events", re.IGNORECASE)
_REFUSAL = (
    b"Code: 252. DB::Exception: Too many parts (300). Merges are processing slower than inserts. (TOO_MANY_PARTS)"
)
_REFUSED = (
    b"HTTP/1.1 500 Internal Server Error\r\nX-ClickHouse-Exception-Code: 252\r\n"
    b"Content-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_REFUSAL), _REFUSAL)
)


class Spoiling(Enum):
    """What becomes of one insert of events."""

    REFUSED = "answered with 500, and never seen by the server"
    UNANSWERED = "done, and its answer broken off"


class Proxy:
    """From `port` to `target` on this machine. `delay_seconds` is added each way to whatever is said,
    `bytes_a_second` is what gets through to the target on all connections together; 0 is no bound."""

    def __init__(self, target: int, port: int) -> None:
        self.target, self.port = target, port
        self.delay_seconds = 0.0
        self.bytes_a_second = 0.0
        self.bytes = 0  # that have gone to the target
        self.spoilt = 0  # inserts
        self._spoiling: Spoiling | None = None
        self._is_cut = False
        self._is_dumb = False
        self._links: set[_Link] = set()
        self._free_from = 0.0  # when the next bytes may pass, where the way is narrow
        self._loop = uvloop.new_event_loop()
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._is_open.wait(10)

    def cut(self) -> None:
        """All connections break, and new ones do at once."""
        self._is_cut = True
        self._each(_Link.abort)

    def go_dumb(self) -> None:
        """Half-open: connections stay, new ones come about, and nothing is said on any of them."""
        self._is_dumb = True
        self._each(_Link.go_dumb)

    def mend(self) -> None:
        """New connections work. Those that went dumb stay so, as behind a router that has forgotten them."""
        self._is_cut = self._is_dumb = False
        self.delay_seconds = self.bytes_a_second = 0.0

    def spoil_one_insert(self, spoiling: Spoiling) -> None:
        self._spoiling = spoiling

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(5)

    def _end(self) -> None:
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(ENDING_SECONDS, self._loop.stop)

    def _each(self, act: Any) -> None:
        def on_all() -> None:
            for link in list(self._links):
                act(link)

        self._loop.call_soon_threadsafe(on_all)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        listener.bind(("127.0.0.1", self.port))
        start = asyncio.start_server(self._serve, sock=listener, limit=CHUNK_BYTES, backlog=512)
        self._server = self._loop.run_until_complete(start)
        self._is_open.set()
        self._loop.run_forever()
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        link = _Link(self, reader, writer)
        self._links.add(link)
        if self._is_dumb:
            link.go_dumb()
        try:
            await link.run()
        finally:
            self._links.discard(link)
            link.abort()

    async def let_pass(self, count: int) -> None:
        """Waits until so many bytes may go on to the target."""
        if self.bytes_a_second:
            now = time.monotonic()
            self._free_from = max(now - PACE_SECONDS, self._free_from) + count / self.bytes_a_second
            await asyncio.sleep(self._free_from - now)
        self.bytes += count

    def take_spoiling(self, said: bytes) -> Spoiling | None:
        """What is to become of this, once."""
        if self._spoiling is None or not said.startswith(b"POST ") or not _INSERT.search(said[:2_000]):
            return None
        spoiling, self._spoiling = self._spoiling, None
        self.spoilt += 1
        return spoiling


class _Link:
    """One connection and the one behind it."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy, self._reader, self._writer = proxy, reader, writer
        self._behind: asyncio.StreamWriter | None = None
        self._is_dumb = False
        self._is_unanswered = False

    def abort(self) -> None:
        self._writer.transport.abort()
        if self._behind:
            self._behind.transport.abort()

    def go_dumb(self) -> None:
        self._is_dumb = True

    async def run(self) -> None:
        """Until either side has ended."""
        try:
            answers, self._behind = await asyncio.open_connection("127.0.0.1", self._proxy.target, limit=CHUNK_BYTES)
        except OSError:
            return
        ways: list[Coroutine[Any, Any, None]] = [self._there(self._behind), self._back(answers)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _there(self, behind: asyncio.StreamWriter) -> None:
        chunk = BUFFER_BYTES
        while said := await self._reader.read(chunk):
            await self._wait()
            spoiling = self._proxy.take_spoiling(said)
            if spoiling is Spoiling.REFUSED:
                await self._refuse()
                return
            self._is_unanswered |= spoiling is Spoiling.UNANSWERED
            await self._proxy.let_pass(len(said))
            if not self._is_dumb:
                behind.write(said)
                await behind.drain()

    async def _back(self, answers: asyncio.StreamReader) -> None:
        while said := await answers.read(CHUNK_BYTES):
            if self._is_unanswered:
                return
            await self._wait()
            if not self._is_dumb:
                self._writer.write(said)
                await self._writer.drain()
        while self._is_dumb:  # who is cut off does not learn that the other one has gone
            await asyncio.sleep(0.1)

    async def _wait(self) -> None:
        if self._proxy.delay_seconds:
            await asyncio.sleep(self._proxy.delay_seconds)

    async def _refuse(self) -> None:
        """The rest of the request is heard, or the answer would be lost with it."""
        self._writer.write(_REFUSED)
        try:
            async with asyncio.timeout(ANSWERED_SECONDS):
                while await self._reader.read(CHUNK_BYTES):
                    pass
        except TimeoutError:
            pass
