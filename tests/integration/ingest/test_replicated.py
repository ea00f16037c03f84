"""A Valkey with a replica: a hit is kept when both have it, and only then."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import redis

from services.common import keys
from services.common.redis_client import RedisClient, connect
from services.common.replication import NotReplicatedError, Replicas
from services.ingest.buffer import HitBuffer, HitsNotKeptError
from services.ingest.spill import Spill
from tests.integration.conftest import PASSWORD, start_valkey
from tests.integration.ingest.test_buffer import hit
from tests.processes import Process, eventually, free_port

WAIT_SECONDS = 2.0


class Pair:
    """A master and its replica, which can be made to fall behind."""

    def __init__(self, folder: Path) -> None:
        ports = [free_port(), free_port()]
        self.processes = [_start(folder / str(port), port) for port in ports]
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{ports[0]}/0"
        self.master, self.replica = (redis.Redis(port=port, password=PASSWORD) for port in ports)
        self.replica.config_set("masterauth", PASSWORD)
        self.replica.replicaof("127.0.0.1", str(ports[0]))
        eventually(lambda: self.replica.info("replication")["master_link_status"] == "up", "the replica follows")

    @contextmanager
    def lagging(self) -> Iterator[None]:
        os.kill(self.processes[1].pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.processes[1].pid, signal.SIGCONT)

    def waits(self) -> int:
        return int(self.master.info("commandstats").get("cmdstat_wait", {}).get("calls", 0))

    def close(self) -> None:
        for client, process in zip((self.master, self.replica), self.processes, strict=True):
            client.close()
            process.stop()


def _start(folder: Path, port: int) -> Process:
    folder.mkdir()
    (folder / "password").write_text(PASSWORD)
    return start_valkey(folder, port)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("pair"))
    yield pair
    pair.close()


@pytest.fixture
async def client(pair: Pair) -> AsyncIterator[RedisClient]:
    client = connect(pair.url)
    await client.delete(keys.hits(0))
    yield client
    await client.aclose()


@asynccontextmanager
async def open_buffer(client: RedisClient, count: int, spill: Spill | None = None) -> AsyncIterator[HitBuffer]:
    buffer = HitBuffer(client, 1, 1_000, 5.0, spill, Replicas(client, count, WAIT_SECONDS))
    buffer.start()
    yield buffer
    await buffer.close()


async def test_a_hit_is_kept_when_the_replica_has_it(pair: Pair, client: RedisClient) -> None:
    async with open_buffer(client, 1) as buffer:
        assert await buffer.keep(hit(1), asks_contact=True) == {}
        assert pair.replica.xlen(keys.hits(0)) == 1
        with pair.lagging(), pytest.raises(HitsNotKeptError):
            await buffer.keep(hit(2))
        await buffer.keep(hit(3))
        assert pair.replica.xlen(keys.hits(0)) == 3, "the refused one is there too, though nobody may rely on it"


async def test_without_the_setting_nothing_is_waited_for(pair: Pair, client: RedisClient) -> None:
    before = pair.waits()
    async with open_buffer(client, 0) as buffer:
        with pair.lagging():
            await buffer.keep(hit(1))
    assert pair.waits() == before


async def test_what_the_replica_lacks_is_spilled_and_given_once_it_follows(
    pair: Pair, client: RedisClient, tmp_path: Path
) -> None:
    spill = Spill(tmp_path, 1_000_000)
    async with open_buffer(client, 1, spill) as buffer:
        with pair.lagging():
            await buffer.keep(hit(1))
            assert (buffer.spilled_hits, buffer.is_spilling) == (1, True)
            appended = pair.master.xlen(keys.hits(0))
            for _ in range(2):
                with pytest.raises(NotReplicatedError):
                    await buffer.replay()
            assert pair.master.xlen(keys.hits(0)) == appended, "tried again without the hits"
        await buffer.replay()
        assert (spill.size, buffer.is_spilling) == (0, False)
        assert pair.replica.xlen(keys.hits(0)) == appended + 1


async def test_a_fence_covers_what_other_connections_wrote(pair: Pair, client: RedisClient) -> None:
    replicas = Replicas(client, 1, WAIT_SECONDS)
    await replicas.learn()
    mark = replicas.mark()
    pair.master.set("written", "elsewhere")
    await replicas.confirm(mark)
    assert pair.replica.get("written") == b"elsewhere"
    with pair.lagging(), pytest.raises(NotReplicatedError, match="0 of 1"):
        await replicas.confirm(mark)
    await replicas.confirm(mark)
