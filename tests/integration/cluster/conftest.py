"""All services on a real Redis Cluster: four streams, two resolvers, and what is needed to look at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from redis.cluster import RedisCluster

from services.common import keys
from tests.integration.cluster.nodes import Cluster
from tests.integration.conftest import PASSWORD, start_clickhouse
from tests.integration.services import Service, start_service
from tests.integration.site import ENVIRON, Site, Visitor, stop
from tests.processes import eventually, free_port

STREAMS = 4


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One of its own: beside the ClickHouse of another Redis a service says that its Redis has lost everything."""
    folder, port = tmp_path_factory.mktemp("clickhouse"), free_port()
    (folder / "password").write_text(PASSWORD)
    clickhouse = start_clickhouse(folder, port)
    yield f"http://spoor:{PASSWORD}@127.0.0.1:{port}/spoor"
    clickhouse.stop()


class ClusterSite(Site):
    """A door, two resolvers, the API and exports on a cluster."""

    def __init__(self, start: Callable[..., Service], cluster: Cluster) -> None:
        self.cluster = cluster
        self._contacts = start("contacts")
        super().__init__(start, self._contacts.http)
        self.exports, self._second = start("export"), start("identity")
        self.redis = RedisCluster.from_url(cluster.url.replace("redis+cluster", "redis"))

    @property
    def services(self) -> list[Service]:
        return [self.ingest, self.identity, self._second, self._contacts, self.exports]

    def waiting(self) -> int:
        """Entries on all streams and in their slow lanes."""
        lanes = [lane(stream) for lane in (keys.hits, keys.slow_hits) for stream in range(STREAMS)]
        return sum(int(self.redis.xlen(lane)) for lane in lanes)

    def settle(self, visitor: Visitor, marker: str) -> None:
        visitor.get(f"/mtc/event?page_url={marker}")
        eventually(lambda: not self.waiting(), "the streams are drained")

    @contextmanager
    def resolver_with(self, **environ: str) -> Iterator[None]:
        stop(self._second)
        try:
            with super().resolver_with(**environ):
                yield
        finally:
            self._second = self._start("identity")

    def close(self) -> None:
        self.redis.close()
        for service in self.services:
            stop(service)


@pytest.fixture(scope="module", params=["0", "1"], ids=["the master's word", "with its replica"])
def on_cluster(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, clickhouse_url: str
) -> Iterator[ClusterSite]:
    site = ClusterSite(starter(tmp_path_factory.mktemp("site"), cluster, clickhouse_url, request.param), cluster)
    yield site
    site.close()


def starter(folder: Path, cluster: Cluster, clickhouse_url: str, wait_replicas: str) -> Callable[..., Service]:
    def start(name: str, **environ: str) -> Service:
        said = {**ENVIRON, "SPOOR_STREAMS": str(STREAMS), "SPOOR_REDIS_WAIT_REPLICAS": wait_replicas, **environ}
        return start_service(name, folder, cluster.url, clickhouse_url, **said)

    return start


def is_ready(service: Service) -> bool:
    """As its readyz says, within a moment."""
    try:
        return service.http.get("/readyz", timeout=3).status_code == 200
    except httpx.HTTPError:
        return False
