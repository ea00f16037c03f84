"""The reference model and the code, driven through the same random lives: who is whose must be the same at the end."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from services.common.values import Operator
from tests.identity_in_memory import Clock, Identity, Ids, MemoryStore
from tests.model import DROPPED, Hit, Model
from tests.model_compare import compare

STEP_US = 10_000_000  # between two things that happen: claims have settled
LATE_US = 45_000_000
DEVICES = 4
EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "150"))
VALUES = {"email": ("a@x.org", "b@x.org", "c@x.org"), "customer": ("1", "2")}


class Life:
    """One store and one model, and what happened to both.

    Hits come again in any order, with this left out: after an edit, a deletion, a merge or an undo by hand, and, where
    hits name several unique values, after any other hit. What a hit said then is not told apart from what it would say
    anew, and its event may be stored under a second contact. Nor is a late hit of a time within an action, since the
    code reads the clock several times while it acts and the model once; nor of another hit's time, as then nothing says
    whose word is the newer one.
    """

    def __init__(self, clock: Clock, runner: asyncio.Runner, unique: tuple[str, ...], operator: Operator) -> None:
        self.clock, self.runner, self.unique = clock, runner, unique
        self.store = MemoryStore(clock)
        self.identity = Identity(self.store, Ids(), unique, operator, {})
        numbers = itertools.count(1_000_000)
        self.model = Model(unique, operator is Operator.AND, lambda: next(numbers))
        self.twin: dict[int, int] = {device: device for device in range(1, DEVICES + 1)}  # model's id: the code's
        self.hits: list[tuple[Hit, int]] = []  # with when they were received
        self.numbers, self.seen = itertools.count(1), set[int]()
        self.stored: dict[int, set[int]] = {}  # hit: the contacts under which its event is
        self.spans: list[tuple[int, int]] = []  # of the clock, while something was done
        self.times = set[int]()  # of hits

    def same(self, what: str, expected: int, found: int) -> None:
        """The model and the code say the same."""
        note(f"{what}: {expected} in the model, {found} in the store")
        if expected < 0 or found < 0:
            assert expected == found
            return
        assert self.twin.setdefault(expected, found) == found
        assert list(self.twin.values()).count(found) == 1

    def act(self, action: Callable[[Life, random.Random], None], chance: random.Random) -> None:
        begin = self.clock.us
        action(self, chance)
        self.spans.append((begin, self.clock.us))
        if action not in (Life.visit, Life.again):
            self.hits.clear()

    def time_of(self, late_us: int) -> int:
        """Of a hit that comes so late: of no other hit, and within no action."""
        time_us = self.clock.now_us() - late_us
        for begin, end in reversed(self.spans):
            time_us = begin - 1 if begin <= time_us <= end else time_us
        while time_us in self.times:
            time_us -= 1
        self.times.add(time_us)
        return time_us

    def someone(self, chance: random.Random) -> int:
        """An id of the model: anybody who ever was."""
        return chance.choice(list(self.twin))

    def new_hit(self, chance: random.Random) -> Hit:
        device = chance.randint(1, DEVICES)
        unique = {name: chance.choice(VALUES[name]) for name in self.unique if chance.random() < 0.4}
        late = chance.randint(0, LATE_US) if chance.random() < 0.25 else 0
        is_new = device not in self.seen and chance.random() < 0.5
        self.seen.add(device)
        name = chance.choice(("", "", "Ada", "Bob"))
        return Hit(device, self.time_of(late), next(self.numbers), unique, name, is_new)

    def visit(self, chance: random.Random) -> None:
        """A batch of new hits, perhaps delivered twice."""
        hits = [self.new_hit(chance) for _ in range(chance.choice((1, 1, 2, 4)))]
        came = [(hit, self.clock.now_us()) for hit in hits]
        self.deliver(came)
        if len(came) == 1 and chance.random() < 0.5:
            self.deliver(came)
        if all(len(hit.unique) < 2 for hit in hits):
            self.hits += came
            if chance.random() < 0.3:
                self.deliver(came)
        else:
            self.hits.clear()

    def again(self, chance: random.Random) -> None:
        """Some of the newest hits come again, each as it was."""
        for came in self.hits[-chance.randint(1, 6) :]:
            self.deliver([came])

    def deliver(self, hits: list[tuple[Hit, int]]) -> None:
        found = self.runner.run(self.identity.hits(hits))
        for (hit, received), contact in zip(hits, found, strict=True):
            is_known = hit.number in self.model.events
            expected = self.model.hit(hit, self.clock.us)
            if is_known and contact == DROPPED:
                assert self.model.root(expected).deleted
                continue
            self.same(f"{hit} received {received}", expected, contact)
            if contact != DROPPED:
                self.stored.setdefault(hit.number, set()).add(contact)

    def words(self, chance: random.Random) -> dict[str, str]:
        said = {name: chance.choice(VALUES[name]) for name in self.unique if chance.random() < 0.5}
        if chance.random() < 0.5 or not said:
            said["firstname"] = chance.choice(("Ada", "Bob", "Cy"))
        return said

    def create(self, chance: random.Random) -> None:
        said = self.words(chance)
        found = self.runner.run(self.identity.create(said))
        self.same(f"create {said}", self.model.create(said, self.clock.now_us()), found)

    def edit(self, chance: random.Random) -> None:
        said, who = self.words(chance), self.someone(chance)
        found = self.runner.run(self.identity.edit(self.twin[who], said))
        self.same(f"edit {who} {said}", self.model.edit(who, said, self.clock.now_us()), found)

    def delete(self, chance: random.Random) -> None:
        who = self.someone(chance)
        found = self.runner.run(self.identity.delete(self.twin[who]))
        self.same(f"delete {who}", self.model.delete(who, self.clock.now_us()), found)

    def merge(self, chance: random.Random) -> None:
        winner, loser = self.someone(chance), self.someone(chance)
        for one in (winner, loser):  # an anonymous visitor has a profile from now on
            contact, seen = self.model.root(one), self.first_seen(one)
            if not contact.added and seen:
                return
        found = self.runner.run(self.identity.merge(self.twin[winner], self.twin[loser]))
        self.same(f"merge {winner} {loser}", self.model.merge(winner, loser, self.clock.now_us()), found)

    def first_seen(self, who: int) -> bool:
        return who in self.model.events.values()

    def unmerge(self, chance: random.Random) -> None:
        merged = [one.id for one in self.model.contacts.values() if one.into]
        who = chance.choice(merged) if merged else self.someone(chance)
        found = self.runner.run(self.identity.unmerge(self.twin[who]))
        self.same(f"unmerge {who}", self.model.unmerge(who, self.clock.now_us()), found)

    # ---- what is so at the end ----

    def compare(self) -> None:
        for number, contacts in self.stored.items():
            assert len(contacts) == 1, f"the event of hit {number} is under {contacts}"
        profiles = self.runner.run(self.store.load(self.store.stored))
        compare(self.model, self.twin, profiles, self.store.claims)


ACTIONS = (Life.visit, Life.visit, Life.visit, Life.visit, Life.again, Life.create, Life.edit, Life.edit, Life.delete,
           Life.merge, Life.merge, Life.unmerge, Life.unmerge)  # fmt: skip


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    return clock


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("unique", [("email",), ("email", "customer")])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=25), chance=st.randoms(use_true_random=False))
def test_whatever_happens_the_store_comes_to_what_the_model_says(
    clock: Clock,
    runner: asyncio.Runner,
    unique: tuple[str, ...],
    operator: Operator,
    actions: list[Callable[[Life, random.Random], None]],
    chance: random.Random,
) -> None:
    life = Life(clock, runner, unique, operator)
    for action in actions:
        clock.us += STEP_US
        life.act(action, chance)
    life.compare()
