"""Whoever follows stored events waits for inserts that still run."""

from __future__ import annotations

import asyncio
import uuid

from services.common import clickhouse as ch
from services.common.migrate import migrate
from services.contacts.stored_events import SETTLE_SECONDS, server_ms, settled_ms

RUNNING = r"""
SELECT count() FROM system.processes
WHERE current_database = currentDatabase() AND match(query, 'INSERT\\s+INTO events')
"""  # itself it is none


async def test_an_insert_that_runs_is_waited_for(clickhouse_url: str) -> None:
    url = clickhouse_url.removesuffix("spoor") + f"place_{uuid.uuid4().hex}"
    await migrate(url)
    client, other = await ch.connect(url), await ch.connect(url)
    before = await server_ms(client)
    assert await settled_ms(client) > before - round(SETTLE_SECONDS * 1_000) - 2_000
    slow = "INSERT INTO events (event_id, contact_id, time, type) SELECT generateUUIDv4(), 1, now64(3), 'x'"
    began = await server_ms(client)
    rows = "FROM numbers(10) WHERE sleepEachRow(1) = 0 SETTINGS max_block_size = 1"
    insert = asyncio.create_task(other.command(f"{slow} {rows}"))
    async with asyncio.timeout(60):
        while not (await client.query(RUNNING)).result_rows[0][0]:
            await asyncio.sleep(0.05)
    seen = await server_ms(client)
    await asyncio.sleep(1)  # what does not wait for it is then a second further
    assert await settled_ms(client) <= seen - round(SETTLE_SECONDS * 1_000)
    assert not insert.done()
    await insert
    stored = await client.query("SELECT toUnixTimestamp64Milli(min(stored_at)) FROM events")
    assert began <= stored.result_rows[0][0] <= seen
    for one in (client, other):
        await one.close()
