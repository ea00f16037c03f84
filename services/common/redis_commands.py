"""The two kinds of calls that stores make: reads of many keys, and scripts. One by one, or those of concurrent tasks in
one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from services.common.redis_client import RedisClient, ScriptCall, mget, run_script

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Commands:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def mget(self, names: Sequence[str]) -> list[bytes | None]:
        """As `redis_client.mget`."""
        return await mget(self._redis, names)

    async def run_script(self, script: Any, calls: Sequence[ScriptCall]) -> list[Any]:
        """As `redis_client.run_script`."""
        return await run_script(self._redis, script, calls)


class GroupedCommands(Commands):
    """What tasks ask for while the event loop goes round once travels together: for services whose requests, or the
    items of whose batches, run beside each other. Who asks alone waits no longer."""

    def __init__(self, redis: RedisClient) -> None:
        super().__init__(redis)
        self._reads: Group[str, bytes | None] = Group(super().mget)
        self._scripts: dict[str, Group[ScriptCall, Any]] = {}

    async def mget(self, names: Sequence[str]) -> list[bytes | None]:
        return await self._reads.ask(names)

    async def run_script(self, script: Any, calls: Sequence[ScriptCall]) -> list[Any]:
        run = super().run_script
        group = self._scripts.get(script.sha)
        if group is None:
            group = self._scripts[script.sha] = Group(lambda asked: run(script, asked))
        return await group.ask(calls)


class _Waiting(NamedTuple):
    start: int
    length: int
    done: asyncio.Future[list[Any]]


class Group(Generic[Asked, Answer]):
    """Collects what is asked until the event loop comes round, then has all of it answered at once."""

    def __init__(self, work: Callable[[list[Asked]], Awaitable[list[Answer]]]) -> None:
        self._work = work
        self._asked: list[Asked] = []
        self._waiting: list[_Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop alone would let them be collected

    async def ask(self, asked: Sequence[Asked]) -> list[Answer]:
        if not asked:
            return []
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._start)
        waiting = _Waiting(len(self._asked), len(asked), loop.create_future())
        self._asked += asked
        self._waiting.append(waiting)
        return await waiting.done

    def _start(self) -> None:
        asked, waiting = self._asked, self._waiting
        self._asked, self._waiting = [], []
        task = asyncio.create_task(self._answer(asked, waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, asked: list[Asked], waiting: list[_Waiting]) -> None:
        try:
            answers = await self._work(asked)
        except Exception as error:  # whoever waits is told, whatever it was
            for one in waiting:
                if not one.done.done():
                    one.done.set_exception(error)
            return
        for one in waiting:
            if not one.done.done():
                one.done.set_result(answers[one.start : one.start + one.length])
