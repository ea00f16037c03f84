"""Many small writes to Redis: some connections a master, hundreds of packed commands at once, answers read in bulk.

redis-py connects (login, TLS, all that a URL can say), hiredis packs the commands and reads the answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import hiredis
from redis.crc import key_slot
from redis.exceptions import ConnectionError, ResponseError

from services.common.redis_client import RedisClient, is_cluster

READ_BYTES = 1 << 18
# Redis takes 16 KB from each connection before it syncs its log: with `appendfsync always` eight share an fsync.
CONNECTIONS = 8
LEAST = 16  # commands of one connection
_REDIRECTED = ("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN")


class Command(NamedTuple):
    """A command and the one key that it touches."""

    key: str
    words: tuple[Any, ...]


class Pipes:
    """A few connections to each master. Answers come in order, so what was written first must be read first."""

    def __init__(self, redis: RedisClient, timeout_seconds: float) -> None:
        self._redis, self._timeout_seconds = redis, timeout_seconds
        self._is_cluster = is_cluster(redis)
        self._pipes: dict[str, list[_Pipe]] = {}

    async def open(self) -> None:
        """Raises `RedisError`."""
        if not self._is_cluster:
            makers = {"": self._redis.connection_pool.make_connection}
        else:
            await self._redis.initialize()
            makers = {
                one.name: partial(one.connection_class, **one.connection_kwargs) for one in self._redis.get_primaries()
            }
        for name, make in makers.items():
            self._pipes[name] = [_Pipe(make()) for _ in range(CONNECTIONS)]
        await asyncio.gather(*(pipe.open() for pipes in self._pipes.values() for pipe in pipes))

    async def close(self) -> None:
        for pipe in [pipe for pipes in self._pipes.values() for pipe in pipes]:
            await pipe.close()

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to the commands, which are carried out in any order. Raises `RedisError` for the first refusal,
        and `TimeoutError`."""
        return await self.answers(self.write(commands))

    def write(self, commands: Sequence[Command]) -> Sent:
        """Puts them on their way, and does not wait."""
        shares = []
        for node, places in self._by_node(commands).items():
            size = max(-(-len(places) // CONNECTIONS), LEAST)
            for pipe, start in zip(self._pipes[node], range(0, len(places), size), strict=False):
                share = places[start : start + size]
                pipe.write([commands[place] for place in share])
                shares.append((pipe, share))
        return Sent(commands, shares)

    async def answers(self, sent: Sent) -> list[Any]:
        """As `send` gives them."""
        answers: list[Any] = [None] * len(sent.commands)
        async with asyncio.timeout(self._timeout_seconds):
            for pipe, share in sent.shares:
                for place, answer in zip(share, await pipe.read(len(share)), strict=True):
                    answers[place] = answer
        for place, answer in enumerate(answers):
            if isinstance(answer, hiredis.ReplyError):
                answers[place] = await self._again(sent.commands[place], answer)
        return answers

    def _by_node(self, commands: Sequence[Command]) -> dict[str, Sequence[int]]:
        """The places of the commands of each server."""
        if not self._is_cluster:
            return {"": range(len(commands))}
        places: dict[str, list[int]] = {}
        for place, command in enumerate(commands):
            node = self._redis.nodes_manager.get_node_from_slot(_slot(_tag(command.key)))
            places.setdefault(node.name, []).append(place)
        return dict(places)

    async def _again(self, command: Command, refusal: hiredis.ReplyError) -> Any:
        """A slot that moves to another master is the client's to follow; what else is refused stays so."""
        if self._is_cluster and str(refusal).startswith(_REDIRECTED):
            return await self._redis.execute_command(*command.words)
        raise ResponseError(str(refusal))


class Sent(NamedTuple):
    """Commands that are on their way, and the places of those that each connection has."""

    commands: Sequence[Command]
    shares: list[tuple[_Pipe, Sequence[int]]]


class _Pipe:
    """One connection, from redis-py's login on."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._answers = hiredis.Reader()

    async def open(self) -> None:
        await self._connection.connect()

    def write(self, commands: Sequence[Command]) -> None:
        self._connection._writer.write(b"".join([hiredis.pack_command(command.words) for command in commands]))

    async def read(self, count: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < count:
            data = await self._connection._reader.read(READ_BYTES)
            if not data:
                raise ConnectionError("Redis closed the connection")
            self._answers.feed(data)
            while (answer := self._answers.gets()) is not False:
                found.append(answer)
        return found

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)


def _tag(key: str) -> str:
    start = key.find("{")
    return key[start + 1 : key.index("}", start)] if start >= 0 else key


@lru_cache(4_096)
def _slot(tag: str) -> int:
    return key_slot(tag.encode())
