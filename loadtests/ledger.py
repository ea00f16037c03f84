"""The loss ledger: what was answered with 2xx against what is stored, event by event. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from loadtests.traffic import Record

LATE_MS = 1_000


class Stored(NamedTuple):
    """One sort key in ClickHouse; rows of the same key are one, merges remove them."""

    event_id: str
    contact_id: int
    time_ms: int
    stored_ms: int
    is_bot: bool


class Ledger(NamedTuple):
    """Counts of event ids. `examples` names a few culprits of each kind."""

    sent: int
    answered: int
    repeated: int  # sent more than once, as the answer was no 2xx or none
    stored: int
    lost: int  # answered with 2xx and not stored
    twice: int  # stored under two sort keys
    twice_as_newcomer: int  # of these, first hits of a device: repeated without a cookie, and named anew
    wrong_contact: int  # not with the rest of its person, or among somebody else's
    wrong_table: int  # a bot among people, or a person among bots
    unknown: int  # stored, never sent
    late: int  # stored more than a second after the answer
    stored_p50_ms: float
    stored_p99_ms: float
    examples: dict[str, list[str]]

    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.wrong_contact or self.wrong_table or self.unknown)


def check(records: Iterable[Record], rows: Iterable[Stored], aliases: Mapping[int, int]) -> Ledger:
    """Compares the two sides. `aliases` leads from a merged contact to the one it merged into."""
    sent = {record.event_id: record for record in records}
    stored: dict[str, list[Stored]] = defaultdict(list)
    for row in rows:
        stored[row.event_id].append(row)
    lost = [one.event_id for one in sent.values() if one.answered_us and one.event_id not in stored]
    twice = [event_id for event_id, each in stored.items() if len(each) > 1]
    unknown = [event_id for event_id in stored if event_id not in sent]
    tables = [
        event_id
        for event_id, each in stored.items()
        if event_id in sent and any(row.is_bot != sent[event_id].is_bot for row in each)
    ]
    wrong = _misplaced(sent, stored, aliases)
    delays = sorted(
        min(row.stored_ms for row in stored[one.event_id]) - one.answered_us / 1e3
        for one in sent.values()
        if one.answered_us and one.event_id in stored
    )
    return Ledger(
        sent=len(sent),
        answered=sum(1 for one in sent.values() if one.answered_us),
        repeated=sum(1 for one in sent.values() if one.tries > 1),
        stored=len(stored),
        lost=len(lost),
        twice=len(twice),
        twice_as_newcomer=sum(1 for event_id in twice if event_id in sent and sent[event_id].is_first),
        wrong_contact=len(wrong),
        wrong_table=len(tables),
        unknown=len(unknown),
        late=sum(1 for delay in delays if delay > LATE_MS),
        stored_p50_ms=delays[len(delays) // 2] if delays else 0.0,
        stored_p99_ms=delays[int(len(delays) * 0.99)] if delays else 0.0,
        examples={
            "lost": [_describe(sent[one]) for one in lost[:5]],
            "twice": [f"{_describe(sent[one]) if one in sent else one}: {stored[one]}" for one in twice[:5]],
            "wrong_contact": [f"{_describe(sent[one])}: {stored[one]}" for one in wrong[:5]],
        },
    )


def survivor(contact_id: int, aliases: Mapping[int, int]) -> int:
    """Where an id leads after all merges. Raises `ValueError` on a circle."""
    seen = {contact_id}
    while (winner := aliases.get(contact_id, contact_id)) != contact_id:
        if winner in seen:
            raise ValueError(f"the aliases of {contact_id} run in a circle")
        seen.add(winner)
        contact_id = winner
    return contact_id


def _misplaced(sent: Mapping[str, Record], stored: Mapping[str, list[Stored]], aliases: Mapping[int, int]) -> list[str]:
    """Events outside the one contact of their person, or in a contact that is mostly somebody else's."""
    places: list[tuple[str, str, int]] = []
    for event_id, rows in stored.items():
        record = sent.get(event_id)
        if record is not None and not record.is_bot:
            places += [(event_id, record.person, survivor(row.contact_id, aliases)) for row in rows]
    homes: dict[str, Counter[int]] = defaultdict(Counter)
    owners: dict[int, Counter[str]] = defaultdict(Counter)
    for _, person, contact in places:
        homes[person][contact] += 1
        owners[contact][person] += 1
    home = {person: counter.most_common(1)[0][0] for person, counter in homes.items()}
    owner = {contact: counter.most_common(1)[0][0] for contact, counter in owners.items()}
    # One that is stored twice is counted as that; it is misplaced only if no place of it is right.
    right = {event_id for event_id, person, contact in places if home[person] == contact and owner[contact] == person}
    return list(dict.fromkeys(event_id for event_id, _, __ in places if event_id not in right))


def _describe(record: Record) -> str:
    return f"{record.event_id} of {record.person} at {record.time_ms}, {record.tries} tries"
