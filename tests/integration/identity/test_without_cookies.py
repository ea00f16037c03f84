"""Ten thousand callers without cookies that name one address: one contact, and Redis does not grow with the hits."""

from __future__ import annotations

import time
from typing import Any

from services.common import keys
from services.common.contact_ids import ContactIds
from services.common.profiles import MAX_BRIEF, ProfileStore
from services.common.redis_client import RedisClient, connect
from services.identity.faults import FaultPoints
from services.identity.identify import Rules, Sighting
from services.identity.merge_queue import MergeQueue
from services.identity.placement import Placement
from tests.identity_in_memory import sighting
from tests.model import Hit

CALLERS, BATCH = 10_000, 500
FIRST_DEVICE = 88_000_000
EMAIL = "front-desk@x.org"


def callers(start: int) -> list[Sighting]:
    now = time.time_ns() // 1_000
    return [
        sighting(Hit(FIRST_DEVICE + one, now + one, one, {"email": EMAIL}, is_new=True), now + one)
        for one in range(start, start + BATCH)
    ]


async def size(redis: RedisClient) -> tuple[int, int]:
    """Keys of profiles, of what is remembered of callers, and of claims; and the bytes that they take."""
    found = {key async for key in redis.scan_iter(count=1_000) if key.startswith((b"c:", b"u:", b"brief:"))}
    return len(found), sum([await redis.memory_usage(key) or 0 for key in found])


async def test_callers_without_cookies_that_name_one_address_are_one_contact_in_a_few_keys(lone_redis_url: str) -> None:
    redis = connect(lone_redis_url)
    ids, store, names = ContactIds(redis), ProfileStore(redis), Rules()
    await ids.open()
    placement = Placement(store, ids, names, FaultPoints("", 1), MergeQueue(redis))
    contacts: set[Any] = set()
    contacts.update((await placement.place(callers(0))).contacts)
    before = await size(redis)
    for start in range(BATCH, CALLERS, BATCH):
        contacts.update((await placement.place(callers(start))).contacts)
    after = await size(redis)
    assert len(contacts) == 1, "one person, under one id from the first hit on"
    assert await redis.llen(keys.brief_devices(*contacts)) == MAX_BRIEF
    assert after[0] == before[0], "not one key more"
    assert after[1] <= before[1] * 1.05 + 1_000
    await redis.aclose()
