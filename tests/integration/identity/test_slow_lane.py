"""A hot device, a hot contact and a value that is held up: their neighbours do not wait for them, and nothing is
lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import httpx
import pytest

from services.common import keys
from services.common.values import Claim
from tests.integration.test_faults import BRIEF_LEASE, Spine
from tests.processes import START_SECONDS, Process, eventually

HOT, NEIGHBOUR = 1_000, 2_000
HITS = 3_000


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spine]:
    servers = Spine(tmp_path_factory.mktemp("slow-lane"))
    yield servers
    servers.close()


@pytest.fixture
def spine(servers: Spine) -> Iterator[Spine]:
    yield servers
    servers.clear()


def start(spine: Spine, **environ: str) -> Process:
    return spine.start_resolver(SPOOR_HOT_HITS="100", **environ)


def counted(spine: Spine, name: str) -> float:
    text = httpx.get(f"http://127.0.0.1:{spine.port}/metrics", trust_env=False).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def hold(spine: Spine, email: str, age_seconds: int) -> None:
    """As if somebody had claimed it for a contact that carries another one, and died: nobody may take it for 3 s."""
    seconds, microseconds = spine.redis.time()
    claim = Claim(HOT, (seconds - age_seconds) * 1_000_000 + microseconds)
    spine.redis.set(keys.unique("email", email), claim.stored())


def test_a_hot_device_is_slowed_and_nothing_of_it_is_lost(spine: Spine) -> None:
    hot = [spine.hit(HOT) for _ in range(HITS)]
    neighbours = [spine.hit(NEIGHBOUR + number) for number in range(50)]
    spine.append(*hot[:1_000])
    spine.append(*hot[1_000:], *neighbours)
    start(spine)
    eventually(lambda: len(spine.stored()) == HITS + 50, "all are stored", 60)
    assert counted(spine, 'identity_hits_slowed_total{reason="device"}') == HITS - 100
    eventually(lambda: counted(spine, "identity_slow_hits") == 0, "none waits", START_SECONDS)
    assert spine.redis.xlen(keys.slow_hits(0)) == 0
    assert all(contacts == {HOT} for event, contacts in spine.stored().items() if event <= HITS)


def test_hits_that_wait_are_worked_off_in_their_order_by_the_next_resolver(spine: Spine) -> None:
    resolver = start(spine, **BRIEF_LEASE)
    hits = [spine.hit(HOT) for _ in range(HITS)]
    spine.append(*hits, spine.hit(HOT, "ada@x.org"))
    eventually(lambda: spine.redis.xlen(keys.slow_hits(0)), "they wait", START_SECONDS)
    resolver.stop(signal.SIGKILL)
    spine.append(spine.hit(HOT, "bob@x.org"), spine.hit(HOT))
    start(spine)
    eventually(lambda: len(spine.stored()) == HITS + 3, "all are stored", 60)
    eventually(spine.is_drained, "contacts are projected after their events", START_SECONDS)
    emails = spine.emails()
    assert emails["ada@x.org"] == HOT, "who came first"
    assert spine.stored()[HITS + 3] == {emails["bob@x.org"]}


def test_a_value_that_is_held_up_holds_up_no_neighbour(spine: Spine) -> None:
    start(spine)
    spine.append(spine.hit(HOT, "carried@x.org"))
    eventually(lambda: len(spine.stored()) == 1, "the carrier", START_SECONDS)
    hold(spine, "held@x.org", age_seconds=-3_600)
    spine.append(spine.hit(HOT + 1, "held@x.org"), *[spine.hit(NEIGHBOUR + number) for number in range(20)])
    eventually(lambda: len(spine.stored()) == 21, "its neighbours", START_SECONDS)
    hold(spine, "held@x.org", age_seconds=3_600)
    eventually(lambda: len(spine.stored()) == 22, "itself", START_SECONDS)
    eventually(spine.is_drained, "contacts are projected after their events", START_SECONDS)
    assert spine.emails()["held@x.org"] == HOT + 1
    assert counted(spine, 'identity_hits_slowed_total{reason="contested"}') == 1
