"""The writer of the live feed: bounded, and never in the way."""

from __future__ import annotations

from typing import Any

from services.common.live_feed import MOST_A_SECOND, LiveFeed
from services.common.live_hit import LiveHit
from services.common.metrics import Counter
from services.common.redis_client import RedisError

HIT = LiveHit(1, "dropped", "dnt", "event")


class FakeRedis:
    """Keeps what is appended, while it is there."""

    def __init__(self) -> None:
        self.is_away, self.is_watched = False, True
        self.entries: list[dict[bytes, Any]] = []

    async def exists(self, _: str) -> int:
        if self.is_away:
            raise RedisError("away")
        return int(self.is_watched)

    def pipeline(self, **_: Any) -> FakeRedis:
        return self

    def xadd(self, _: str, entry: dict[bytes, Any], **__: Any) -> None:
        self.entries.append(entry)

    def expire(self, _: str, __: int) -> None: ...

    async def execute(self) -> None:
        if self.is_away:
            raise RedisError("away")


def make() -> tuple[LiveFeed, FakeRedis, Counter]:
    redis, errors = FakeRedis(), Counter("errors", "")
    return LiveFeed(redis, errors), redis, errors


async def test_what_is_more_than_a_second_takes_is_counted_as_skipped() -> None:
    feed, redis, _ = make()
    await feed._look()
    for _ in range(MOST_A_SECOND + 5):
        feed.tell(lambda: HIT)
    feed.skip(2)
    await feed._flush()
    assert len(redis.entries) == MOST_A_SECOND + 1
    assert redis.entries[-1] == {b"s": 7}
    await feed._look()
    feed.tell(lambda: HIT)
    await feed._flush()
    assert len(redis.entries) == MOST_A_SECOND + 2, "the next second has room again"


async def test_who_cannot_say_what_a_hit_was_disturbs_nobody() -> None:
    feed, _, errors = make()
    await feed._look()
    feed.tell(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    assert errors.total() == 1


async def test_a_redis_that_goes_away_is_counted_and_nobody_is_told_until_it_is_back() -> None:
    feed, redis, errors = make()
    await feed._look()
    feed.tell(lambda: HIT)
    redis.is_away = True
    await feed._guarded(feed._flush)
    assert (errors.total(), feed.is_watched, feed.room) == (1, False, 0)
    await feed._guarded(feed._look)
    assert (errors.total(), feed.is_watched) == (2, False)
    redis.is_away = False
    await feed._guarded(feed._look)
    assert feed.is_watched


async def test_nobody_watching_costs_no_call_of_redis_beside_the_look() -> None:
    feed, redis, _ = make()
    redis.is_watched = False
    await feed._look()
    await feed._flush()
    assert (feed.is_watched, feed.room, redis.entries) == (False, 0, [])
