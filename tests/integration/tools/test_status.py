"""`./just status` and /metrics on real servers: what they say while all is well, and of what is not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.common import keys
from tests.integration.services import Service
from tests.integration.site import stop
from tests.integration.tools.conftest import Place
from tests.processes import ROOT, Process, eventually


@pytest.fixture(scope="module")
def export(place: Place) -> Iterator[Service]:
    export = place.start("export")
    yield export
    stop(export)


def urls(place: Place, export: Service) -> list[str]:
    services = {"ingest": place.site.ingest, "identity": place.site.identity, "contacts": place.contacts}
    return [f"--url={name}={one.http.base_url}" for name, one in {**services, "export": export}.items()]


def servers(place: Place) -> dict[str, str]:
    return {"SPOOR_REDIS_URL": place.redis_url, "SPOOR_CLICKHOUSE_URL": place.clickhouse_url, "SPOOR_STREAMS": "1"}


def status(place: Place, export: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.status", *urls(place, export), *arguments],
        cwd=ROOT, env=servers(place), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def metric(service: Service, name: str) -> float:
    [line] = [line for line in service.http.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


def wrong(told: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {line["what"]: line["alert"] for line in msgspec.json.decode(told.stdout)["lines"] if not line["is_well"]}


def test_while_all_is_well_it_says_so(place: Place, export: Service) -> None:
    with place.site.visitor() as visitor:
        place.site.settle(visitor, "status-marker")
    told = status(place, export)
    assert (told.returncode, told.stderr) == (0, "")
    assert "All is well." in told.stdout and "nothing waits in 1 stream" in told.stdout
    [hits] = [line for line in told.stdout.splitlines() if " hits  " in line]
    assert "accepted" in hits and "stored" in hits
    said: Any = msgspec.json.decode(status(place, export, "--json").stdout)
    assert said["is_well"] and said["redis"]["state"]["keeps_file"]
    assert said["clickhouse"]["events"] >= 1
    assert said["services"][1]["metrics"]["identity_batch_seconds_count"] >= 1


def test_it_looks_again_and_again_until_it_is_told_to_end(place: Place, export: Service, tmp_path: Path) -> None:
    arguments = [*urls(place, export), "--watch", "0.1"]
    with Process("deploy.status", tmp_path / "watch.log", servers(place), *arguments) as watching:
        watching.wait_until(lambda: watching.log.read_text().count("All is well.") > 1, "a second look")
        assert watching.stop(signal.SIGINT) == 0
    assert "Traceback" not in watching.said()


def test_each_service_says_that_it_is_ready_and_how_long_requests_took(place: Place, export: Service) -> None:
    place.contacts.http.get("/api/contacts")
    pairs = (("ingest", place.site.ingest), ("identity", place.site.identity), ("contacts", place.contacts))
    for name, service in (*pairs, ("export", export)):
        assert metric(service, f"{name}_ready") == 1
    assert metric(place.contacts, 'contacts_request_seconds_count{kind="read"}') >= 1
    assert metric(place.site.ingest, "ingest_flush_hits_sum") >= 1


def test_what_is_wrong_is_named_and_its_status_is_1(place: Place, export: Service) -> None:
    place.redis.xadd(keys.DEAD_HITS, {"h": b"", "reason": "unreadable: a test"})
    place.redis.config_set("appendonly", "no")
    place.redis.hset(keys.LAST_CHECK, mapping={"wrong": 2, "at": int(time.time())})
    place.redis.zadd(keys.changes(5), {"5": (time.time() - 300) * 1e6})
    stop(place.site.identity)
    try:
        with place.site.visitor() as visitor:
            visitor.get("/mtc/event?page_url=nobody-reads-this")
        told = status(place, export, "--json")
        assert told.returncode == 1
        assert wrong(told) == {
            "identity": "SpoorServiceAway",
            "Redis": "SpoorRedisFileTrouble",
            "dead letters": "SpoorDeadLetters",
            "outbox": "SpoorOutboxStuck",
            "check-identity": "SpoorCheckIdentityFound",
        }
        assert msgspec.json.decode(told.stdout)["redis"]["queues"][0]["entries"] >= 1
    finally:
        place.redis.config_set("appendonly", "yes")
        place.site.identity = place.start("identity")
    eventually(lambda: metric(place.site.identity, "identity_redis_up") == 1, "identity looks around")
    assert metric(place.site.identity, "identity_check_wrong") == 2
    assert metric(place.site.identity, "identity_dead_letters") == 1
    place.redis.delete(keys.DEAD_HITS, keys.LAST_CHECK, keys.changes(5))
    eventually(lambda: status(place, export).returncode == 0, "all is well again")


def test_servers_that_are_away_are_named_and_hold_nothing_up(place: Place, export: Service) -> None:
    away = Place.__new__(Place)
    away.__dict__ = {**place.__dict__, "redis_url": "redis://127.0.0.1:1", "clickhouse_url": "http://127.0.0.1:1"}
    started = time.monotonic()
    told = status(away, export, "--json")
    assert wrong(told) == {"Redis": "SpoorRedisAway", "ClickHouse": "SpoorClickHouseRefusesInserts"}
    assert time.monotonic() - started < 20


def test_what_waits_in_contacts_is_told(place: Place, export: Service) -> None:
    name = f"one-{uuid.uuid4().hex[:8]}"
    place.redis.zadd(keys.MAILS, {name: (time.time() - 3_600) * 1e6})
    try:
        eventually(
            lambda: metric(place.contacts, "contacts_mails_overdue_seconds") > 3_000, "it looked at the queue", 30
        )
        assert wrong(status(place, export, "--json")) == {"mails": "SpoorMailsStuck"}
    finally:
        place.redis.zrem(keys.MAILS, name)
