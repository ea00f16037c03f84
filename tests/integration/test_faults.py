"""Whatever dies wherever: every hit that was taken is stored once, under the right contact."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from services.common import keys
from services.common.device import DeviceCodec
from services.common.hit import BATCH_FIELD, Hit, encode_batch
from tests.integration import outboxes
from tests.processes import START_SECONDS, Process, accepts, eventually, free_port, is_up

SECRET = "fault-tests"
BRIEF_LEASE = {"SPOOR_LEASE_SECONDS": "5"}  # of whoever is killed: so long its successor waits
codec = DeviceCodec((SECRET,))


class Spine:
    """Valkey, ClickHouse and as many resolvers as a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password = folder / "password"
        self.password.write_text("test-password")
        self.redis_port, self.clickhouse_port, self.port = free_port(), free_port(), free_port()
        self.resolvers: list[Process] = []
        self.valkey = self.start_valkey()
        self.clickhouse = self.start_clickhouse()
        self.redis = redis.Redis(port=self.redis_port, password="test-password")
        self._count = 0

    def start_valkey(self) -> Process:
        valkey = Process(
            "deploy.embedded.valkey", self.folder / "valkey.log", {},
            *("--data-dir", str(self.folder / "valkey"), "--port", str(self.redis_port)),
            *("--password-file", str(self.password), "--fsync", "always"),
        )  # fmt: skip
        valkey.wait_until(lambda: accepts(self.redis_port), "valkey")
        return valkey

    def start_clickhouse(self) -> Process:
        clickhouse = Process(
            "deploy.embedded.clickhouse", self.folder / "clickhouse.log", {},
            *("--data-dir", str(self.folder / "clickhouse"), "--port", str(self.clickhouse_port)),
            *("--user", "spoor", "--password-file", str(self.password)),
        )  # fmt: skip
        clickhouse.wait_until(lambda: is_up(f"http://127.0.0.1:{self.clickhouse_port}/ping"), "clickhouse")
        return clickhouse

    def start_resolver(self, **environ: str) -> Process:
        self.port = free_port()
        resolver = Process(
            "services.identity",
            self.folder / f"identity-{self.port}.log",
            {
                "SPOOR_REDIS_URL": f"redis://:test-password@127.0.0.1:{self.redis_port}",
                "SPOOR_CLICKHOUSE_URL": f"http://spoor:test-password@127.0.0.1:{self.clickhouse_port}/spoor",
                "SPOOR_IDENTITY_PORT": str(self.port),
                "SPOOR_SECRET": SECRET,
                "SPOOR_ADMIN_PASSWORD": "test-login",
                "SPOOR_STREAMS": "1",
                "SPOOR_PUBLICLY_UPDATABLE": "email",
                **environ,
            },
        )
        self.resolvers.append(resolver)
        return resolver

    def append(self, *hits: Hit) -> None:
        self.redis.xadd(keys.hits(0), {BATCH_FIELD: encode_batch(list(hits))})

    def hit(self, contact_id: int, email: str = "", *, is_new: bool = False, query: bytes = b"") -> Hit:
        self._count += 1
        now_us = time.time_ns() // 1_000
        text = f"page_url=https://shop.example/{self._count}" + (f"&email={email}" if email else "")
        return Hit(
            self._count.to_bytes(16, "big"), now_us, now_us, 0, codec.mint(contact_id), contact_id, is_new,
            "10.0.0.1", text.encode() + query, b"", b"Mozilla/5.0 Firefox/130.0", b"", b"",
        )  # fmt: skip

    def rows(self, sql: str) -> list[list[str]]:
        answer = httpx.post(
            f"http://127.0.0.1:{self.clickhouse_port}/?database=default", content=sql,
            auth=("spoor", "test-password"), trust_env=False,
        )  # fmt: skip
        if answer.status_code == 404:
            return []  # the tables are not there yet
        assert answer.status_code == 200, answer.text
        return [line.split("\t") for line in answer.text.splitlines()]

    def stored(self) -> dict[int, set[int]]:
        """Event number: the contacts under which it is stored."""
        found: dict[int, set[int]] = {}
        for event_id, contact_id in self.rows("SELECT event_id, contact_id FROM spoor.events"):
            found.setdefault(int(event_id.replace("-", ""), 16), set()).add(int(contact_id))
        return found

    def emails(self) -> dict[str, int]:
        """The contact of each address in the projection."""
        rows = self.rows("SELECT email, id FROM spoor.contacts FINAL WHERE email != ''")
        return {email: int(contact_id) for email, contact_id in rows}

    def companies(self) -> list[list[str]]:
        """Ids and names in the projection."""
        name = "JSONExtractString(data, 'fields', 'companyname', 1)"
        return self.rows(f"SELECT id, {name} FROM spoor.records FINAL WHERE kind = 'company' ORDER BY toUInt64(id)")

    def members(self, company_id: str) -> set[int]:
        rows = self.rows(
            f"SELECT id FROM spoor.contacts FINAL WHERE JSONExtractUInt(profile, 'own', 'company_id') = {company_id}"
        )
        return {int(contact_id) for (contact_id,) in rows}

    def is_drained(self, streams: int = 1) -> bool:
        """No hit waits, and what was written for them is projected: by the relay where its writer died before."""
        # In this order: a hit goes from the one to the other.
        lanes = [lane(stream) for lane in (keys.hits, keys.slow_hits) for stream in range(streams)]
        return not any(self.redis.xlen(lane) for lane in lanes) and outboxes.are_empty(self.redis)

    def clear(self) -> None:
        """As new: no resolver, no key, no table."""
        for resolver in self.resolvers:
            resolver.stop(signal.SIGKILL)
        self.resolvers.clear()
        self.redis.flushall()
        self.rows("DROP DATABASE IF EXISTS spoor")
        self._count = 0

    def close(self) -> None:
        self.clear()
        self.redis.close()
        self.clickhouse.stop()
        self.valkey.stop()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spine]:
    spine = Spine(tmp_path_factory.mktemp("spine"))
    yield spine
    spine.close()


