"""An open-loop HTTP/1.1 load generator: requests at the times they are due, latency from those times.

A server that stalls is charged for every request that fell due meanwhile, not only for those on its connections.
Plain uvloop protocols, one request at a time on a connection, 10-15 microseconds a request.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

TICK_SECONDS = 0.001
RECONNECT_SECONDS = 0.05
REQUEST_SECONDS = 10.0
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

Token = TypeVar("Token")
OnAnswer = Callable[[Token, float, float, int, bytes], None]
"""(token, due and sent as of `time.perf_counter`, status or 0 when the connection broke, the answer's bytes)"""


class OpenLoop(Generic[Token]):
    """A set of kept connections to one server. What finds none free waits its turn, and its clock runs."""

    def __init__(self, host: str, port: int, connections: int, on_answer: OnAnswer[Token]) -> None:
        self._address = (host, port)
        self._size = connections
        self.on_answer = on_answer
        self.waiting: deque[tuple[bytes, Token, float]] = deque()
        self.free: list[_Connection[Token]] = []
        self.all: set[_Connection[Token]] = set()
        self.in_flight = 0
        self.is_closing = False
        self.is_enough = False  # nothing new is sent any more
        self._background: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        await asyncio.gather(*(self._connect() for _ in range(self._size)))
        self._spawn(self._watch())

    def submit(self, request: bytes, token: Token, due: float) -> None:
        """Sends on a free connection at once, or as soon as one is."""
        if self.free:
            self.free.pop().send(request, token, due)
        else:
            self.waiting.append((request, token, due))

    async def run(self, rate: float, seconds: float, next_one: Callable[[float], tuple[bytes, Token] | None]) -> int:
        """Submits what `next_one(due)` gives, `rate` a second; returns how many. None skips one."""
        started = time.perf_counter()
        total, sent = int(rate * seconds), 0
        while sent < total and not self.is_enough:
            now = time.perf_counter() - started
            while sent < total and sent / rate <= now:
                due = started + sent / rate
                sent += 1
                one = next_one(due)
                if one is not None:
                    self.submit(*one, due)
            await asyncio.sleep(TICK_SECONDS)
        return sent

    async def drain(self, seconds: float) -> bool:
        """Waits until everything is answered; False when that takes too long."""
        deadline = time.perf_counter() + seconds
        while self.waiting or self.in_flight:
            if time.perf_counter() > deadline:
                return False
            await asyncio.sleep(0.005)
        return True

    def close(self) -> None:
        self.is_closing = True
        for task in self._background:
            task.cancel()
        for connection in list(self.all):
            connection.transport.abort()

    def lost(self) -> None:
        if not self.is_closing:
            self._spawn(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.is_closing:
            try:
                await loop.create_connection(lambda: _Connection(self), *self._address)
                return
            except OSError:
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1)
            for connection in list(self.all):
                if connection.is_busy and time.perf_counter() - connection.sent > REQUEST_SECONDS:
                    connection.transport.abort()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class _Connection(asyncio.Protocol, Generic[Token]):
    def __init__(self, pool: OpenLoop[Token]) -> None:
        self._pool = pool
        self.is_busy = False
        self.sent = self._due = 0.0
        self._token: Any = None
        self._answer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._pool.all.add(self)
        self._next()

    def send(self, request: bytes, token: Token, due: float) -> None:
        self._token, self._due, self._answer, self.is_busy = token, due, b"", True
        self.sent = time.perf_counter()
        self._pool.in_flight += 1
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        answer = self._answer = self._answer + data if self._answer else data
        head = answer.find(b"\r\n\r\n")
        if head < 0 or not self.is_busy:
            return
        length = _LENGTH.search(answer, 0, head)
        if len(answer) < head + 4 + (int(length[1]) if length else 0):
            return
        self._finish(int(answer[9:12]))
        self._next()

    def connection_lost(self, _: Exception | None) -> None:
        self._pool.all.discard(self)
        if self in self._pool.free:
            self._pool.free.remove(self)
        if self.is_busy:
            self._finish(0)
        self._pool.lost()

    def _finish(self, status: int) -> None:
        self.is_busy = False
        self._pool.in_flight -= 1
        self._pool.on_answer(self._token, self._due, self.sent, status, self._answer)

    def _next(self) -> None:
        if self.transport.is_closing():
            return
        if self._pool.waiting:
            self.send(*self._pool.waiting.popleft())
        else:
            self._pool.free.append(self)
