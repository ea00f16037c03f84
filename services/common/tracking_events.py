"""Events for Google Analytics or the Facebook pixel that wait for a contact: its next visit carries them, once.

Whoever queues writes the queue and then its name, whoever delivers removes the name and then empties the queue: what
comes in between is delivered, at worst with a name left over that leads to an empty queue.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from services.common import keys
from services.common.redis_client import RedisClient

LIFE_SECONDS = 86_400
MAX_QUEUED = 100  # of one contact

SERVICES = {"google_analytics": ("category", "action", "label"), "facebook_pixel": ("action", "label")}


class TrackingEvent(msgspec.Struct, array_like=True):
    """`service` is one of `SERVICES`; `said` has its texts by name."""

    service: str
    said: dict[str, str]


class TrackingEvents:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def queue(self, contact_id: int, event: TrackingEvent) -> int:
        """How many wait for the contact now; the oldest give way beyond `MAX_QUEUED`. Raises `RedisError`."""
        key = keys.tracking_events(contact_id)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.rpush(key, msgspec.msgpack.encode(event))
        pipeline.ltrim(key, -MAX_QUEUED, -1)
        pipeline.expire(key, LIFE_SECONDS)
        pipeline.llen(key)
        queued = (await pipeline.execute())[-1]
        await self._redis.zadd(keys.TRACKING_EVENTS, {str(contact_id): time.time() + LIFE_SECONDS})
        return int(queued)

    async def waiting(self) -> int:
        """How many contacts they wait for, about. Raises `RedisError`."""
        await self._redis.zremrangebyscore(keys.TRACKING_EVENTS, "-inf", time.time())
        return int(await self._redis.zcard(keys.TRACKING_EVENTS))

    async def take(self, contact_ids: Sequence[int]) -> dict[str, list[dict[str, str]]]:
        """What waits for a contact, under its id or one that merged into it, by service; it is gone then.

        Raises `RedisError`.
        """
        scores = await self._redis.zmscore(keys.TRACKING_EVENTS, [str(contact_id) for contact_id in contact_ids])
        found: dict[str, list[dict[str, str]]] = {}
        for contact_id in (one for one, score in zip(contact_ids, scores, strict=True) if score is not None):
            await self._redis.zrem(keys.TRACKING_EVENTS, str(contact_id))
            for data in await self._redis.lpop(keys.tracking_events(contact_id), MAX_QUEUED) or []:
                event = msgspec.msgpack.decode(data, type=TrackingEvent)
                found.setdefault(event.service, []).append(event.said)
        return found
