"""The relay on real servers: what a dead writer left in Redis reaches ClickHouse, whole."""

from __future__ import annotations

from services.common import clickhouse as ch
from services.common.merging import freeze_into
from services.common.migrate import migrate
from services.common.profile import Part, Profile
from services.common.profiles import ProfileStore
from services.common.redis_client import connect
from services.identity.relay import relay_once

NOW = 1_000_000_000_000_000


async def test_a_merge_whose_writer_died_halfway_is_completed_and_projected(
    valkey_url: str, clickhouse_url: str
) -> None:
    await migrate(clickhouse_url)
    redis, clickhouse = connect(valkey_url), await ch.connect(clickhouse_url)
    store = ProfileStore(redis)
    winner = Profile(9_101, own=Part(added_us=NOW).with_fields({"email": "relay@x.org"}, NOW))
    loser = Profile(9_102, own=Part(added_us=NOW + 1).with_fields({"firstname": "Ada"}, NOW))
    await store.write([winner, freeze_into(loser, winner, NOW + 2)])
    assert await relay_once(store, clickhouse, 2**60) >= 2
    shown = await clickhouse.query("SELECT email, firstname FROM contacts FINAL WHERE id IN (9101, 9102)")
    assert shown.result_rows == [("relay@x.org", "Ada")]
    aliases = await clickhouse.query("SELECT loser, winner FROM aliases FINAL WHERE loser = 9102")
    assert aliases.result_rows == [(9102, 9101)]
    assert not {9101, 9102} & set(await store.unsettled(2**60, 10_000))
    await clickhouse.close()
    await redis.aclose()
