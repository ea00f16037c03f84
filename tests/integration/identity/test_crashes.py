"""Killed between any two effects, taken over by another one: check-identity finds nothing, and every hit is stored once
under the right contact.

Sixteen streams are shared by fifteen resolvers that are doomed, each at a point of its own, and one that is not; each
stream has hits of every kind. All is looked at once, at the end: that is what makes it quick.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import httpx
import pytest

from services.common import keys
from services.common.merges import MERGE_POINTS
from services.contacts.people.faults import POINTS as CONTACTS_POINTS
from services.identity.faults import BATCH_POINTS, ERASURE_POINTS, POINTS
from tests.integration.identity import crash_calls as calls
from tests.integration.identity.crash_calls import Services, Story, client
from tests.integration.identity.crash_traffic import ENVIRON, STREAMS, Traffic, state_of
from tests.integration.identity.world import World
from tests.processes import Process, eventually, is_up

# Claims come in stages: before losers, and before winners.
PASSINGS = {"after_claim": 2}
BATCH_CASES = [(point, PASSINGS.get(point, 1)) for point in BATCH_POINTS]
WAVES = [BATCH_CASES[start : start + STREAMS - 1] for start in range(0, len(BATCH_CASES), STREAMS - 1)]
QUEUE_POINTS = ("after_freeze", "after_queued_merge")
TOGETHER_SECONDS = 120  # until fifteen services that were started at once have come up


class CallCase(NamedTuple):
    service: str
    story: Callable[[Services, str], Story]
    point: str
    is_repeated: bool = False  # by the caller, who had no answer; else what is left is completed without it

    @property
    def name(self) -> str:
        return f"{self.story.__name__}-{self.point}"


CALL_CASES = [
    CallCase("identity", calls.merge, "after_freeze"),
    CallCase("identity", calls.merge, "after_take_in"),
    CallCase("identity", calls.merge, "after_call"),
    CallCase("identity", calls.unmerge, "after_claim_back", is_repeated=True),
    CallCase("identity", calls.unmerge, "after_give_back"),
    CallCase("identity", calls.unmerge, "after_take_out"),
    CallCase("identity", calls.identify_as_known, "after_losers"),
    CallCase("identity", calls.identify_as_known, "after_winners"),
    CallCase("identity", calls.identify_as_new, "after_claim", is_repeated=True),
    CallCase("contacts", calls.create, "after_claim", is_repeated=True),
    CallCase("contacts", calls.create_of_two, "after_freeze"),
    CallCase("contacts", calls.edit, "after_claim", is_repeated=True),
    CallCase("contacts", calls.edit, "after_write"),
    CallCase("contacts", calls.edit, "after_freeing"),
    CallCase("contacts", calls.delete, "after_tombstone"),
    CallCase("contacts", calls.delete, "after_strip"),
]


class Aftermath(NamedTuple):
    died: set[tuple[str, int]]
    wrong: dict[str, list[str]]  # by traffic
    untrue: dict[str, list[str]]  # by call: what does not lead where it should
    left: dict[str, int]  # by stream: entries that nobody took
    checked: dict[str, Any]  # what check-identity found, by kind


def is_dead(process: Process) -> bool:
    """Its worker: what is left of it would start another one."""
    if "Unexpected exit from worker" not in process.said():
        return False
    process.stop(signal.SIGKILL)
    return True


def until_dead(doomed: Iterable[Process]) -> None:
    waiting = list(doomed)
    eventually(lambda: all([is_dead(one) for one in waiting]), "all of them are killed", TOGETHER_SECONDS)  # noqa: C419 kills each


def kill_within_queue(world: World) -> set[tuple[str, int]]:
    """Whoever makes merges that waited. Nobody else is there to make them."""
    spine = world.spine
    spine.append(*(spine.hit(10 + number, f"queue{number}@x.org") for number in (0, 2, 4)))
    spine.append(*(spine.hit(10 + number, query=b"&phone=queue%d" % number) for number in (1, 3, 5)))
    doomed = {point: world.doom("identity", point)[0] for point in QUEUE_POINTS}
    eventually(lambda: len(spine.emails()) == 3 and spine.is_drained(), "they are known", 60)
    spine.redis.zadd(keys.QUEUED_MERGES, {f"{10 + number}:{11 + number}": 1 for number in (0, 2, 4)})
    until_dead(doomed.values())
    return {(point, 1) for point in QUEUE_POINTS}


def kill_within_batches(world: World, services: Services) -> tuple[set[tuple[str, int]], list[Traffic]]:
    died: set[tuple[str, int]] = set()
    traffics: list[Traffic] = []
    for wave, cases in enumerate(WAVES):
        mine = [Traffic(world.spine, wave, stream) for stream in range(STREAMS)]
        for traffic in mine:
            traffic.prepare()
        eventually(lambda: not world.left(), "everybody is known", 60)
        for traffic in mine:
            gone = services.contacts.delete(f"/api/contacts/{traffic.gone}/delete")
            assert gone.status_code == 200, gone.text
        doomed = {case: world.doom("identity", *case)[0] for case in cases}
        eventually(lambda: len(world.owners()) == STREAMS, "a stream for each", TOGETHER_SECONDS)
        for traffic in mine:
            traffic.strike()
        until_dead(doomed.values())
        died.update(doomed)
        traffics += mine
        eventually(lambda: not world.left(), "taken over", 60)
    return died, traffics


def kill_within_calls(world: World, services: Services, cases: Sequence[CallCase]) -> list[tuple[CallCase, Story]]:
    stories = [case.story(services, case.name) for case in cases]
    doomed = [world.doom(case.service, case.point) for case in cases]
    for case, story, (process, port) in zip(cases, stories, doomed, strict=True):
        process.wait_until(lambda port=port: is_up(f"http://127.0.0.1:{port}/readyz"), "ready", TOGETHER_SECONDS)  # type: ignore[misc]
        with client(port) as http, pytest.raises(httpx.TransportError):
            story.call.send(http)
        eventually(lambda process=process: is_dead(process), f"{case.name} is killed", 60)  # type: ignore[misc]
        if case.is_repeated:
            answer = story.call.send(getattr(services, case.service))
            assert answer.status_code in (200, 201), answer.text
    return list(zip(cases, stories, strict=True))


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    world = World(tmp_path_factory.mktemp("crashes"), ENVIRON)
    with ExitStack() as stack:
        stack.callback(world.spine.close)
        died = kill_within_queue(world)
        ports = [world.start(service)[1] for service in ("identity", "contacts")]
        for port in ports:
            eventually(lambda port=port: is_up(f"http://127.0.0.1:{port}/readyz"), "ready", TOGETHER_SECONDS)  # type: ignore[misc]
        eventually(lambda: not world.spine.redis.zcard(keys.QUEUED_MERGES), "queued merges are made", 60)
        services = Services(*(stack.enter_context(client(port)) for port in ports))
        told: list[tuple[CallCase, Story]] = []
        for start in range(0, len(CALL_CASES), STREAMS - 1):
            told += kill_within_calls(world, services, CALL_CASES[start : start + STREAMS - 1])
        killed, traffics = kill_within_batches(world, services)
        eventually(world.is_projected, "projected by the relay", 60)
        checked = world.check_identity()
        state = state_of(world.spine)
        yield Aftermath(
            died | killed,
            {traffic.name: traffic.wrong(state) for traffic in traffics},
            {case.name: untrue(services, story) for case, story in told},
            world.left(),
            checked,
        )


def untrue(services: Services, story: Story) -> list[str]:
    said = story.leads()
    led = services.leads(*(selector for selector, _ in said))
    return [
        f"{selector} leads to {found}, not {wanted}"
        for (selector, wanted), found in zip(said, led, strict=True)
        if found != wanted
    ]


def test_every_point_has_a_case() -> None:
    of_calls = {service: {case.point for case in CALL_CASES if case.service == service} for service in Services._fields}
    of_others = set(QUEUE_POINTS) | set(ERASURE_POINTS)  # tests/integration/tools/test_erasures.py
    assert {point for point, _ in BATCH_CASES} | of_others | of_calls["identity"] == set(POINTS)
    assert of_calls["contacts"] == set(CONTACTS_POINTS)
    assert of_calls["identity"] >= set(MERGE_POINTS)


@pytest.mark.parametrize("case", [*BATCH_CASES, *((point, 1) for point in QUEUE_POINTS)], ids=str)
def test_a_resolver_is_killed_there(aftermath: Aftermath, case: tuple[str, int]) -> None:
    assert case in aftermath.died


def test_every_hit_is_stored_once_under_the_right_contact(aftermath: Aftermath) -> None:
    assert len(aftermath.wrong) == STREAMS * len(WAVES)
    assert {name: wrong for name, wrong in aftermath.wrong.items() if wrong} == {}


@pytest.mark.parametrize("name", [case.name for case in CALL_CASES])
def test_a_call_during_which_a_service_is_killed_is_done_afterwards(aftermath: Aftermath, name: str) -> None:
    assert aftermath.untrue[name] == []


def test_nothing_is_left_in_the_streams(aftermath: Aftermath) -> None:
    assert aftermath.left == {}


def test_check_identity_finds_nothing_after_all_of_that(aftermath: Aftermath) -> None:
    assert aftermath.checked == {}
