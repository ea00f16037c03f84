"""All four services, started as an installation would that gives them as little as they need: code that they cannot
write, no capabilities, and secrets that can be found again wherever they are said."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.integration.conftest import a_redis
from tests.processes import ROOT, Program, free_port, is_up

NAMES = ("ingest", "identity", "contacts", "export")
PASSWORD, SECRET, WRITE_KEY = "known-admin-password", "known-secret-of-signatures", "known-write-key-of-a-shop"
API_TOKEN, IDENTIFY_SECRET = "known-token-of-sixteen-and-more", "known-identify-secret"
ORIGIN = "https://shop.example"
# Of these none may be seen in a log; what a test makes or types joins them.
SECRETS = {PASSWORD, SECRET, WRITE_KEY, API_TOKEN, IDENTIFY_SECRET}
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


class Four(NamedTuple):
    """The services by name, and their logs; with a Redis and a database of their own, so that no resolver with other
    secrets works on their hits, nor theirs on the hits of others."""

    redis_url: str
    http: dict[str, httpx.Client]  # without a login
    logged_in: dict[str, httpx.Client]
    logs: dict[str, Path]
    processes: dict[str, Program]
    code: Path

    def port(self, name: str) -> int:
        return self.http[name].base_url.port or 0


@pytest.fixture(scope="session")
def redis_of_four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from a_redis(tmp_path_factory.mktemp("redis-of-four"))


@pytest.fixture(scope="session")
def four(tmp_path_factory: pytest.TempPathFactory, redis_of_four: str, clickhouse_url: str) -> Iterator[Four]:
    folder = tmp_path_factory.mktemp("four")
    code, data = folder / "code", folder / "data"
    data.mkdir()
    shutil.copytree(ROOT / "services", code / "services", ignore=shutil.ignore_patterns("__pycache__"))
    read_only(code)
    ports = {name: free_port() for name in NAMES}
    environ = {
        "SPOOR_REDIS_URL": redis_of_four,
        "SPOOR_CLICKHOUSE_URL": f"{clickhouse_url}_of_four",
        **{f"SPOOR_{name.upper()}_PORT": str(port) for name, port in ports.items()},
        "SPOOR_ADMIN_PASSWORD": PASSWORD,
        "SPOOR_SECRET": SECRET,
        "SPOOR_IDENTIFY_SECRET": IDENTIFY_SECRET,
        "SPOOR_WRITE_KEYS": WRITE_KEY,
        "SPOOR_API_TOKENS": f"crm:{API_TOKEN}",
        "SPOOR_CORS_ORIGINS": ORIGIN,
        "SPOOR_PUBLICLY_UPDATABLE": "email",
        "SPOOR_TRACK_PRIVATE_IP_RANGES": "true",
        "SPOOR_LOG_LEVEL": "debug",
        "SPOOR_SEGMENT_SECONDS": "3600",
        "SPOOR_DATA_DIR": str(data),
        "TMPDIR": str(data),
    }
    python = ROOT / ".venv" / "bin" / "python"
    logs = {name: folder / f"{name}.log" for name in NAMES}
    processes = {
        name: Program(logs[name], *UNPRIVILEGED, str(python), "-m", f"services.{name}", cwd=code, environ=environ)
        for name in NAMES
    }
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    http = {name: httpx.Client(base_url=url, timeout=30, trust_env=False) for name, url in urls.items()}
    logged_in = {
        name: httpx.Client(base_url=url, auth=("admin", PASSWORD), timeout=30, trust_env=False)
        for name, url in urls.items()
    }
    for name, process in processes.items():
        process.wait_until(lambda name=name: is_up(f"{urls[name]}/readyz"), name, 60)
    yield Four(redis_of_four, http, logged_in, logs, processes, code)
    for name in NAMES:
        http[name].close()
        logged_in[name].close()
        processes[name].stop()


def read_only(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