@pytest.fixture
def spine(servers: Spine) -> Iterator[Spine]:
    yield servers
    servers.clear()


@pytest.mark.parametrize(
    ("point", "passing"),
    [("after_read", 2), ("after_profile", 2), ("after_insert", 2), ("after_ack", 1), ("after_ack", 2)],
)
def test_a_resolver_killed_with_a_batch_read_ahead_loses_doubles_and_mixes_nothing(
    spine: Spine, point: str, passing: int
) -> None:
    """Ten batches; the device is Ada's from the second one on, and from the third one on Eve's."""
    said = {15: "ada@x.org", 25: "eve@x.org"}
    for first in range(1, 101, 5):
        spine.append(*(spine.hit(1, said.get(number, "")) for number in range(first, first + 5)))
    fault = {"SPOOR_FAULT_POINT": point, "SPOOR_FAULT_PASSING": str(passing)}
    doomed = spine.start_resolver(SPOOR_BATCH_HITS="10", **BRIEF_LEASE, **fault)
    eventually(lambda: "Unexpected exit from worker" in doomed.said(), f"killed {point}", START_SECONDS)
    doomed.stop(signal.SIGKILL)
    assert spine.redis.xpending(keys.hits(0), keys.HITS_GROUP)["pending"] > 2, "read ahead and not acknowledged"
    successor = spine.start_resolver(SPOOR_BATCH_HITS="10")
    successor.wait_until(spine.is_drained, "drained by the successor", 60)
    emails = spine.emails()
    assert len(emails) == 2 and emails["ada@x.org"] == 1
    assert spine.stored() == {number: {1 if number < 25 else emails["eve@x.org"]} for number in range(1, 101)}
    assert successor.stop() == 0


def test_two_resolvers_that_name_one_company_at_once_make_one(spine: Spine) -> None:
    for number in range(1, 41):
        hit = spine.hit(number, query=b"&company=Acme&companycity=%d&city=no" % number)
        spine.redis.xadd(keys.hits(number % 4), {BATCH_FIELD: encode_batch([hit])})
    first, second = (spine.start_resolver(SPOOR_STREAMS="4") for _ in range(2))
    second.wait_until(lambda: spine.is_drained(4), "drained")
    [[company_id, name]] = spine.companies()
    assert name == "Acme"
    assert spine.members(company_id) == set(range(1, 41))
    first.stop()
    second.stop()


def test_companies_from_hits_can_be_turned_off(spine: Spine) -> None:
    spine.append(spine.hit(1, query=b"&company=Acme"))
    resolver = spine.start_resolver(SPOOR_COMPANIES_FROM_HITS="false")
    resolver.wait_until(spine.is_drained, "drained")
    assert sorted(spine.stored()) == [1]
    assert spine.companies() == []
    assert spine.redis.exists(keys.profile(1)) == 0
    resolver.stop()


