"""What an answer to a page view carries beside the visitor's identity: tracking events that waited for it."""

from __future__ import annotations

import asyncio

from services.common.profiles import ProfileStore
from services.common.redis_client import RedisClient, RedisError
from services.common.tracking_events import TrackingEvents

LOOK_SECONDS = 1.0

Queued = dict[str, list[dict[str, str]]]


class TrackingQueue:
    """Looked up only while somebody is known to be waited for: that is asked once a second, and costs no visit."""

    def __init__(self, redis: RedisClient) -> None:
        self._events = TrackingEvents(redis)
        self._profiles = ProfileStore(redis)
        self.has_some = False

    async def watch_forever(self) -> None:
        while True:
            try:
                self.has_some = await self._events.waiting() > 0
            except RedisError:
                self.has_some = False
            await asyncio.sleep(LOOK_SECONDS)

    async def take(self, contact_id: int) -> Queued:
        """For the contact that a device seems to belong to. Without Redis there are none: the visit itself is safe."""
        try:
            profile = await self._profiles.resolve(contact_id)
            ids = profile.ids() if profile else [contact_id]
            return await self._events.take(ids)
        except RedisError:
            return {}
