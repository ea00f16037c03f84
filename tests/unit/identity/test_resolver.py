"""One batch: what fails for ever is put aside alone, what passes is left to be tried again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from services.common.clickhouse import ClickHouseError
from services.common.clickthrough import Clickthrough, Clickthroughs
from services.common.contact_fields import FieldRules
from services.common.hit import Door, Hit, decode_batch
from services.common.live_feed import LiveFeed
from services.common.replication import Replicas
from services.identity.agents import Agents
from services.identity.companies import Companies
from services.identity.dead_letters import DeadLetters
from services.identity.faults import FaultPoints
from services.identity.identify import Fate, Sighting
from services.identity.metrics import IdentityMetrics
from services.identity.pipeline import Pipeline
from services.identity.placement import Placed
from services.identity.places import Places
from services.identity.proofs import Proofs
from services.identity.resolver import Resolver

POISON = 666


class FakeRedis:
    """Keeps dead letters."""

    def __init__(self) -> None:
        self.dead: list[tuple[int, str]] = []

    def register_script(self, _: str) -> Any:
        return self._put_dead

    async def _put_dead(self, keys: list[str], args: list[Any]) -> None:
        [hit] = decode_batch(args[0])
        self.dead.append((hit.device_contact_id, args[1]))


class FakePlacement:
    """Everybody belongs to the contact of their device, but for one hit that it cannot cope with."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def follow(self, unique_fields: tuple[str, ...]) -> None:
        assert unique_fields == ("email",)

    async def place(self, sightings: list[Sighting], _: int, told: int) -> Placed:
        if any(one.device_contact_id == POISON for one in sightings):
            raise self._error
        placed = Placed()
        placed.contacts = [one.device_contact_id for one in sightings]
        placed.fates = [Fate(one.device_contact_id, False, ()) for one in sightings[:told]]
        return placed


RULES = FieldRules((), ("email",))


class FakeFields:
    async def now(self) -> FieldRules:
        return RULES


class FakeClickHouse:
    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.refused, self.why = "", "away"  # the table

    async def raw_insert(self, table: str, *, insert_block: bytes, **__: Any) -> None:
        if table == self.refused:
            raise ClickHouseError(self.why)
        self.rows += insert_block.splitlines()


def hit(contact_id: int) -> Hit:
    event_id = contact_id.to_bytes(16, "big")
    return Hit(event_id, 10**15, 10**15, 0, "d" * 23, contact_id, False, "8.8.8.8", b"page_url=x", b"", b"", b"", b"")


def make(error: Exception) -> tuple[Resolver, FakeRedis, FakeClickHouse, IdentityMetrics]:
    redis, clickhouse, metrics = FakeRedis(), FakeClickHouse(), IdentityMetrics()
    store: Any = None  # nothing is written to it: nobody says who they are, or names a company
    placement: Any = FakePlacement(error)
    pipeline = Pipeline(Agents(), Places(()), Proofs(Clickthroughs(("secret",))), RULES)
    fields: Any = FakeFields()
    faults = FaultPoints("", 1)
    replicas = Replicas(redis, 0, 1.0)
    dead_letters, feed = DeadLetters(redis, replicas), LiveFeed(redis, metrics.live_errors)
    resolver = Resolver(
        pipeline, fields, placement, store, clickhouse, dead_letters, metrics, faults,
        Companies(store, faults), store, replicas, feed,
    )  # fmt: skip
    return resolver, redis, clickhouse, metrics


async def test_a_hit_that_cannot_be_placed_is_put_aside_and_its_neighbours_are_stored() -> None:
    resolver, redis, clickhouse, metrics = make(ZeroDivisionError("a defect"))
    await resolver.resolve(await resolver.enrich([hit(number) for number in (1, 2, POISON, 4, 5)]))
    assert redis.dead == [(POISON, "unplaceable: ZeroDivisionError: a defect")]
    assert [int(row.split(b",")[1]) for row in clickhouse.rows] == [1, 2, 4, 5]
    assert metrics.dead.counts["unplaceable"] == 1