def test_a_poison_entry_is_put_aside_and_its_neighbours_are_stored(spine: Spine) -> None:
    spine.append(spine.hit(1))
    spine.redis.xadd(keys.hits(0), {BATCH_FIELD: b"\xc1 not a batch"})
    spine.redis.xadd(keys.hits(0), {b"strange": b"field"})
    spine.append(spine.hit(2))
    resolver = spine.start_resolver()
    resolver.wait_until(spine.is_drained, "drained")
    assert sorted(spine.stored()) == [1, 2]
    dead = spine.redis.xrange(keys.DEAD_HITS)
    assert [bool(fields[b"reason"]) for _, fields in dead] == [True, True]
    resolver.stop()


def test_a_successor_takes_over_what_a_dead_reader_left(spine: Spine) -> None:
    first = spine.start_resolver(**BRIEF_LEASE)
    first.wait_until(lambda: spine.redis.exists(keys.lease(0)), "lease taken")
    first.stop(signal.SIGKILL)
    spine.append(spine.hit(1), spine.hit(2))
    second = spine.start_resolver()
    second.wait_until(spine.is_drained, "drained by the successor", 60)
    assert sorted(spine.stored()) == [1, 2]
    second.stop()


def test_a_resolver_that_is_stopped_gives_its_streams_up_at_once(spine: Spine) -> None:
    resolver = spine.start_resolver(SPOOR_STREAMS="4")
    resolver.wait_until(lambda: spine.redis.exists(*(keys.lease(stream) for stream in range(4))) == 4, "four leases")
    assert resolver.stop() == 0
    assert [spine.redis.get(keys.lease(stream)) for stream in range(4)] == [None] * 4


def test_a_full_redis_is_drained_by_a_resolver_that_starts_then(spine: Spine) -> None:
    """Also by the first one ever, and past an entry that must be put aside."""
    spine.append(spine.hit(1), spine.hit(1, "ada@x.org"), spine.hit(2, "ada@x.org"), spine.hit(1, "eve@x.org"))
    spine.redis.xadd(keys.hits(0), {BATCH_FIELD: b"\xc1 not a batch" + b"x" * 200_000})
    spine.redis.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            spine.append(spine.hit(3))
        resolver = spine.start_resolver()
        resolver.wait_until(spine.is_drained, "drained")
    finally:
        spine.redis.config_set("maxmemory", "0")
    assert sorted(spine.stored()) == [1, 2, 3, 4]
    assert set(spine.emails()) == {"ada@x.org", "eve@x.org"}
    [(_, dead)] = spine.redis.xrange(keys.DEAD_HITS)
    assert len(dead[b"h"]) == 100_000
    assert b"the first 100000 of 200013 bytes" in dead[b"reason"]
    resolver.stop()


def test_hits_wait_while_clickhouse_is_away(spine: Spine) -> None:
    resolver = spine.start_resolver()
    resolver.wait_until(lambda: is_up(f"http://127.0.0.1:{spine.port}/readyz"), "ready")
    spine.clickhouse.stop(signal.SIGKILL)
    spine.append(spine.hit(1, "ada@x.org"))
    eventually(lambda: not is_up(f"http://127.0.0.1:{spine.port}/readyz"), "not ready while ClickHouse is away")
    assert not spine.is_drained()
    spine.clickhouse = spine.start_clickhouse()
    resolver.wait_until(spine.is_drained, "drained after ClickHouse came back")
    assert sorted(spine.stored()) == [1]
    resolver.stop()


def test_two_resolvers_share_the_streams_and_one_takes_all_when_the_other_dies(spine: Spine) -> None:
    first, second = (spine.start_resolver(SPOOR_STREAMS="4", **BRIEF_LEASE) for _ in range(2))

    def owners() -> set[bytes]:
        return {owner for stream in range(4) if (owner := spine.redis.get(keys.lease(stream)))}

    def shares() -> list[int]:
        held = [spine.redis.get(keys.lease(stream)) for stream in range(4)]
        return sorted(held.count(owner) for owner in set(held) if owner)

    second.wait_until(lambda: shares() == [2, 2], "two streams each")
    first.stop(signal.SIGKILL)
    second.wait_until(lambda: shares() == [4], "all four streams")
    assert len(owners()) == 1
    second.stop()
