"""Whoever follows stored events waits for inserts that still run."""

from __future__ import annotations

import asyncio
import uuid

from services.common import clickhouse as ch
from services.common.migrate import migrate
from services.contacts.stored_events import SETTLE_SECONDS, server_ms, settled_ms


async def test_an_insert_that_runs_is_waited_for(clickhouse_url: str) -> None:
    url = clickhouse_url.removesuffix("spoor") + f"place_{uuid.uuid4().hex}"
    await migrate(url)
    client, other = await ch.connect(url), await ch.connect(url)
    assert await settled_ms(client) > await server_ms(client) - round(SETTLE_SECONDS * 1_000) - 2_000
    slow = "INSERT INTO events (event_id, contact_id, time, type) SELECT generateUUIDv4(), 1, now64(3), 'x'"
    began = await server_ms(client)
    insert = asyncio.create_task(other.command(f"{slow} FROM numbers(3) WHERE sleepEachRow(1) = 0"))
    await asyncio.sleep(1.5)
    assert not insert.done()
    assert await settled_ms(client) <= began + 500 - round(SETTLE_SECONDS * 1_000)
    await insert
    stored = await client.query("SELECT toUnixTimestamp64Milli(min(stored_at)) FROM events")
    assert began <= stored.result_rows[0][0] < began + 1_000
    for one in (client, other):
        await one.close()
