"""Hits of every kind that identity tells apart, for one stream, and where each of them belongs in the end."""

from __future__ import annotations

from typing import NamedTuple

from services.common import keys
from services.common.hit import BATCH_FIELD, Hit, encode_batch
from tests.integration import outboxes
from tests.integration.test_faults import BRIEF_LEASE, Spine
from tests.processes import eventually

STREAMS = 16
HOT_HITS, HOT_TRAFFIC = 20, 30  # of one device: those beyond the first wait in the slow lane
MAX_MERGES = 3  # of one contact in a minute
ENVIRON = {
    "SPOOR_STREAMS": str(STREAMS),
    "SPOOR_UNIQUE_FIELDS": "email,phone",
    "SPOOR_PUBLICLY_UPDATABLE": "email,phone",
    "SPOOR_HOT_HITS": str(HOT_HITS),
    "SPOOR_MAX_MERGES_A_MINUTE": str(MAX_MERGES),
    **BRIEF_LEASE,
}
(ADA, BOB, PIA, QUIN, GONE, HUB, *HUB_DEVICES) = range(1, 7 + MAX_MERGES)
(NEWCOMER, WITHOUT_COOKIE, VISITOR, NAMES_TWO, AT_WORK, LATE, HOT) = range(11, 18)


class State(NamedTuple):
    """What is stored when all is over."""

    events: dict[int, list[int]]  # number: the contacts under which it is stored
    people: dict[int, int]  # id: the survivor
    emails: dict[str, int]
    queued: set[bytes]  # merges, `<winner>:<loser>`
    members: dict[str, set[int]]  # by company


def state_of(spine: Spine) -> State:
    """A merge that leaves the queue meanwhile is told twice rather than not at all."""
    queued = set(spine.redis.zrange(keys.QUEUED_MERGES, 0, -1))
    eventually(lambda: outboxes.are_empty(spine.redis), "what has left the queue is projected", 60)
    events: dict[int, list[int]] = {}
    for event_id, contact_id in spine.rows("SELECT event_id, contact_id FROM spoor.events FINAL"):
        events.setdefault(int(event_id.replace("-", ""), 16), []).append(int(contact_id))
    rows = spine.rows("SELECT loser, winner FROM spoor.aliases FINAL")
    members = {name: spine.members(company_id) for company_id, name in spine.companies()}
    return State(events, {int(loser): int(winner) for loser, winner in rows}, spine.emails(), queued, members)


class Traffic:
    """Of one stream in one wave: people who are known before, and hits of them and of others."""

    def __init__(self, spine: Spine, wave: int, stream: int) -> None:
        self._spine, self.stream = spine, stream
        self.name = f"{wave}-{stream}"
        self._first = 100_000 * (wave + 1) + stream
        self._belongs: dict[int, str] = {}  # event number: the e-mail address of whose it is
        self._of_device: dict[int, int] = {}  # event number: it stays with this visitor
        self._dropped, self._reborn = 0, list[int]()
        self._hub_before = 0

    def contact(self, who: int) -> int:
        """The contact that a device was born as: all of one stream."""
        return self._first + STREAMS * who

    @property
    def gone(self) -> int:
        """Who is to be deleted between `prepare` and `strike`."""
        return self.contact(GONE)

    def email(self, name: str) -> str:
        return f"{name}-{self.name}@x.org"

    def prepare(self) -> None:
        people = {ADA: "ada", BOB: "bob", PIA: "pia", GONE: "gone", HUB: "hub"}
        hits = [self._hit(who, self.email(name), person=name) for who, name in people.items() if who != GONE]
        hits.append(self._spine.hit(self.contact(GONE), self.email("gone")))
        hits.append(self._hit(QUIN, query=f"&phone=quin-{self.name}", person="pia"))
        hits += [self._hit(who, self.email("hub"), person="hub") for who in HUB_DEVICES]
        hits.append(self._hit(LATE))
        self._hub_before = max(self._of_device)
        self._append(hits)
        self._before_deletion = self._spine.hit(self.contact(GONE))

    def strike(self) -> None:
        spine = self._spine
        self._dropped = int.from_bytes(self._before_deletion.event_id, "big")
        hits = [
            self._hit(NEWCOMER, person="new"),
            self._hit(NEWCOMER, self.email("new"), person="new"),
            self._hit(WITHOUT_COOKIE, self.email("ada"), person="ada", is_new=True),
            self._hit(VISITOR, person="ada"),
            self._hit(VISITOR, self.email("ada"), person="ada"),
            self._hit(NAMES_TWO, self.email("pia"), query=f"&phone=quin-{self.name}", person="pia"),
            self._hit(BOB, self.email("eve"), person="eve"),
            self._hit(BOB, person="eve"),
            self._hit(ADA, self.email("bob"), person="bob"),
            self._hit(ADA, person="bob"),
            self._before_deletion,
            *(reborn := [spine.hit(self.contact(GONE)) for _ in range(2)]),
            self._hit(AT_WORK, query=f"&company=Acme+{self.name}"),
            self._hit(LATE, self.email("hub"), person="hub"),
            *(self._hit(HOT) for _ in range(HOT_TRAFFIC)),
        ]
        self._reborn = [int.from_bytes(hit.event_id, "big") for hit in reborn]
        self._append(hits)

    def wrong(self, state: State) -> list[str]:
        """What is not as it should be, a line each."""
        members = state.members.get(f"Acme {self.name}")
        at_work = [] if members == {self.contact(AT_WORK)} else [f"members of the company: {members}"]
        return [*self._lost_or_twice(state), *self._astray(state), *self._wrong_of_deleted(state), *at_work]

    def _lost_or_twice(self, state: State) -> list[str]:
        numbers = [*self._belongs, *self._of_device, *self._reborn]
        stored = {number: state.events.get(number, []) for number in numbers}
        return [f"event {number} is stored under {found}" for number, found in stored.items() if len(found) != 1]

    def _astray(self, state: State) -> list[str]:
        wrong = []
        for number, name in self._belongs.items():
            for contact in state.events.get(number, []):
                if state.people.get(contact, contact) != state.emails.get(self.email(name)):
                    wrong.append(f"event {number} of {name} is that of {contact}")
        for number, visitor in self._of_device.items():
            belongs = {visitor, state.emails[self.email("hub")]} if number == self._hub_before else {visitor}
            for contact in state.events.get(number, []):
                if state.people.get(contact, contact) not in belongs:
                    wrong.append(f"event {number} of visitor {visitor} is that of {contact}")
        late, hub = self.contact(LATE), state.emails[self.email("hub")]
        if state.people.get(late) != hub and f"{hub}:{late}".encode() not in state.queued:
            wrong.append(f"what {late} did before is not led to {hub}")
        return wrong

    def _wrong_of_deleted(self, state: State) -> list[str]:
        wrong = [f"{self._dropped} is stored"] if self._dropped in state.events else []
        reborn = {contact for number in self._reborn for contact in state.events.get(number, [])}
        if len(reborn) != 1 or self.contact(GONE) in reborn:
            wrong.append(f"the deleted one came back as {reborn}")
        return wrong

    def _hit(self, who: int, email: str = "", *, person: str = "", is_new: bool = False, query: str = "") -> Hit:
        hit = self._spine.hit(self.contact(who), email, is_new=is_new, query=query.encode())
        number = int.from_bytes(hit.event_id, "big")
        if person:
            self._belongs[number] = person
        else:
            self._of_device[number] = self.contact(who)
        return hit

    def _append(self, hits: list[Hit]) -> None:
        self._spine.redis.xadd(keys.hits(self.stream), {BATCH_FIELD: encode_batch(hits)})