async def test_the_log_names_a_hit_that_fails_by_its_event_id_and_quotes_nothing_of_it() -> None:
    resolver, _, clickhouse, _ = make(ValueError("ada@example.org"))
    with capture_logs() as lines:
        await resolver.resolve(await resolver.enrich([hit(1), hit(POISON)]))
        clickhouse.refused, clickhouse.why = "events", "Code: 27. Cannot parse ada@example.org"
        await resolver.resolve(await resolver.enrich([hit(3)]))
    event_id, another_id = str(UUID(int=POISON)), str(UUID(int=3))
    [stored, placed, refused, aside] = [{**line, "where": ""} for line in lines]
    assert placed | {"event_id": event_id, "reason": "unplaceable", "error": "ValueError"} == placed
    assert (stored["event"], stored["event_ids"]) == ("hits_stored", [str(UUID(int=1))])
    assert (refused["event"], refused["event_ids"]) == ("insert_refused", [another_id])
    assert (aside["event_id"], aside["reason"]) == (another_id, "refused_by_clickhouse")
    assert "ada@" not in str(lines) and "8.8.8.8" not in str(lines)


async def test_what_may_pass_is_left_to_be_tried_again() -> None:
    resolver, redis, clickhouse, _ = make(RedisConnectionError("away"))
    with pytest.raises(RedisConnectionError):
        await resolver.resolve(await resolver.enrich([hit(1), hit(POISON)]))
    assert redis.dead == clickhouse.rows == []


async def test_a_batch_that_comes_again_is_counted_once() -> None:
    resolver, _, clickhouse, metrics = make(ZeroDivisionError())
    crawler = msgspec.structs.replace(hit(2), user_agent=b"Googlebot/2.1")
    clickhouse.refused = "bot_events"
    with pytest.raises(ClickHouseError):
        await resolver.resolve(await resolver.enrich([hit(1), crawler]))
    assert (metrics.stored.total(), metrics.dropped.total()) == (0, 0)
    clickhouse.refused = ""
    await resolver.resolve(await resolver.enrich([hit(1), crawler]))
    assert (metrics.counts()["stored"], metrics.counts()["dropped:bot"]) == (1, 1)


async def test_a_click_in_a_mail_opens_it_once_however_often_it_comes() -> None:
    resolver, redis, clickhouse, metrics = make(ZeroDivisionError())
    tokens = Clickthroughs(("secret",))
    in_mail, in_message = (
        f"ct={tokens.sign(Clickthrough(7, 1 << 33, {channel: 9}))}".encode() for channel in ("email", "sms")
    )
    click = msgspec.structs.replace(hit(1), door=Door.TOUCH, query=in_mail, body=b"page_url=x", type="page.hit")
    for _ in range(2):
        await resolver.resolve(await resolver.enrich([click]))
    page, opened = map(msgspec.json.decode, sorted({*clickhouse.rows}, key=lambda row: b"email.read" in row))
    assert len(clickhouse.rows) == 4, "what comes twice is the same row"
    assert (page[3], opened[3]) == ("page.hit", "email.read")
    assert page[0] != opened[0] and page[1:3] == opened[1:3]
    assert metrics.stored.total() == 2, "it is one hit"
    clickhouse.rows.clear()
    for other in (
        msgspec.structs.replace(click, door=Door.EVENT, query=b"", body=in_mail + b"&page_url=x"),
        msgspec.structs.replace(click, query=in_message),
        msgspec.structs.replace(click, query=b"ct=spoiled"),
        msgspec.structs.replace(click, user_agent=b"Googlebot/2.1"),
    ):
        await resolver.resolve(await resolver.enrich([other]))
    assert len(clickhouse.rows) == 4 and b"email.read" not in b"".join(clickhouse.rows)
    clickhouse.refused, clickhouse.why = "events", "Code: 27. Cannot parse"
    await resolver.resolve(await resolver.enrich([click]))
    assert len(redis.dead) == 2


async def test_whoever_watches_is_told_of_the_first_hits_of_a_batch_and_how_many_more_there_were() -> None:
    resolver, _, _, _ = make(ZeroDivisionError())
    feed = resolver._feed
    await resolver.resolve(await resolver.enrich([hit(1)]))
    assert (feed._waiting, feed._skipped) == ([], 0), "nobody watches"
    feed.is_watched, feed.room = True, 2
    crawler = msgspec.structs.replace(hit(9), user_agent=b"Googlebot/2.1")
    await resolver.resolve(await resolver.enrich([hit(1), hit(2), hit(3), crawler]))
    assert ([told.contact_id for told in feed._waiting], feed._skipped) == ([1, 2], 2)
