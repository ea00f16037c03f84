"""The embedded ClickHouse as clickhouse-connect sees it, with its sync and its async client."""

from __future__ import annotations

import asyncio
import gzip
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import clickhouse_connect
import lz4.frame
import pytest
from backports import zstd
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.integration.embedded.conftest import PASSWORD, USER, Server

Client = Any


@pytest.fixture(scope="module")
def sync(clickhouse: Server) -> Iterator[Client]:
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=clickhouse.port, username=USER, password=PASSWORD, dedicated_pool=True
    )
    yield client
    client.close()


@pytest.fixture
async def client(clickhouse: Server) -> AsyncIterator[Client]:
    client = await connect(clickhouse)
    yield client
    await client.close()


async def connect(server: Server, **options: Any) -> Client:
    settings = {"username": USER, "password": PASSWORD, "autogenerate_session_id": False, **options}
    return await clickhouse_connect.get_async_client(host="127.0.0.1", port=server.port, **settings)


@pytest.fixture
def table(sync: Client) -> str:
    name = f"t_{uuid.uuid4().hex}"
    sync.command(
        f"CREATE TABLE {name} (id UInt64, name String, kind LowCardinality(String), at DateTime64(3, 'UTC'),"
        " tags Array(String)) ENGINE = ReplacingMergeTree ORDER BY id"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    return name


def rows(count: int) -> bytes:
    return b"".join(
        b'{"id":%d,"name":"n\\u00e9 %d","kind":"k","at":"2026-01-02 03:04:05.678","tags":["a","b"]}\n' % (i, i)
        for i in range(count)
    )


def test_sync_client_pings_and_queries_with_parameters(sync: Client) -> None:
    assert sync.ping()
    hostile = "it's {a:String} \\ \t\n — ok"
    result = sync.query(
        "SELECT {text:String} AS text, {n:Int32} + 1, {list:Array(String)}",
        {"text": hostile, "n": 41, "list": [hostile, "'"]},
    )
    assert result.result_rows == [(hostile, 42, [hostile, "'"])]
    assert result.column_names[0] == "text"


async def test_async_client_pings_and_queries_with_parameters(client: Client) -> None:
    assert await client.ping()
    result = await client.query("SELECT {text:String}, {n:UInt64}", {"text": "a'b\\", "n": 2**63})
    assert result.result_rows == [("a'b\\", 2**63)]


def test_parameters_in_a_form(clickhouse: Server) -> None:
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=clickhouse.port, username=USER, password=PASSWORD, form_encode_query_params=True
    )
    long_text = "x'\r\n\\" * 40_000
    assert client.query("SELECT {text:String}", {"text": long_text}).result_rows == [(long_text,)]
    client.close()


def test_settings_of_a_query_end_with_it(sync: Client) -> None:
    sql = "SELECT getSetting('max_block_size')"
    assert sync.query(sql, settings={"max_block_size": 777}).result_rows == [(777,)]
    assert sync.query(sql).result_rows != [(777,)]


def test_all_types_come_back_in_native(sync: Client) -> None:
    result = sync.query(
        "SELECT toLowCardinality('x'), toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC'), map('a', 1),"
        " NULL::Nullable(Int8), toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0'), toFloat32(1.5),"
        " [toLowCardinality('a'), 'b'], (1, 'z')"
    )
    row = result.result_rows[0]
    assert row[0] == "x"
    assert row[1].isoformat() in ("2026-01-02T03:04:05.678000", "2026-01-02T03:04:05.678000+00:00")
    assert row[2:] == ({"a": 1}, None, uuid.UUID("61f0c404-5cb3-11e7-907b-a6006ad3dba0"), 1.5, ["a", "b"], (1, "z"))


def test_empty_answers(sync: Client, table: str) -> None:
    assert sync.query(f"SELECT * FROM {table}").result_rows == []
    assert sync.query(f"SELECT * FROM {table} LIMIT 0").column_names == ("id", "name", "kind", "at", "tags")
    assert sync.raw_query(f"SELECT id FROM {table}", fmt="CSVWithNames") == b'"id"\n'


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", False])
async def test_column_insert(clickhouse: Server, table: str, compression: str | bool) -> None:
    client = await connect(clickhouse, compress=compression)
    names = ["id", "name", "kind"]
    await client.insert(table, [[i, f"n{i}", "k"] for i in range(100_000)], column_names=names)
    result = await client.query(f"SELECT count(), sum(id), max(name), any(kind) FROM {table}")
    await client.close()
    assert result.result_rows == [(100_000, 4999950000, "n99999", "k")]


def test_insert_of_several_blocks_is_several_frames(sync: Client, table: str) -> None:
    """The client compresses each block on its own, and sends them one after another."""
    data = [[i, "x" * 200] for i in range(300_000)]
    sync.write_compression = "lz4"
    sync.insert(table, data, column_names=["id", "name"])
    assert sync.query(f"SELECT count(), uniqExact(id) FROM {table}").result_rows == [(300_000, 300_000)]


