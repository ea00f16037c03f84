"""The services as processes of a test, each with a client that is logged in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import redis
from redis.cluster import RedisCluster

from tests.processes import Process, free_port, is_up

LOGIN = ("admin", "test-login")


def redis_client(url: str) -> Any:
    kind = RedisCluster if url.startswith("redis+cluster") else redis.Redis
    return kind.from_url(url.replace("redis+cluster", "redis"))


class Service(NamedTuple):
    """A running service and a client that is logged in."""

    process: Process
    http: httpx.Client


def start_service(name: str, folder: Path, redis_url: str, clickhouse_url: str, **environ: str) -> Service:
    """`services.<name>` on a free port, ready."""
    port = free_port()
    process = Process(
        f"services.{name}",
        folder / f"{name}-{port}.log",
        {
            "SPOOR_REDIS_URL": redis_url,
            "SPOOR_CLICKHOUSE_URL": clickhouse_url,
            f"SPOOR_{name.upper()}_PORT": str(port),
            "SPOOR_ADMIN_PASSWORD": LOGIN[1],
            "SPOOR_SECRET": "integration-tests",
            "SPOOR_PUBLICLY_UPDATABLE": "email,firstname",
            "SPOOR_DATA_DIR": str(folder / "data"),
            "SPOOR_SEGMENT_SECONDS": "3600",  # what all tests made is not compared all the time
            **environ,
        },
    )
    url = f"http://127.0.0.1:{port}"
    process.wait_until(lambda: is_up(f"{url}/readyz"), name)
    return Service(process, httpx.Client(base_url=url, auth=LOGIN, timeout=30, trust_env=False))


def serving(name: str, folder: Path, redis_url: str, clickhouse_url: str, **environ: str) -> Iterator[Service]:
    """For a fixture: `start_service`, and its end."""
    service = start_service(name, folder, redis_url, clickhouse_url, **environ)
    yield service
    service.http.close()
    service.process.stop()
