"""Servers that the tools may empty, with all services on them; and a Redis Cluster of three masters."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import redis

from services.common import clickhouse as ch
from services.common.migrate import migrate
from services.common.profiles import ProfileStore
from services.common.redis_client import RedisClient, connect
from tests.integration.cluster.nodes import Cluster
from tests.integration.conftest import PASSWORD, start_clickhouse, start_valkey
from tests.integration.services import Service, start_service
from tests.integration.site import ENVIRON, Site, stop
from tests.processes import ROOT, free_port


class Place:
    """Servers and services of our own, and the tools run on them."""

    def __init__(self, folder: Path, valkey_port: int, clickhouse_port: int) -> None:
        self.redis_url = f"redis://:{PASSWORD}@127.0.0.1:{valkey_port}/0"
        self.clickhouse_url = f"http://spoor:{PASSWORD}@127.0.0.1:{clickhouse_port}/spoor"
        self.folder = folder
        self.contacts = self.start("contacts")
        self.site = Site(self.start, self.contacts.http)
        self.redis: Any = redis.Redis.from_url(self.redis_url)

    def start(self, name: str, **environ: str) -> Service:
        return start_service(name, self.folder, self.redis_url, self.clickhouse_url, **{**ENVIRON, **environ})

    def run(self, tool: str, *arguments: str, **environ: str) -> dict[str, Any]:
        """Its summary."""
        return summary(start_tool(self.redis_url, self.clickhouse_url, tool, *arguments, **environ))

    def close(self) -> None:
        self.redis.close()
        for service in (self.site.ingest, self.site.identity, self.contacts):
            stop(service)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tools")
    (folder / "password").write_text(PASSWORD)
    valkey_port, clickhouse_port = free_port(), free_port()
    with start_valkey(folder, valkey_port, "always"), start_clickhouse(folder, clickhouse_port):
        place = Place(folder, valkey_port, clickhouse_port)
        yield place
        place.close()


class Servers(NamedTuple):
    """A Redis and a ClickHouse database with nothing in them."""

    redis_url: str
    clickhouse_url: str
    redis: RedisClient
    clickhouse: ch.ClickHouse

    @property
    def store(self) -> ProfileStore:
        return ProfileStore(self.redis)

    def start(self, tool: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return start_tool(self.redis_url, self.clickhouse_url, tool, *arguments, **environ)

    def run(self, tool: str, *arguments: str, **environ: str) -> dict[str, Any]:
        """Its summary."""
        return summary(self.start(tool, *arguments, **environ))


@pytest.fixture(params=["server", "cluster"])
async def servers(request: pytest.FixtureRequest, valkey_url: str, clickhouse_url: str) -> AsyncIterator[Servers]:
    is_single = request.param == "server"
    redis_url = valkey_url[:-1] + "5" if is_single else request.getfixturevalue("cluster_url")
    database_url = clickhouse_url.removesuffix("spoor") + f"tool_{uuid.uuid4().hex}"
    await migrate(database_url)
    redis, clickhouse = connect(redis_url), await ch.connect(database_url)
    await redis.flushdb(**({} if is_single else {"target_nodes": "primaries"}))
    yield Servers(redis_url, database_url, redis, clickhouse)
    await redis.aclose()
    await clickhouse.close()


def start_tool(
    redis_url: str, clickhouse_url: str, tool: str, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPOOR_")}
    servers = {"SPOOR_REDIS_URL": redis_url, "SPOOR_CLICKHOUSE_URL": clickhouse_url, "SPOOR_SECRET": "x"}
    return subprocess.run(
        [sys.executable, "-m", f"services.identity.tools.{tool}", "--json", *arguments],
        cwd=ROOT, env={**clean, **servers, **environ}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def summary(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout, type=dict[str, Any])


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster.url
