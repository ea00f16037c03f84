"""The queue of mails in Redis: what is to be sent, and when it is due; each is changed by compare-and-set."""

from __future__ import annotations

from typing import NamedTuple

from services.common import keys
from services.common.profile import VERSION_DIGITS
from services.common.redis_client import RedisClient, load_script, mget
from services.contacts.mail.message import Message, decode_message, encode_message

# 700 bytes each in Redis when they are of a template, so 140 MB.
MAX_WAITING = 200_000


class QueueFullError(Exception):
    """So many wait that no more are taken."""


class Queued(NamedTuple):
    """A message as it is stored; `version` is 0 for one that is not yet."""

    message: Message
    version: int


class MailQueue:
    """All methods raise `RedisError`. What is in the queue already can be changed, and leave it, when Redis is full."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._add = load_script(redis, "put_mail")
        self._put = load_script(redis, "put_mail", allow_oom=True)

    async def add(self, message: Message) -> Queued | None:
        """None when there is one of this id. Raises `QueueFullError`."""
        return await self._write(self._add, Queued(message, 0), message)

    async def change(self, queued: Queued, message: Message) -> Queued | None:
        """None when somebody else has changed it since it was read."""
        return await self._write(self._put, queued, message)

    async def forget(self, queued: Queued) -> None:
        """Of one that is done, once its row is stored."""
        await self._put(keys=_keys(queued.message.id), args=[_version(queued), "", queued.message.id, 0, 0])

    async def load(self, ids: list[str]) -> dict[str, Queued]:
        """Those that there are."""
        stored = await mget(self._redis, [keys.mail(one) for one in ids])
        return {one: _decode(value) for one, value in zip(ids, stored, strict=True) if value}

    async def due(self, now_us: int, limit: int) -> list[Queued]:
        """The longest due first. An id that stands for nothing is taken out."""
        names = await self._redis.zrangebyscore(keys.MAILS, "-inf", now_us, start=0, num=limit)
        ids = [name.decode() for name in names]
        found = await self.load(ids)
        if gone := [one for one in ids if one not in found]:
            await self._redis.zrem(keys.MAILS, *gone)
        return [found[one] for one in ids if one in found]

    async def waiting(self) -> int:
        return int(await self._redis.zcard(keys.MAILS))

    async def _write(self, script: object, queued: Queued, message: Message) -> Queued | None:
        arguments = [_version(queued), encode_message(message), message.id, message.due_us, MAX_WAITING]
        version = int(await script(keys=_keys(message.id), args=arguments))  # type: ignore[operator]
        if version < 0:
            raise QueueFullError
        return Queued(message, version) if version else None


def _keys(message_id: str) -> list[str]:
    return [keys.mail(message_id), keys.MAILS]


def _version(queued: Queued) -> str:
    return f"{queued.version:0{VERSION_DIGITS}d}" if queued.version else ""


def _decode(stored: bytes) -> Queued:
    return Queued(decode_message(stored[VERSION_DIGITS:]), int(stored[:VERSION_DIGITS]))
