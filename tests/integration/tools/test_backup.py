"""What docs/runbook.md says of backup, restore and roll-back, done as it says: nobody is missing afterwards."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
import redis
from clickhouse_connect.driver.client import Client

from services.common import keys
from services.common.migrate import migrate
from tests.integration.conftest import PASSWORD, start_clickhouse, start_valkey
from tests.integration.site import stop
from tests.integration.tools.conftest import Place
from tests.integration.tools.test_rebuild_redis import answer, contents, hit, make
from tests.processes import ROOT, eventually, free_port

SCRIPTS = dict(re.findall(r"<!-- tried: ([a-z ]+) -->\n```sh\n(.+?)```", (ROOT / "docs/runbook.md").read_text(), re.S))


def run(script: str, clickhouse_url: str, folder: Path) -> None:
    """A script of the runbook."""
    url = httpx.URL(clickhouse_url)
    environ = {"CLICKHOUSE": str(url.copy_with(path="/", params={"database": "spoor"})), "BACKUP": str(folder)}
    told = subprocess.run(
        ["sh", "-c", SCRIPTS[script]],
        env={"PATH": "/usr/bin:/bin", **environ}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, ""), told.stdout


def client_of(clickhouse_url: str) -> Client:
    url = httpx.URL(clickhouse_url)
    return clickhouse_connect.get_client(
        host=url.host, port=url.port or 0, username=url.username, password=url.password, database="spoor"
    )


def copy_of_running(valkey: Any, folder: Path, copy: Path) -> None:
    """As the runbook says."""
    valkey.config_set("auto-aof-rewrite-percentage", "0")
    eventually(lambda: not valkey.info("persistence")["aof_rewrite_in_progress"], "no rewrite is under way")
    shutil.copytree(folder / "valkey" / "appendonlydir", copy / "valkey" / "appendonlydir")
    valkey.config_set("auto-aof-rewrite-percentage", "100")


@contextmanager
def servers(folder: Path) -> Iterator[tuple[str, str]]:
    """Of a folder: empty ones, or what a backup left there."""
    (folder / "password").write_text(PASSWORD)
    valkey_port, clickhouse_port = free_port(), free_port()
    with start_valkey(folder, valkey_port), start_clickhouse(folder, clickhouse_port):
        yield (
            f"redis://:{PASSWORD}@127.0.0.1:{valkey_port}/0",
            f"http://spoor:{PASSWORD}@127.0.0.1:{clickhouse_port}/spoor",
        )


@pytest.fixture(scope="module")
def people(place: Place) -> list[int]:
    """One who was written over the API, one who was merged, and the visitor of before."""
    address = f"ada.{uuid.uuid4().hex[:8]}@example.org"
    ada = make(place, email=address, firstname="Ada", tags=["vip"])
    with place.site.visitor() as visitor:
        before = hit(visitor, "before")
        hit(visitor, "login", email=address)
        place.site.settle(visitor, "stored")
    eventually(lambda: not place.redis.xlen(keys.AUDIT), "the audit log is in ClickHouse")
    return [ada, before]


async def test_what_is_restored_answers_as_before_and_what_waited_in_redis_is_stored_once(
    place: Place, people: list[int], tmp_path: Path
) -> None:
    """Redis is backed up first: hits that wait in its backup are stored in that of ClickHouse."""
    stop(place.site.identity)
    try:
        with place.site.visitor() as visitor:
            waiting = hit(visitor, "waited-in-redis")
        copy_of_running(place.redis, place.folder, tmp_path)
    finally:
        place.site.identity = place.start("identity")
    eventually(lambda: place.site.history(waiting), "it is stored")
    before, shown = contents(place.redis), [answer(place, one) for one in [*people, waiting]]
    histories = [place.site.history(one) for one in [*people, waiting]]
    run("back up", place.clickhouse_url, tmp_path / "backup")
    with servers(tmp_path) as (redis_url, clickhouse_url):
        with redis.Redis.from_url(redis_url) as copied:
            assert contents(copied) == before
            assert copied.xlen(keys.hits(0)) == 1
        await migrate(clickhouse_url)
        run("restore", clickhouse_url, tmp_path / "backup")
        restored = place_on(place, redis_url, clickhouse_url)
        try:
            eventually(lambda: not restored.redis.xlen(keys.hits(0)), "the queue is drained")
            assert counts(clickhouse_url) == counts(place.clickhouse_url)
            assert [answer(restored, one) for one in [*people, waiting]] == shown
            assert [restored.site.history(one) for one in [*people, waiting]] == histories
            assert restored.run("check_identity", "--pause=0.2")["wrong"] == 0
        finally:
            restored.close()


async def test_without_a_backup_of_redis_it_is_made_anew_from_that_of_clickhouse(
    place: Place, people: list[int], tmp_path: Path
) -> None:
    before = contents(place.redis)
    run("back up", place.clickhouse_url, tmp_path / "backup")
    with servers(tmp_path) as (redis_url, clickhouse_url):
        await migrate(clickhouse_url)
        run("restore", clickhouse_url, tmp_path / "backup")
        lost = Place.__new__(Place)
        lost.redis_url, lost.clickhouse_url = redis_url, clickhouse_url
        assert lost.run("rebuild_redis")["profiles_put"] == len(before["profiles"])
        with redis.Redis.from_url(redis_url) as rebuilt:
            assert contents(rebuilt) == before


async def test_an_older_version_goes_on_with_a_newer_schema(place: Place, people: list[int]) -> None:
    with client_of(place.clickhouse_url) as clickhouse:
        clickhouse.command("ALTER TABLE events ADD COLUMN IF NOT EXISTS from_the_future String DEFAULT 'later'")
        clickhouse.command("ALTER TABLE contacts ADD COLUMN IF NOT EXISTS from_the_future UInt64")
        clickhouse.insert("migrations", [["9999_future", "sum"]], column_names=["name", "checksum"])
        assert await migrate(place.clickhouse_url) == []
        stop(place.site.identity)
        place.site.identity = place.start("identity")
        with place.site.visitor() as visitor:
            contact = hit(visitor, "after-rolling-back")
            place.site.settle(visitor, "rolled-back")
        assert make(place, email=f"{uuid.uuid4().hex[:8]}@example.org")
        [row] = clickhouse.query(
            "SELECT from_the_future FROM events WHERE contact_id = %(id)s AND url LIKE '%%rolling-back'",
            {"id": contact},
        ).result_rows
        assert row == ("later",)


def place_on(place: Place, redis_url: str, clickhouse_url: str) -> Place:
    """The services on restored servers."""
    port, clickhouse_port = httpx.URL(redis_url).port, httpx.URL(clickhouse_url).port
    assert port and clickhouse_port
    folder = place.folder / f"restored-{time.time_ns()}"
    folder.mkdir()
    return Place(folder, port, clickhouse_port)


def counts(clickhouse_url: str) -> dict[str, int]:
    tables = ("events", "contacts", "records", "aliases", "activity", "audit")
    with client_of(clickhouse_url) as clickhouse:
        return {
            table: int(clickhouse.query(f"SELECT count() FROM {table} FINAL").result_rows[0][0]) for table in tables
        }
