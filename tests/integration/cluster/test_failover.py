"""A master is killed under load: what was answered with 2xx is there, once, and under the right contact."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import clickhouse_connect
import httpx
import pytest

from services.common import keys
from services.common.profiles import ProfileStore
from services.common.redis_client import connect
from services.common.values import UniqueValue
from tests.integration import outboxes
from tests.integration.cluster.conftest import ClusterSite, is_ready, starter
from tests.integration.cluster.nodes import Cluster
from tests.integration.services import LOGIN
from tests.processes import eventually

DEVICES = 60  # two of each person
SECONDS_BETWEEN_HITS = 0.2  # of one device
LONGEST_ANSWER_SECONDS = 6.5  # ingest gives a hit 5 s
LAG_STEP_SECONDS = 0.02


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path, clickhouse_url: str) -> Iterator[ClusterSite]:
    site = ClusterSite(starter(tmp_path, cluster, clickhouse_url, "1"), cluster)
    yield site
    site.close()
    cluster.wait_until_whole()


class Sent(NamedTuple):
    """A hit that was answered, and how."""

    marker: str
    status: int
    names: bool
    seconds: float


class Lag:
    """For how long, all in all, the load itself had no turn: then its answers wait for it."""

    def __init__(self) -> None:
        self._seconds, self._due = 0.0, time.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._seconds, self._due = self.seconds, time.monotonic() + LAG_STEP_SECONDS
            await asyncio.sleep(LAG_STEP_SECONDS)

    @property
    def seconds(self) -> float:
        return self._seconds + max(0.0, time.monotonic() - self._due)


class Device:
    """Calls every now and then, one hit after the other; each third says who it is."""

    def __init__(self, url: str, person: str, lag: Lag) -> None:
        self.person, self._lag = person, lag
        self.sent: list[Sent] = []
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=15)
        self._device_id = ""

    async def run(self, stop: asyncio.Event) -> None:
        async with self._http:
            while not stop.is_set():
                await self._hit(names=len(self.sent) % 3 == 2)
                await asyncio.sleep(SECONDS_BETWEEN_HITS)

    async def _hit(self, *, names: bool) -> None:
        marker = f"https://shop.example/{uuid.uuid4().hex}"
        body = {"page_url": marker, "mautic_device_id": self._device_id, **({"email": self.person} if names else {})}
        started, lag = time.monotonic(), self._lag.seconds
        answer = await self._http.post("/mtc/event", data=body)
        seconds = time.monotonic() - started - (self._lag.seconds - lag)
        self.sent.append(Sent(marker, answer.status_code, names, seconds))
        if answer.status_code == 200:
            self._device_id = answer.json()["device_id"]

    @property
    def kept(self) -> list[Sent]:
        return [one for one in self.sent if one.status == 200]


class Editor:
    """Makes contacts through the API."""

    def __init__(self, url: str) -> None:
        self.made: dict[str, int] = {}
        self.refused = 0
        self._http = httpx.AsyncClient(base_url=url, auth=LOGIN, trust_env=False, timeout=30)

    async def run(self, stop: asyncio.Event) -> None:
        async with self._http:
            while not stop.is_set():
                email = f"{uuid.uuid4().hex}@example.com"
                answer = await self._http.post("/api/contacts/new", json={"email": email})
                if answer.status_code == 201:
                    self.made[email] = answer.json()["contact"]["id"]
                else:
                    assert answer.status_code == 503, answer.text
                    self.refused += 1
                await asyncio.sleep(0.05)


async def fail_over(site: ClusterSite) -> None:
    """The replica is cut off for a moment in which the master goes on alone; then that dies, and comes back later as a
    replica. What it was told in that moment nobody has."""
    master = site.cluster.master_of(keys.hits(0))
    replica = site.cluster.replica_of(master)
    await asyncio.sleep(2)
    with replica.frozen():
        master.client.execute_command("CLIENT KILL TYPE replica")  # or the rest would wait for it in the socket
        await asyncio.sleep(0.6)
        master.kill()
    await until(lambda: replica.replication()["role"] == "master", "the replica takes over")
    await asyncio.sleep(1)
    await asyncio.to_thread(master.start)
    await until(lambda: all(is_ready(service) for service in site.services), "all services are ready again")
    await asyncio.sleep(2)


async def until(probe: object, what: str) -> None:
    await asyncio.to_thread(eventually, probe, what, 60)


async def load(site: ClusterSite, devices: list[Device], editor: Editor, lag: Lag) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for caller in (lag, *devices, editor):
            group.create_task(caller.run(stop))
        try:
            await fail_over(site)
            await until(lambda: len(editor.made) > 10, "the API makes contacts")  # on a slow machine few until now
        finally:
            stop.set()


async def test_a_failover_under_load_loses_nothing_that_was_answered(site: ClusterSite, clickhouse_url: str) -> None:
    run = uuid.uuid4().hex[:8]
    lag = Lag()
    devices = [Device(site.url, f"{number // 2}.{run}@example.com", lag) for number in range(DEVICES)]
    editor = Editor(str(site.api.base_url))
    running = [service.process.pid for service in site.services]
    await load(site, devices, editor, lag)
    await until(lambda: not site.waiting(), "the streams are drained")
    await until(lambda: outboxes.are_empty(site.redis), "contacts of batches that were tried again are projected")

    sent = [one for device in devices for one in device.sent]
    kept = {one.marker for device in devices for one in device.kept}
    assert {one.status for one in sent} == {200, 503}, "the failover was felt"
    assert max(one.seconds for one in sent) < LONGEST_ANSWER_SECONDS
    stored = Stored(clickhouse_url, run)
    assert [one for one in sent if one.status == 200 and len(stored.events.get(one.marker, [])) != 1] == []
    assert len(kept) > 500
    for device in devices:
        if any(one.names for one in device.kept):
            where = {stored.survivor(contact) for one in device.kept for contact in stored.events[one.marker]}
            assert where == {stored.contacts[device.person]}, device.person
    await assert_made(site, editor)
    assert [service.process.pid for service in site.services] == running
    assert all(service.process.is_running for service in site.services)


async def assert_made(site: ClusterSite, editor: Editor) -> None:
    """Each contact that the API made has its address, in Redis, and is found by it."""
    assert editor.refused and len(editor.made) > 10
    redis = connect(site.cluster.url)
    store = ProfileStore(redis)
    holders = await store.holders(UniqueValue("email", email) for email in editor.made)
    profiles = await store.load(editor.made.values())
    await redis.aclose()
    assert {value.value: claim and claim.contact_id for value, claim in holders.items()} == editor.made
    shown = {contact_id: profile and profile.value("email") for contact_id, profile in profiles.items()}
    assert shown == {contact_id: email for email, contact_id in editor.made.items()}


class Stored:
    """What ClickHouse has: events by their page, the contacts of a run by address."""

    def __init__(self, url: str, run: str) -> None:
        parts = httpx.URL(url)
        client = clickhouse_connect.get_client(
            host=parts.host, port=parts.port or 0, username=parts.username, password=parts.password, database="spoor"
        )
        self.events: dict[str, list[int]] = {}
        rows = client.query("SELECT DISTINCT url, contact_id, time, event_id FROM events").result_rows
        for page, contact, *_ in rows:
            self.events.setdefault(page, []).append(contact)
        self._aliases = dict(client.query("SELECT loser, winner FROM aliases FINAL WHERE loser != winner").result_rows)
        known = client.query(f"SELECT email, id FROM contacts FINAL WHERE email LIKE '%.{run}@example.com'").result_rows
        self.contacts = {email: self.survivor(contact) for email, contact in known}
        client.close()

    def survivor(self, contact_id: int) -> int:
        while contact_id in self._aliases:
            contact_id = self._aliases[contact_id]
        return contact_id
