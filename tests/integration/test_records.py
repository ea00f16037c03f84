"""The record store on real servers: compared and set, carried into ClickHouse, whoever died in between."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.common import clickhouse as ch
from services.common.migrate import migrate
from services.common.records import Record, RecordStore, Ref, project_records
from services.common.redis_client import RedisClient, connect
from services.identity.relay import relay_records_once


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[RedisClient]:
    client = connect(valkey_url)
    yield client
    await client.aclose()


async def test_a_record_is_written_only_by_whoever_saw_its_last_version(redis: RedisClient) -> None:
    store = RecordStore(redis)
    ref = Ref("form", await store.new_id("form"))
    first = (await store.write([Record(ref, 0, b'{"name":"a"}')]))[ref]
    assert first
    assert (await store.write([Record(ref, 0, b'{"name":"b"}')]))[ref] == 0
    second = (await store.write([Record(ref, first, b'{"name":"c"}')]))[ref]
    assert second > first
    assert await store.one(ref) == Record(ref, second, b'{"name":"c"}')


async def test_a_deleted_record_is_gone_but_its_id_is_not_free(redis: RedisClient) -> None:
    store = RecordStore(redis)
    ref = Ref("form", await store.new_id("form"))
    version = (await store.write([Record(ref, 0, b"{}")]))[ref]
    await store.write([Record(ref, version, b"")])
    assert await store.one(ref) is None
    assert (await store.write([Record(ref, 0, b"{}")]))[ref] == 0


async def test_the_relay_projects_a_record_whose_writer_died(redis: RedisClient, clickhouse_url: str) -> None:
    await migrate(clickhouse_url)
    clickhouse = await ch.connect(clickhouse_url)
    store = RecordStore(redis)
    kept, gone = Ref("form", "9101"), Ref("form", "9102")
    versions = await store.write([Record(kept, 0, '{"name":"Größe"}'.encode()), Record(gone, 0, b"{}")])
    await project_records(store, clickhouse, [Record(gone, versions[gone], b"{}")])
    await store.write([Record(gone, versions[gone], b"")])
    assert await relay_records_once(store, clickhouse, 2**60) >= 2
    rows = await clickhouse.query("SELECT id, data FROM records FINAL WHERE kind = 'form' AND id IN ('9101', '9102')")
    assert rows.result_rows == [("9101", '{"name":"Größe"}')]
    assert not {kept, gone} & set(await store.unsettled(2**60, 10_000))
    await clickhouse.close()
