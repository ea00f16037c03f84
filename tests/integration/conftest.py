"""Real servers and services for the tests of this folder: started once, on free ports, ended by their own ids.

With `TEST_ON_CLUSTER=1` in the environment, Redis is a cluster of three masters wherever a test does not bring its own.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import clickhouse_connect
import httpx
import pytest
import redis
from clickhouse_connect.driver.client import Client

from services.common import keys
from services.common.tables import EventRow, columns, encode_rows
from tests.integration.cluster.nodes import Cluster
from tests.integration.services import Service, redis_client, serving, start_service
from tests.integration.site import ENVIRON, Site, stop
from tests.processes import Process, accepts, free_port, is_up

PASSWORD = "test-password"


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("servers")
    (folder / "password").write_text(PASSWORD)
    return folder


@pytest.fixture(scope="session")
def valkey_url(server_folder: Path) -> Iterator[str]:
    yield from a_redis(server_folder)


@pytest.fixture(scope="session")
def lone_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of one that no service works in: nobody takes what a test puts there."""
    yield from a_redis(tmp_path_factory.mktemp("lone-redis"))


def a_redis(folder: Path) -> Iterator[str]:
    """For a fixture: a Valkey, or a Redis Cluster where TEST_ON_CLUSTER says so."""
    if os.environ.get("TEST_ON_CLUSTER"):
        with Cluster(folder / "cluster") as cluster:
            yield cluster.url
        return
    port = free_port()
    (folder / "password").write_text(PASSWORD)
    valkey = start_valkey(folder, port)
    yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    valkey.stop()


@pytest.fixture(scope="session")
def clickhouse_url(server_folder: Path) -> Iterator[str]:
    port = free_port()
    clickhouse = start_clickhouse(server_folder, port)
    yield f"http://spoor:{PASSWORD}@127.0.0.1:{port}/spoor"
    clickhouse.stop()


def start_valkey(folder: Path, port: int, fsync: str = "everysec") -> Process:
    """With `always` what was answered is in its files at once, with `everysec` within 2 s."""
    valkey = Process(
        "deploy.embedded.valkey",
        folder / "valkey.log",
        {},
        *("--data-dir", str(folder / "valkey"), "--port", str(port)),
        *("--password-file", str(folder / "password"), "--fsync", fsync),
    )
    valkey.wait_until(lambda: accepts(port) and _answers(port), "valkey")
    return valkey


def _answers(port: int) -> bool:
    """Not while it is still reading what it kept."""
    with redis.Redis(port=port, password=PASSWORD) as client:
        try:
            return bool(client.ping())
        except redis.exceptions.RedisError:
            return False


def start_clickhouse(folder: Path, port: int) -> Process:
    clickhouse = Process(
        "deploy.embedded.clickhouse",
        folder / "clickhouse.log",
        {},
        *("--data-dir", str(folder / "clickhouse"), "--port", str(port)),
        *("--user", "spoor", "--password-file", str(folder / "password")),
    )
    clickhouse.wait_until(lambda: is_up(f"http://127.0.0.1:{port}/ping"), "clickhouse")
    return clickhouse


@pytest.fixture(scope="session")
def contacts_service(server_folder: Path, valkey_url: str, clickhouse_url: str) -> Iterator[Service]:
    with redis_client(valkey_url) as client:
        client.set(keys.duty("segments"), "the tests")  # or each service that a test starts compares what others left
    yield from serving("contacts", server_folder, valkey_url, clickhouse_url)


@pytest.fixture(scope="session")
def api(contacts_service: Service) -> httpx.Client:
    return contacts_service.http


Hit = Callable[..., str]


@pytest.fixture(scope="session")
def clickhouse(contacts_service: Service, clickhouse_url: str) -> Iterator[Client]:
    """What the services have written."""
    url = httpx.URL(clickhouse_url)
    client = clickhouse_connect.get_client(
        host=url.host, port=url.port or 0, username=url.username, password=url.password, database="spoor"
    )
    yield client
    client.close()


@pytest.fixture(scope="session")
def store_hit(clickhouse: Client) -> Hit:
    """Stores an event of a contact as identity would; returns its id. `times` stores the same one again."""

    def store(contact_id: int, time: float, *, times: int = 1, **said: str) -> str:
        event_id = uuid.uuid4().hex
        row = event_row(event_id, contact_id, time, said)
        for _ in range(times):
            clickhouse.raw_insert(
                "events", columns(EventRow), encode_rows([row]), fmt="JSONCompactEachRow",
                settings={"insert_deduplication_token": uuid.uuid4().hex},
            )  # fmt: skip
        return event_id

    return store


def event_row(event_id: str, contact_id: int, time: float, said: dict[str, str]) -> EventRow:
    texts = dict.fromkeys(columns(EventRow), "")
    texts.update({"type": "page.hit", "device_id": "device", "ip": "192.0.2.1", "browser": "Firefox", **said})
    time_ms = round(time * 1_000)
    values = {**texts, "event_id": event_id, "contact_id": contact_id, "time": time_ms, "received_at": time_ms}
    return EventRow(**{**values, "latitude": 0.0, "longitude": 0.0})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def site(server_folder: Path, valkey_url: str, clickhouse_url: str, contacts_service: Service) -> Iterator[Site]:
    def start(name: str, **environ: str) -> Service:
        return start_service(name, server_folder, valkey_url, clickhouse_url, **{**ENVIRON, **environ})

    site = Site(start, contacts_service.http)
    yield site
    for service in (site.ingest, site.identity):
        stop(service)
