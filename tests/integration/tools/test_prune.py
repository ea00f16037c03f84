"""Prune on real servers: what is past its retention goes, and nobody who is somebody, or has come back, is lost."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from services.common import clickhouse as ch
from services.common import keys
from services.common.profile import Move, Part, Profile, encode_profile
from services.common.settings import Settings
from services.common.tables import BOT_EVENTS, CONTACTS, EVENTS, BotRow, EventRow, contact_row
from services.identity.tools import prune
from services.identity.tools.tool import Connections
from tests.integration.conftest import event_row
from tests.integration.tools.conftest import Servers

DAY = 86_400
NOW = time.time()
LONG_AGO_US = round((NOW - 40 * DAY) * 1e6)
DAYS = {"SPOOR_RETENTION_DAYS": "365", "SPOOR_ANONYMOUS_RETENTION_DAYS": "30"}
# By their numbers: who goes with all of theirs, and who stays. LEFT_HALF is what a prune that broke off left; of those
# who are LOST only ClickHouse knows, as before Redis is made anew.
GOES, CAME_BACK, ZONED, KNOWN, MERGED, MADE, MOVED, LEFT_HALF, LOST, LOST_LOSER = range(1, 11)


def event(contact_id: int, days_ago: float) -> EventRow:
    return event_row(uuid.uuid4().hex, contact_id, NOW - days_ago * DAY, {})


async def put(servers: Servers, profile: Profile, *, in_redis: bool = True) -> None:
    """As if it had been written 40 days ago."""
    profile = msgspec.structs.replace(profile, version=LONG_AGO_US)
    if in_redis:
        await servers.redis.set(keys.profile(profile.id), b"%016d" % profile.version + encode_profile(profile))
    await ch.insert_rows(servers.clickhouse, CONTACTS, [contact_row(profile)])


def part(**fields: str) -> Part:
    return Part(added_us=LONG_AGO_US).with_fields(dict(fields), LONG_AGO_US).with_tags({"visitor": True}, LONG_AGO_US)


@pytest.fixture
async def people(servers: Servers) -> Servers:
    events = [event(number, days) for number in range(1, 11) for days in (45, 40)] + [event(CAME_BACK, 1)]
    await ch.insert_rows(servers.clickhouse, EVENTS, events)
    await put(servers, Profile(ZONED, own=part(timezone="Europe/Berlin")))
    await put(servers, Profile(LEFT_HALF, own=part(timezone="Europe/Berlin")), in_redis=False)
    await put(servers, Profile(LOST, own=part(email="lost@x.org")), in_redis=False)
    await put(servers, Profile(LOST_LOSER, own=part(), alias=KNOWN), in_redis=False)
    await put(servers, Profile(KNOWN, own=part(email="ada@x.org"), losers={MERGED: part()}))
    await put(servers, Profile(MERGED, own=part(), alias=KNOWN))
    await put(servers, Profile(MADE, own=msgspec.structs.replace(part(), created_by="admin")))
    await put(servers, Profile(MOVED, own=part(), moves=[Move(LONG_AGO_US, b"x" * 16, KNOWN)]))
    return servers


async def numbers(servers: Servers, sql: str) -> list[Any]:
    return [row[0] for row in (await servers.clickhouse.query(sql)).result_rows]


async def left(servers: Servers) -> dict[str, list[Any]]:
    found = {
        "events": await numbers(servers, "SELECT DISTINCT contact_id FROM events ORDER BY contact_id"),
        "activity": await numbers(servers, "SELECT DISTINCT contact_id FROM activity ORDER BY contact_id"),
        "contacts": await numbers(servers, "SELECT DISTINCT id FROM contacts ORDER BY id"),
    }
    profiles = await servers.store.load(range(1, 11))
    return {**found, "profiles": [number for number, profile in profiles.items() if profile]}


async def test_visitors_who_did_not_come_back_go_and_nobody_who_is_somebody(people: Servers) -> None:
    before = await left(people)
    told = people.run("prune", "--dry-run", **DAYS)
    assert await left(people) == before, "a dry run changes nothing"
    done = people.run("prune", **DAYS)
    assert done == told
    assert (done["anonymous_contacts"], done["their_profiles"], done["their_events"]) == (3, 1, 6)
    in_redis = [KNOWN, MERGED, MADE, MOVED]
    known = [*in_redis, LOST, LOST_LOSER]
    stay = [CAME_BACK, *known]
    assert await left(people) == {"events": stay, "activity": stay, "contacts": known, "profiles": in_redis}
    assert await numbers(people, f"SELECT count() FROM events WHERE contact_id = {CAME_BACK}") == [3]
    again = people.run("prune", **DAYS)
    assert set(again.values()) == {0}, "what is done stays done"


async def test_by_default_visitors_stay(people: Servers) -> None:
    before = await left(people)
    assert "anonymous_contacts" not in people.run("prune")
    assert await left(people) == before


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_what_is_older_than_the_retention_goes_whoever_it_is_of(servers: Servers) -> None:
    ages = (1_000, 500, 366, 364, 1)
    events = [event(KNOWN, days) for days in ages]
    bots = [BotRow(**msgspec.structs.asdict(row), verdict="bot", raw="") for row in events]
    await ch.insert_rows(servers.clickhouse, EVENTS, events)
    await ch.insert_rows(servers.clickhouse, BOT_EVENTS, bots)
    for days in ages:
        audit = f"SELECT generateUUIDv4(), 1, now64(3) - toIntervalDay({days}), 'edit', 'admin', ''"
        await servers.clickhouse.command(f"INSERT INTO audit (id, contact_id, time, action, user, details) {audit}")
    done = servers.run("prune", **DAYS)
    assert (done["old_events"], done["old_bot_events"], done["old_audit"]) == (3, 3, 3)
    for table in ("events", "bot_events", "audit"):
        ages_left = await numbers(servers, f"SELECT age('day', time, now64(3)) FROM {table} ORDER BY time")
        assert ages_left == [364, 1], table
    seen = await servers.clickhouse.query("SELECT age('day', min(first_seen), now64(3)) FROM activity")
    assert seen.result_rows == [(1_000,)], "since when somebody is known does not change with what is kept"


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_who_comes_back_in_that_moment_loses_nothing_new(
    people: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One's profile is written between look and removal, the other's hit is stored between the two."""

    class Meanwhile(prune.Visitors):
        async def _without_profile(self, profiles: Sequence[Profile]) -> list[int]:
            [zoned] = [profile for profile in profiles if profile.id == ZONED]
            told = msgspec.structs.replace(zoned, own=part(email="back@x.org"))
            assert (await people.store.write([told]))[ZONED]
            return await super()._without_profile(profiles)

        async def _remove(self, ids: list[int]) -> None:
            assert GOES in ids
            await ch.insert_rows(people.clickhouse, EVENTS, [event(GOES, 0)])
            await super()._remove(ids)

    monkeypatch.setattr(prune, "Visitors", Meanwhile)
    settings = Settings(retention_days=365, anonymous_retention_days=30)
    options = prune.parser("prune", None).parse_args([])
    await prune.work(Connections(settings, people.redis, people.clickhouse), options)
    found = await left(people)
    assert ZONED in found["profiles"] and ZONED in found["contacts"] and ZONED in found["events"]
    assert await numbers(people, f"SELECT age('day', time, now64(3)) FROM events WHERE contact_id = {GOES}") == [0]
    assert GOES in found["activity"]


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_more_visitors_than_one_deletion_takes(servers: Servers) -> None:
    count = prune.retention.IDS_AT_ONCE + 10
    sql = f"SELECT number + 1, now64(3) - toIntervalDay(40), now64(3) - toIntervalDay(40) FROM numbers({count})"
    await servers.clickhouse.command(f"INSERT INTO activity {sql}")
    assert servers.run("prune", **DAYS)["anonymous_contacts"] == count
    assert await numbers(servers, "SELECT count() FROM activity") == [0]
