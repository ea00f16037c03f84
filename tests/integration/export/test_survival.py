"""An export whose process is killed or ends, or whose user no longer wants it: whole or absent, never half."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from services.common import keys
from services.common.migrate import migrate
from services.common.redis_client import connect
from services.export.record_folder import FOLDER_LOCK
from tests.integration.export.test_export import ended
from tests.integration.services import Service, start_service
from tests.processes import eventually

CONTACTS = 300_000
_FILL = f"""
INSERT INTO contacts (id, version, email, firstname, lastname, company, city, country, date_added, fields)
SELECT number + 1, 1, concat('c', toString(number), '@x.org'), hex(cityHash64(number)), hex(cityHash64(number + 1)),
    hex(cityHash64(number + 2)), hex(cityHash64(number + 3)), 'Italy', now64(3),
    map('website', hex(cityHash64(number + 4)), 'twitter', hex(cityHash64(number + 5)))
FROM numbers({CONTACTS})
"""


@pytest.fixture(scope="module")
def filled_url(clickhouse: Client, clickhouse_url: str) -> str:
    url = clickhouse_url.rsplit("/", 1)[0] + "/exports_survive"
    asyncio.run(migrate(url))
    clickhouse.command(_FILL.replace("INTO contacts", "INTO exports_survive.contacts"))
    return url


@pytest.fixture
def start(tmp_path: Path, valkey_url: str, filled_url: str) -> Iterator[Any]:
    """Starts a process over one and the same folder of jobs."""
    started: list[Service] = []

    def start(clickhouse_url: str = filled_url) -> Service:
        started.append(start_service("export", tmp_path, valkey_url, clickhouse_url))
        return started[-1]

    yield start
    for service in started:
        service.http.close()
        service.process.stop()


@pytest.fixture
def slow_url(filled_url: str) -> Iterator[str]:
    proxy = SlowProxy(filled_url)
    yield proxy.url
    proxy.close()


def begun(http: httpx.Client) -> str:
    """The id of one that runs, and has written something."""
    job: str = http.post("/exports", json={"columns": "all", "packing": "gzip"}).json()["id"]
    eventually(lambda: http.get(f"/exports/{job}").json()["rows"] > 0, "the first rows", 60)
    return job


def whole(http: httpx.Client, job_id: str) -> dict[str, Any]:
    job = ended(http, job_id)
    assert (job["status"], job["rows"], job["total"]) == ("done", CONTACTS, CONTACTS), job
    answer = httpx.get(f"{http.base_url}{job['download']}", auth=http.auth, trust_env=False)
    assert len(answer.content) == job["bytes"]
    return job


def test_a_killed_worker_leaves_its_export_to_another_one(start: Any, slow_url: str, tmp_path: Path) -> None:
    first = start(slow_url)
    job, second = begun(first.http), start()
    folder = tmp_path / "data" / "exports"
    assert not list(folder.glob(f"{job}.csv*"))
    first.process.stop(signal.SIGKILL)
    whole(second.http, job)
    assert not list(folder.glob("*.part"))


def test_all_killed_it_is_begun_again_at_a_start(start: Any, slow_url: str) -> None:
    first = start(slow_url)
    job = begun(first.http)
    first.process.stop(signal.SIGKILL)
    again = start()
    assert whole(again.http, job)["attempts"] == 2


def test_a_service_that_ends_leaves_what_it_was_doing(start: Any, slow_url: str) -> None:
    first = start(slow_url)
    job = begun(first.http)
    begin = time.monotonic()
    first.process.stop()
    assert time.monotonic() - begin < 8
    assert whole(start().http, job)["attempts"] == 1


def test_one_that_is_removed_while_it_runs_stops_and_leaves_nothing(start: Any, slow_url: str, tmp_path: Path) -> None:
    service = start(slow_url)
    job = begun(service.http)
    assert service.http.delete(f"/exports/{job}").json()["status"] == "removed"
    folder = tmp_path / "data" / "exports"
    eventually(lambda: not list(folder.glob(f"{job}*")), "nothing is left")
    time.sleep(1.5)
    assert [path.name for path in folder.iterdir() if path.is_file()] == [FOLDER_LOCK]


async def test_what_was_read_before_an_erasure_is_removed_and_what_reads_begins_again(
    tmp_path: Path, valkey_url: str, filled_url: str
) -> None:
    redis_url = valkey_url if "cluster" in valkey_url else f"{valkey_url[:-1]}15"  # others have exports, too
    redis = connect(redis_url)
    await redis.set(keys.ERASED, 1)
    folder = tmp_path / "data" / "exports"
    proxy = SlowProxy(filled_url)
    service = start_service("export", tmp_path, redis_url, proxy.url)
    small = service.http.post("/exports", json={"columns": ["id"], "search": "ids:1"}).json()["id"]
    assert ended(service.http, small)["status"] == "done"
    large = service.http.post("/exports", json={"format": "xlsx", "search": "email:c1 or email:c2"}).json()["id"]
    eventually(lambda: service.http.get(f"/exports/{large}").json()["rows"] > 0, "it reads", 60)
    erased_at = time.time()
    await redis.set(keys.ERASED, 2)
    eventually(lambda: service.http.get(f"/exports/{small}").json()["status"] == "expired", "the end of the file")
    proxy.is_slow = False
    assert not (folder / f"{small}.csv").exists() and service.http.get(f"/exports/{small}/download").status_code == 410
    done = ended(service.http, large)
    assert (done["status"], done["attempts"]) == ("done", 1) and done["started_at"] > erased_at
    service.process.stop()
    proxy.close()

    await redis.set(keys.ERASED, 3)
    again = start_service("export", tmp_path, redis_url, filled_url)
    eventually(lambda: again.http.get(f"/exports/{large}").json()["status"] == "expired", "what was missed is done")
    assert [path.suffix for path in folder.iterdir() if path.suffix not in (".json", ".lock", "")] == []
    for one in (service, again):
        one.http.close()
    again.process.stop()
    await redis.aclose()


class Proxy:
    """Hands on what passes between the service and ClickHouse."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(f":{parts.port}/", f":{self._server.getsockname()[1]}/")
        self.asked = bytearray()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(self._target)
                for source, sink, is_answer in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass, args=(source, sink, is_answer), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(1 << 16):
                passed += len(data)
                if is_answer:
                    self._answers(passed, data, source, sink)
                else:
                    self.asked += data
                sink.sendall(data)

    def _answers(self, passed: int, data: bytes, *ends: socket.socket) -> None:
        """Before these are handed on, the last of so many."""


