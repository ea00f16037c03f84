"""The Redis connection: one server or a cluster by the same settings, with bounded waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hiredis
import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    NoScriptError,
    RedisClusterException,
    RedisError,
    SlotNotCoveredError,
    TimeoutError,
)
from redis.maint_notifications import MaintNotificationsConfig

# redis-py's own generics differ between server and cluster; what is used here is common to both.
RedisClient = Any
ScriptCall = tuple[Sequence[str], Sequence[Any]]  # keys, arguments

__all__ = [
    "RedisClient",
    "RedisError",
    "ScriptCall",
    "connect",
    "is_cluster",
    "load_script",
    "mget",
    "ping",
    "read_script",
    "run_script",
]

# Scripts that do the same for each of their calls: a single server is asked for many at once.
_TAKE_MANY = frozenset({"write_documents", "claim_values", "settle_changes"})
_TOGETHER, _TOGETHER_BYTES = 100, 1 << 20  # 100 usual profiles are 70 KB

# What a client hears that no longer knows which server has which keys.
_ASTRAY = (ConnectionError, TimeoutError, ClusterDownError, SlotNotCoveredError, MovedError, AskError)


def connect(url: str, *, timeout_seconds: float = 5.0, max_connections: int = 64) -> RedisClient:
    """A client for `redis://`, `rediss://` or `redis+cluster://`. It connects on first use.

    No command is retried inside the client: a repeated append would be a second hit, so callers decide.
    """
    if url.startswith("redis+cluster://"):
        return _Cluster.from_url(
            "redis://" + url.removeprefix("redis+cluster://"),
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
    # Who finds all connections in use waits for one, rather than being told that Redis is away.
    pool = aioredis.BlockingConnectionPool.from_url(
        url,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        max_connections=max_connections,
        connection_class=_SslConnection if url.startswith("rediss://") else _Connection,
        retry=Retry(NoBackoff(), 0),
        # With these, redis-py 8 hands out pooled connections that the server has closed: after a restart of Redis each
        # of them failed one command.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    return aioredis.Redis.from_pool(pool)


class _Packing:
    """Packs commands by hiredis: 1,000 keys in 0.1 ms, where redis-py takes 2."""

    def pack_command(self, *words: Any) -> list[bytes]:
        name, *arguments = words
        parts = name.split() if isinstance(name, str) else [name]  # some names are two words
        return [hiredis.pack_command((*parts, *arguments))]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        return [b"".join([packed for command in commands for packed in self.pack_command(*command)])]


class _Connection(_Packing, aioredis.Connection):
    pass


class _SslConnection(_Packing, aioredis.SSLConnection):
    pass


class _Cluster(aioredis.RedisCluster):
    """As the client of a single server: its errors are of `RedisError`'s family (its own exception is of another, and
    would pass whoever waits for Redis to come back), and after one the next caller finds the cluster as it is then."""

    async def initialize(self, *args: Any, **kwargs: Any) -> Any:
        with _as_redis_error():
            return await super().initialize(*args, **kwargs)

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        with _as_redis_error():
            return await super().execute_command(*args, **kwargs)

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        pipeline: Any = super().pipeline(*args, **kwargs)
        execute = pipeline.execute

        async def guarded(**options: Any) -> Any:
            try:
                with _as_redis_error():
                    answers = await execute(**options)
            except _ASTRAY:
                await self._look_again()
                raise
            if any(isinstance(answer, _ASTRAY) for answer in answers):
                await self._look_again()
            return answers

        pipeline.execute = guarded
        return pipeline

    async def _look_again(self) -> None:
        """A single command does so by itself. Idle connections may be to a server that is no more, or no master."""
        self._initialize = True
        for node in self.get_nodes():
            await node.disconnect_free_connections()


@contextmanager
def _as_redis_error() -> Iterator[None]:
    try:
        yield
    except RedisClusterException as error:
        raise ConnectionError(str(error)) from error


def is_cluster(client: RedisClient) -> bool:
    return isinstance(client, aioredis.RedisCluster)


async def ping(client: RedisClient) -> None:
    """Raises `RedisError` unless the server, or each master of a cluster, answers."""
    if is_cluster(client):
        await client.ping(target_nodes=client.PRIMARIES)
    else:
        await client.ping()


def load_script(client: RedisClient, name: str, *, allow_oom: bool = False) -> Any:
    """A Lua script of this folder, registered with the client; `.sha` is ready before the server has seen it.

    With `allow_oom` it may also write when Redis has reached its maxmemory.
    """
    script = client.register_script(read_script(name, allow_oom=allow_oom))
    if name in _TAKE_MANY:
        script.takes_many = True
    return script


def read_script(name: str, *, allow_oom: bool = False) -> str:
    """Its text."""
    script = (Path(__file__).parent / "lua" / f"{name}.lua").read_text(encoding="utf-8")
    return "#!lua flags=allow-oom\n" + script if allow_oom else script


async def mget(client: RedisClient, names: Sequence[str]) -> list[bytes | None]:
    """The values of many string keys in one round trip, None for a missing one."""
    if not names:
        return []
    if is_cluster(client):
        return list(await client.mget_nonatomic(names))
    return list(await client.mget(names))


async def run_script(client: RedisClient, script: Any, calls: Sequence[ScriptCall]) -> list[Any]:
    """One script for many (keys, arguments) in one round trip; a server that lost its scripts is told them again."""
    if not getattr(script, "takes_many", False):
        return await _run_each(client, script, calls)
    # The keys of one call are on one server.
    together = [[call] for call in calls] if is_cluster(client) else _grouped(calls)
    answers = await _run_each(client, script, [_as_one(some) for some in together])
    return [one for some in answers for one in some]


def _grouped(calls: Sequence[ScriptCall]) -> list[list[ScriptCall]]:
    """So many to a group, and no more than so many bytes unless one alone has them."""
    groups: list[list[ScriptCall]] = []
    size = 0
    for call in calls:
        more = sum([len(one) for one in call[1] if type(one) is bytes])
        if not groups or len(groups[-1]) == _TOGETHER or size + more > _TOGETHER_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(call)
        size += more
    return groups


def _as_one(calls: Sequence[ScriptCall]) -> tuple[list[str], list[Any]]:
    return [key for keys, _ in calls for key in keys], [one for _, arguments in calls for one in arguments]


async def _run_each(client: RedisClient, script: Any, calls: Sequence[ScriptCall]) -> list[Any]:
    answers: list[Any] = [None] * len(calls)
    waiting = list(range(len(calls)))
    for attempt in (1, 2):
        if not waiting:
            break
        pipeline = client.pipeline(transaction=False)
        for number in waiting:
            script_keys, arguments = calls[number]
            # Not `evalsha`: the pipeline of a cluster refuses that, though it finds the keys of this.
            pipeline.execute_command("EVALSHA", script.sha, len(script_keys), *script_keys, *arguments)
        for number, answer in zip(waiting, await pipeline.execute(raise_on_error=False), strict=True):
            answers[number] = answer
        # Of a cluster's servers only one may have lost them: what ran elsewhere must not run twice.
        waiting = [number for number in waiting if isinstance(answers[number], NoScriptError)]
        if waiting and attempt == 1:
            await client.script_load(script.script)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
