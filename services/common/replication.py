"""Waits until replicas have what a master was told, where `SPOOR_REDIS_WAIT_REPLICAS` asks for it.

WAIT speaks for its own connection only, and a piece of work writes by many. But a master's history is one line: when
the replicas have a small write that was made last, they have all before it. So each master gets such a write, a fence,
with a WAIT behind it. That proves nothing when the master of the fence is another one than that of the work, promoted
in between without what was written last; so the work begins with a mark of whose histories they are, and the fence must
find the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from redis.crc import key_slot

from services.common import keys
from services.common.redis_client import RedisClient, RedisError, is_cluster, read_script

Histories = dict[str, bytes]  # by a key of each master: its replication id
Mark = Histories | None
Command = tuple[Any, ...]


class NotReplicatedError(RedisError):
    """A master could still lose what was written or read, or has lost it: the work must be done again."""


class Replicas:
    """With a count of 0 nothing is waited for, and nothing sent."""

    def __init__(self, redis: RedisClient, count: int, timeout_seconds: float) -> None:
        self._redis, self.count = redis, count
        self._timeout_ms = round(timeout_seconds * 1_000)
        self._script = read_script("name_history", allow_oom=True)
        self._known: Mark = None

    @property
    def wait_command(self) -> tuple[str, int, int]:
        """To be sent behind writes on their own connection; `check` takes the answer."""
        return ("WAIT", self.count, self._timeout_ms)

    def check(self, reached: int) -> None:
        """Raises `NotReplicatedError` when that many replicas are too few."""
        if reached < self.count:
            raise NotReplicatedError(f"{reached} of {self.count} replicas")

    async def learn(self, timeout_seconds: float = 0.0) -> None:
        """Whose histories they are: before the first work, or that would have to be done twice. Also tells whether the
        replicas follow at all. Raises `NotReplicatedError`, `RedisError`."""
        if self.count:
            self._known = await self._fence(round(timeout_seconds * 1_000) or self._timeout_ms)

    def mark(self) -> Mark:
        """To be taken before the first read of a piece of work."""
        return self._known

    async def confirm(self, mark: Mark) -> None:
        """Returns when the replicas have all that was written, or can have been read, since the mark.

        Raises `NotReplicatedError`, or `RedisError`: then some of it may be lost, and nothing may rest on it.
        """
        if not self.count:
            return
        self._known = found = await self._fence(self._timeout_ms)
        if found != mark:
            raise NotReplicatedError("a master has changed")

    async def call(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to commands on one key each, sent in one round trip, once the replicas have what they wrote.

        Raises `RedisError` when one was refused, and `NotReplicatedError`; what was carried out is not known then.
        """
        pipeline: Any = self._redis.pipeline(transaction=False)
        if not self.count:
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute())
        await self._redis.initialize()
        targets = [self._target(key_slot(command[1].encode())) for command in commands]
        for command, target in zip(commands, targets, strict=True):
            pipeline.execute_command(*command, **target.options)
        masters = {target.name: target for target in targets}
        for target in masters.values():
            pipeline.execute_command(*self.wait_command, **target.options)
        answers = await self._execute(pipeline)
        self._check_all(answers[len(commands) :])
        return answers[: len(commands)]

    async def _fence(self, timeout_ms: int) -> Histories:
        await self._redis.initialize()
        fences: dict[str, tuple[str, _Target]] = {}
        for slot, key in _fences() if is_cluster(self._redis) else _fences()[:1]:
            target = self._target(slot)
            fences.setdefault(target.name, (key, target))
        pipeline: Any = self._redis.pipeline(transaction=False)
        for key, target in fences.values():
            pipeline.execute_command("EVAL", self._script, 1, key, **target.options)
            pipeline.execute_command("WAIT", self.count, timeout_ms, **target.options)
        answers = await self._execute(pipeline)
        self._check_all(answers[1::2])
        return dict(zip((key for key, _ in fences.values()), answers[::2], strict=True))

    async def _execute(self, pipeline: Any) -> list[Any]:
        """Without redirections: what is redirected goes by another connection, of which a WAIT here knows nothing."""
        options = {"allow_redirections": False} if is_cluster(self._redis) else {}
        return list(await pipeline.execute(**options))

    def _check_all(self, answers: Iterable[Any]) -> None:
        for reached in answers:
            self.check(int(reached))

    def _target(self, slot: int) -> _Target:
        """The master of a slot. Named in each command: they and their WAIT must go to the same one, or be refused."""
        if not is_cluster(self._redis):
            return _Target("", {})
        node = self._redis.nodes_manager.get_node_from_slot(slot)
        return _Target(node.name, {"target_nodes": node})


class _Target(NamedTuple):
    """A master, and what sends a command to exactly that one."""

    name: str
    options: dict[str, Any]


@cache
def _fences() -> list[tuple[int, str]]:
    """(slot, key) of a fence under every tag: whatever master has something, one of them is there too."""
    return [(key_slot(key.encode()), key) for key in map(keys.fence, keys.lasting_tags())]
