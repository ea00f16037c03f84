"""Jobs when their process dies, when they are cancelled, and beside other work, with servers of their own."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from services.common import keys
from services.contacts.jobs.runner import CHUNK
from tests.integration.conftest import PASSWORD, start_clickhouse, start_valkey
from tests.integration.services import Service, start_service
from tests.processes import eventually, free_port

RATE = 200


class Stack:
    def __init__(self, folder: Path) -> None:
        (folder / "password").write_text(PASSWORD)
        self._folder, self.redis_port, self._clickhouse_port = folder, free_port(), free_port()
        self._servers = [start_valkey(folder, self.redis_port), start_clickhouse(folder, self._clickhouse_port)]
        self.service = self.start()

    def start(self) -> Service:
        self.service = start_service(
            "contacts",
            self._folder,
            f"redis://:{PASSWORD}@127.0.0.1:{self.redis_port}/0",
            f"http://spoor:{PASSWORD}@127.0.0.1:{self._clickhouse_port}/spoor",
            SPOOR_JOB_CONTACTS_PER_SECOND=str(RATE),
        )
        return self.service

    def kill(self) -> None:
        """Its lease expires after 30 s, which nobody waits for here."""
        self.service.http.close()
        self.service.process.stop(signal.SIGKILL)
        with redis.Redis(port=self.redis_port, password=PASSWORD) as client:
            client.delete(keys.duty("jobs"))

    def stop(self) -> None:
        self.service.http.close()
        self.service.process.stop()
        for server in reversed(self._servers):
            server.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("jobs"))
    yield stack
    stack.stop()


def people(http: httpx.Client, city: str, count: int) -> None:
    for start in range(0, count, 200):
        items = [{"email": f"{city}{start + one}@x.org", "city": city} for one in range(min(200, count - start))]
        assert http.post("/api/contacts/batch/new", json=items).status_code == 201


def begin(http: httpx.Client, city: str) -> dict[str, Any]:
    answer = http.post("/api/contacts/batch/delete", json={"search": f"city:+{city}"})
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()["job"]
    return job


def read(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = http.get(f"/api/jobs/{job['id']}").json()["job"]
    return found


def left(http: httpx.Client, city: str) -> int:
    return int(http.get("/api/contacts", params={"search": f"city:+{city}", "limit": 1}).json()["total"])


def test_another_process_goes_on_where_a_killed_one_was(stack: Stack) -> None:
    http = stack.service.http
    people(http, "killed", 2_000)
    job = begin(http, "killed")
    assert job["total"] == 2_000
    for least in (100, 400):
        enough = f"{least} are done"
        eventually(lambda at=least: read(stack.service.http, job)["done"] >= at, enough, seconds=60)  # type: ignore[misc]
        stack.kill()
        stack.start()
    http = stack.service.http
    assert read(http, job)["done"] < 2_000, "it was killed in the middle"
    eventually(lambda: read(http, job)["status"] == "done", "the job ends", seconds=60)
    after = read(http, job)
    assert (after["total"], after["done"], after["failed"], left(http, "killed")) == (2_000, 2_000, 0, 0)


def test_it_leaves_room_for_others_and_can_be_cancelled(stack: Stack) -> None:
    http = stack.service.http
    people(http, "cancelled", 2_400)
    job = begin(http, "cancelled")
    eventually(lambda: read(http, job)["done"] > 0, "it is under way", seconds=30)
    began, first = time.monotonic(), read(http, job)["done"]
    eventually(lambda: read(http, job)["done"] >= 1_200, "1,200 are done", seconds=60)
    last = read(http, job)["done"]
    assert last - first <= CHUNK + (time.monotonic() - began) * RATE, "so many a second and no more"
    assert http.post(f"/api/jobs/{job['id']}/cancel").json()["job"]["status"] == "cancelled"
    later = begin(http, "nobody")  # is worked on after those that were under way are done, and told
    eventually(lambda: read(http, later)["status"] == "done", "a later job ends", seconds=60)
    stopped = read(http, job)
    assert (stopped["status"], stopped["total"], stopped["done"] < 2_400) == ("cancelled", 2_400, True)
    assert left(http, "cancelled") == 2_400 - stopped["done"]
    time.sleep(1.0)
    assert read(http, job) == stopped and left(http, "cancelled") == 2_400 - stopped["done"]


def test_a_job_that_comes_later_does_not_wait_for_a_long_one(stack: Stack) -> None:
    http = stack.service.http
    for city, count in (("long", 2_000), ("short", 100)):
        people(http, city, count)
    long = begin(http, "long")
    eventually(lambda: read(http, long)["done"] >= 100, "the long one is under way")
    short = begin(http, "short")
    eventually(lambda: read(http, short)["status"] == "done", "the short one ends", seconds=30)
    assert read(http, long)["status"] == "running", "it did not wait for the long one"
    eventually(lambda: read(http, long)["status"] == "done", "the long one ends", seconds=60)
    assert (read(http, short)["done"], read(http, long)["done"]) == (100, 2_000)


def test_a_job_whose_segment_is_gone_fails_and_says_so(stack: Stack) -> None:
    http = stack.service.http
    people(http, "gone", 200)
    filters = [{"field": "city", "operator": "=", "filter": "gone", "glue": "and", "object": "lead"}]
    segment = http.post("/api/segments/new", json={"name": "gone", "filters": filters}).json()["list"]["id"]
    job = http.post(f"/api/segments/{segment}/contacts/delete").json()["job"]
    assert http.delete(f"/api/segments/{segment}/delete").status_code == 200
    eventually(lambda: read(http, job)["status"] != "running", "the job ends")
    assert (read(http, job)["status"], read(http, job)["message"]) == ("failed", f"Segment {segment} is gone.")
