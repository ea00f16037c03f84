"""An undo while somebody merges into what it takes out: each step at the worst moment, in an order of the test's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import pytest

from services.common.merges import MergeStore, Unmerged
from services.common.profile import Part, Profile
from services.common.tables import alias_rows
from services.common.values import Claim
from tests.identity_in_memory import START_US, Clock, MemoryStore
from tests.model_compare import wrong

WHOLE, BACK, LATE, OTHER = 1, 2, 3, 4


class Gate:
    """Whoever is about to write such a profile waits here, once, until it is let on."""

    def __init__(self, stops: Callable[[Profile], bool]) -> None:
        self.stops, self.is_open = stops, False
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def pass_by(self, profiles: list[Profile]) -> None:
        if not self.is_open and any(map(self.stops, profiles)):
            self.reached.set()
            await self.opened.wait()

    def open(self) -> None:
        self.is_open = True
        self.opened.set()


class Store(MemoryStore):
    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.gates: list[Gate] = []
        self.said: dict[int, tuple[int, int]] = {}  # loser: (version, winner), as table `aliases` believes

    async def write(self, profiles: list[Profile], claims: Mapping[int, Claim] | None = None) -> dict[int, int]:
        for gate in self.gates:
            await gate.pass_by(profiles)
        return await super().write(profiles, claims)

    def project(self, profiles: list[Profile]) -> None:
        for row in (row for profile in profiles for row in alias_rows(profile)):
            self.said[row.loser] = max(self.said.get(row.loser, (0, 0)), (row.version, row.winner))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    return Store(clock)


async def make(store: Store) -> MergeStore:
    """Four contacts, of which one has merged into another."""
    await store.write([Profile(one, own=Part(added_us=START_US + one)) for one in (WHOLE, BACK, LATE, OTHER)])
    merges = MergeStore(store, _nobody)
    store.project((await merges.merge(WHOLE, BACK, "")).written)
    return merges


async def _nobody(_: int) -> int:
    return 0


async def project_outbox(store: Store) -> dict[int, Profile]:
    """As the relay does: the newest version of everybody."""
    profiles = {one: profile for one, profile in (await store.load(store.stored)).items() if profile}
    store.project(list(profiles.values()))
    return profiles


async def undone_while(store: Store, merges: MergeStore, others: Callable[[], object], gate: Gate) -> Unmerged:
    """The undo stands between its two halves while the others write."""
    between = Gate(lambda one: one.id == WHOLE and BACK not in one.losers)
    store.gates.append(between)
    undo = asyncio.create_task(merges.unmerge(BACK, ()))
    await between.reached.wait()
    gate.open()
    await asyncio.ensure_future(others())  # type: ignore[call-overload]
    between.open()
    return await undo


async def test_who_merges_into_what_an_undo_takes_out_goes_along(store: Store) -> None:
    merges = await make(store)
    gate = Gate(lambda one: one.id == WHOLE and LATE in one.losers)
    store.gates.append(gate)
    merge = asyncio.create_task(merges.merge(BACK, LATE, ""))  # it leads to the whole, which is about to take it in
    await gate.reached.wait()
    undone = await undone_while(store, merges, lambda: merge, gate)
    store.project([*undone.written, *(await merge).written])
    profiles = await project_outbox(store)
    assert (profiles[LATE].alias, set(profiles[BACK].losers), set(profiles[WHOLE].losers)) == (BACK, {LATE}, set())
    assert wrong(profiles, {}, ()) == []
    assert {one: winner for one, (_, winner) in store.said.items()} == {WHOLE: WHOLE, BACK: BACK, LATE: BACK}


async def test_the_table_of_aliases_believes_the_undo_and_not_who_wrote_meanwhile(store: Store) -> None:
    merges = await make(store)
    gate = Gate(lambda _: False)
    written: list[Profile] = []

    async def write_meanwhile() -> None:
        written.extend((await merges.merge(WHOLE, OTHER, "")).written)

    undone = await undone_while(store, merges, write_meanwhile, gate)
    store.project([*undone.written, *written])
    profiles = await project_outbox(store)
    assert (profiles[BACK].alias, set(profiles[WHOLE].losers)) == (0, {OTHER})
    assert {one: winner for one, (_, winner) in store.said.items()} == {WHOLE: WHOLE, BACK: BACK, OTHER: WHOLE}


async def test_an_undo_that_died_between_its_halves_is_completed_with_who_came_late(store: Store) -> None:
    merges = await make(store)
    whole, back = (await store.load([WHOLE, BACK])).values()
    assert whole and back
    gate = Gate(lambda one: one.id == WHOLE and LATE in one.losers)
    store.gates.append(gate)
    merge = asyncio.create_task(merges.merge(BACK, LATE, ""))
    await gate.reached.wait()
    between = Gate(lambda one: one.id == WHOLE and BACK not in one.losers)
    store.gates.append(between)
    undo = asyncio.create_task(merges.unmerge(BACK, ()))
    await between.reached.wait()
    undo.cancel()
    between.open()
    gate.open()
    store.project((await merge).written)
    given_back = (await store.load([BACK]))[BACK]
    assert given_back and not given_back.alias
    store.project([given_back])
    store.project(await merges.complete(given_back, ()))
    profiles = await project_outbox(store)
    assert (profiles[LATE].alias, set(profiles[BACK].losers), set(profiles[WHOLE].losers)) == (BACK, {LATE}, set())
    assert wrong(profiles, {}, ()) == []
    assert {one: winner for one, (_, winner) in store.said.items()} == {WHOLE: WHOLE, BACK: BACK, LATE: BACK}
