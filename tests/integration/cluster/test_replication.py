"""What a fence proves on a cluster: it finds every master, and it is not fooled by one that has just taken over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.common import keys
from services.common.redis_client import RedisClient, RedisError, connect
from services.common.replication import Mark, NotReplicatedError, Replicas
from services.common.settings import Settings
from services.identity.erasing.erasing import open_erasing
from tests.integration.cluster.nodes import Cluster
from tests.processes import eventually

NOBODY = 1 << 51  # nobody else of these tests has such ids
KEY = keys.profile(NOBODY)


@pytest.fixture
async def redis(cluster: Cluster) -> AsyncIterator[RedisClient]:
    client = connect(cluster.url)
    yield client
    await client.aclose()
    await asyncio.to_thread(cluster.wait_until_whole)


@pytest.fixture
async def replicas(redis: RedisClient) -> Replicas:
    replicas = Replicas(redis, 1, 2.0)
    await replicas.learn()
    return replicas


async def confirm_when_back(replicas: Replicas, mark: Mark) -> None:
    """As soon as the cluster has masters, and these replicas, again."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await replicas.confirm(mark)
            except RedisError as error:
                if isinstance(error, NotReplicatedError) and "changed" in str(error):
                    raise
            await asyncio.sleep(0.1)


async def test_a_fence_reaches_every_master(cluster: Cluster, redis: RedisClient, replicas: Replicas) -> None:
    mark = replicas.mark()
    await asyncio.gather(*(redis.set(keys.profile(NOBODY + number), "x") for number in range(32)))
    await replicas.confirm(mark)
    assert mark is not None and len(mark) == 3
    for node in cluster.nodes:
        assert node.client.keys("fence:*") != []
        assert node.client.dbsize() > 0
    with pytest.raises(NotReplicatedError, match="1 of 2"):
        await Replicas(redis, 2, 2.0).learn()


async def test_an_erasure_can_be_confirmed_at_once(redis: RedisClient) -> None:
    settings = Settings(redis_wait_replicas=1, redis_wait_seconds=2.0, secret=("x",))
    replicas = (await open_erasing(settings, redis, None)).stores.replicas
    await replicas.confirm(replicas.mark())


async def test_a_command_and_its_wait_go_to_one_master(
    cluster: Cluster, redis: RedisClient, replicas: Replicas
) -> None:
    commands = [("SET", keys.profile(NOBODY + number), number) for number in range(32)]
    assert await replicas.call([*commands, ("GET", KEY)]) == [*[True] * 32, b"0"]
    with cluster.replica_of(cluster.master_of(KEY)).frozen(), pytest.raises(NotReplicatedError, match="0 of 1"):
        await replicas.call([("SET", KEY, 2)])


async def test_a_master_that_took_over_without_the_write_confirms_nothing(
    cluster: Cluster, redis: RedisClient, replicas: Replicas
) -> None:
    mark, master = replicas.mark(), cluster.master_of(KEY)
    replica = cluster.replica_of(master)
    with replica.frozen():
        master.client.execute_command("CLIENT KILL TYPE replica")
        await redis.set(KEY, "lost")
        master.kill()
    await asyncio.to_thread(eventually, lambda: replica.replication()["role"] == "master", "takes over", 30)
    master.start()
    with pytest.raises(NotReplicatedError, match="changed"):
        await confirm_when_back(replicas, mark)
    assert await redis.get(KEY) != b"lost"
    await confirm_when_back(replicas, replicas.mark())


async def test_a_master_that_starts_anew_confirms_nothing_from_before(
    cluster: Cluster, redis: RedisClient, replicas: Replicas
) -> None:
    mark, master = replicas.mark(), cluster.master_of(KEY)
    master.kill()
    master.start()
    with pytest.raises(NotReplicatedError, match="changed"):
        await confirm_when_back(replicas, mark)