class CuttingProxy(Proxy):
    """Once breaks off an answer that is so long."""

    CUT_AFTER = 5 << 20
    cuts = 0

    def _answers(self, passed: int, data: bytes, *ends: socket.socket) -> None:
        if passed > self.CUT_AFTER and not self.cuts:
            self.cuts += 1
            for end in ends:
                end.shutdown(socket.SHUT_RDWR)


class SlowProxy(Proxy):
    """What is beyond the first bytes of an answer takes its time: whoever reads it still does so when a test acts."""

    FIRST, BYTES_A_SECOND = 1 << 20, 1 << 20
    is_slow = True

    def _answers(self, passed: int, data: bytes, *ends: socket.socket) -> None:
        if passed > self.FIRST and self.is_slow:
            time.sleep(len(data) / self.BYTES_A_SECOND)


def test_an_answer_that_breaks_off_is_asked_for_again(tmp_path: Path, valkey_url: str, filled_url: str) -> None:
    proxy = CuttingProxy(filled_url)
    service = start_service("export", tmp_path, valkey_url, proxy.url)
    job = service.http.post("/exports", json={"columns": "all"}).json()["id"]
    assert (whole(service.http, job)["attempts"], proxy.cuts) == (2, 1)
    service.http.close()
    service.process.stop()
    proxy.close()