@pytest.mark.parametrize("compression", [None, "lz4", "zstd", "gzip"])
async def test_raw_insert(client: Client, table: str, compression: str | None) -> None:
    pack = {None: bytes, "lz4": lz4.frame.compress, "zstd": zstd.compress, "gzip": gzip.compress}[compression]
    columns = ["id", "name", "kind", "at", "tags"]
    summary = await client.raw_insert(table, columns, pack(rows(1000)), fmt="JSONEachRow", compression=compression)
    assert summary.written_rows == 1000
    compact = b'[5000,"x","k","2026-01-02 03:04:05.678",[]]\n'
    await client.raw_insert(table, columns, pack(compact), fmt="JSONCompactEachRow", compression=compression)
    result = await client.query(f"SELECT count(), max(name), max(id) FROM {table} WHERE at = '2026-01-02 03:04:05.678'")
    assert result.result_rows == [(1001, "x", 5000)]


async def test_repeated_token_inserts_nothing(client: Client, table: str) -> None:
    for first in (0, 0, 1):
        block = f'{{"id":{first}}}\n{{"id":2}}\n'.encode()
        await client.raw_insert(table, None, block, {"insert_deduplication_token": f"it's {first}"}, "JSONEachRow")
    assert (await client.query(f"SELECT count() FROM {table}")).result_rows == [(4,)]


async def test_bad_rows_insert_nothing(client: Client, table: str) -> None:
    with pytest.raises(DatabaseError, match="CANNOT_PARSE") as caught:
        await client.raw_insert(table, None, b'{"id":1}\n{"id":"no number"}\n', fmt="JSONEachRow")
    assert caught.value.code in (26, 27, 6, 72)
    assert (await client.query(f"SELECT count() FROM {table}")).result_rows == [(0,)]


async def test_commands_and_inserts_from_selects(client: Client, table: str) -> None:
    await client.command(f"INSERT INTO {table} (id) SELECT number FROM numbers(10)")
    await client.command(f"INSERT INTO {table} (id, name) VALUES (10, 'FORMAT JSONEachRow\n')")
    assert await client.command(f"SELECT count() FROM {table}") == 11
    assert await client.command(f"EXISTS TABLE {table}") == 1
    await client.command(f"TRUNCATE TABLE {table}")


async def test_stream_of_a_million_rows_is_whole_and_flat(client: Client, clickhouse: Server) -> None:
    sql = "SELECT number, repeat('x', 100) FROM numbers({n:UInt64})"
    await _drain(client, sql, 200_000)
    before = clickhouse.memory_peak_bytes()
    lines = await _drain(client, sql, 3_000_000)
    assert lines == 3_000_000
    assert clickhouse.memory_peak_bytes() - before < 100 << 20


async def _drain(client: Client, sql: str, count: int) -> int:
    stream = await client.raw_stream(sql, {"n": count}, fmt="CSV")
    lines = 0
    async with stream:
        async for chunk in stream:
            lines += chunk.count(b"\n")
    return lines


def test_sync_stream(sync: Client) -> None:
    with sync.raw_stream("SELECT number FROM numbers(1000000)", fmt="CSV") as stream:
        text = stream.read()
    assert text == b"".join(b"%d\n" % number for number in range(1_000_000))
    with sync.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
        assert sum(len(block) for block in blocks) == 300_000


async def test_error_in_the_midst_of_a_stream_is_raised(client: Client) -> None:
    with pytest.raises(DatabaseError, match="throwIf"):
        await client.query("SELECT throwIf(number = 5000000) FROM numbers(10000000)")


@pytest.mark.parametrize(
    ("sql", "code"),
    [("SELECT * FROM nowhere", 60), ("SELECT 1 FROM a.b", 81), ("SELEKT 1", 62), ("SELECT nothing", 47)],
)
async def test_errors_carry_their_code(client: Client, sql: str, code: int) -> None:
    with pytest.raises(DatabaseError) as caught:
        await client.query(sql)
    assert caught.value.code == code


async def test_unknown_database_is_an_error(clickhouse: Server) -> None:
    client = await connect(clickhouse)
    client.database = "nowhere"
    with pytest.raises(DatabaseError) as caught:
        await client.query("SELECT 1")
    assert caught.value.code == 81
    await client.close()


async def test_wrong_password_is_refused(clickhouse: Server) -> None:
    with pytest.raises(DatabaseError) as caught:
        await connect(clickhouse, password="wrong")
    assert caught.value.code == 516


async def test_long_query_does_not_delay_a_short_one(clickhouse: Server, client: Client) -> None:
    other = await connect(clickhouse)
    long = asyncio.ensure_future(
        other.query("SELECT sum(sleepEachRow(0.05)) FROM numbers(100000) SETTINGS max_block_size = 1")
    )
    while not await _has_sleeper(client):
        assert not long.done()
    async with asyncio.timeout(30):
        for _ in range(10):
            await client.query("SELECT 1")
    assert not long.done()
    long.cancel()  # it would take 5,000 s
    await asyncio.gather(long, return_exceptions=True)
    await other.close()
    async with asyncio.timeout(30):
        while await _has_sleeper(client):
            await asyncio.sleep(0.05)


async def _has_sleeper(client: Client) -> bool:
    """Beside this statement itself."""
    sql = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%'"
    return bool((await client.query(sql)).result_rows[0][0] > 1)


async def test_many_at_once(client: Client, table: str) -> None:
    async def insert_and_count(number: int) -> None:
        await client.raw_insert(table, None, b'{"id":%d}' % number, fmt="JSONEachRow")
        await client.query(f"SELECT count() FROM {table}")

    await asyncio.gather(*(insert_and_count(number) for number in range(60)))
    assert (await client.query(f"SELECT count() FROM {table}")).result_rows == [(60,)]
