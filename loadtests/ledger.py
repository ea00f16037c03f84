"""The loss ledger: what was answered with 2xx against what is stored, event by event. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from loadtests.traffic import Record

LATE_MS = 1_000
Key = TypeVar("Key")
Value = TypeVar("Value")


class Stored(NamedTuple):
    """One sort key in ClickHouse; rows of the same key are one, merges remove them."""

    event_id: str
    contact_id: int
    time_ms: int
    stored_ms: int
    is_bot: bool


class _Place(NamedTuple):
    event_id: str
    person: str
    contact_id: int  # after all merges


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
    nameless: int  # people whose contact does not carry their address
    wrong_table: int  # a bot among people, or a person among bots
    unknown: int  # stored, never sent
    late: int  # stored more than a second after the answer
    stored_p50_ms: float
    stored_p99_ms: float
    examples: dict[str, list[str]]

    def is_clean(self) -> bool:
        return not any((self.lost, self.twice, self.wrong_contact, self.nameless, self.wrong_table, self.unknown))


def check(
    records: Iterable[Record], rows: Iterable[Stored], aliases: Mapping[int, int], addresses: Mapping[int, str]
) -> Ledger:
    """Compares the two sides. `aliases` leads from a merged contact to the one it merged into, `addresses` are those
    of all known contacts.
    """
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
    places = _places(sent, stored, aliases)
    wrong = _misplaced(places)
    nameless = _nameless(places, addresses)
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
        nameless=len(nameless),
        wrong_table=len(tables),
        unknown=len(unknown),
        late=sum(1 for delay in delays if delay > LATE_MS),
        stored_p50_ms=delays[len(delays) // 2] if delays else 0.0,
        stored_p99_ms=delays[int(len(delays) * 0.99)] if delays else 0.0,
        examples={
            "lost": [_describe(sent[one]) for one in lost[:5]],
            "twice": [f"{_describe(sent[one]) if one in sent else one}: {stored[one]}" for one in twice[:5]],
            "wrong_contact": [f"{_describe(sent[one])}: {stored[one]}" for one in wrong[:5]],
            "nameless": nameless[:5],
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


def _places(sent: Mapping[str, Record], stored: Mapping[str, list[Stored]], aliases: Mapping[int, int]) -> list[_Place]:
    """Every place where a person's event is."""
    places = []
    for event_id, rows in stored.items():
        record = sent.get(event_id)
        if record is not None and not record.is_bot:
            places += [_Place(event_id, record.person, survivor(row.contact_id, aliases)) for row in rows]
    return places


def _misplaced(places: list[_Place]) -> list[str]:
    """Events outside the one contact of their person, or in a contact that is mostly somebody else's."""
    home = _mostly((place.person, place.contact_id) for place in places)
    owner = _mostly((place.contact_id, place.person) for place in places)
    # One that is stored twice is counted as that; it is misplaced only if no place of it is right.
    right = {
        place.event_id
        for place in places
        if home[place.person] == place.contact_id and owner[place.contact_id] == place.person
    }
    return list(dict.fromkeys(place.event_id for place in places if place.event_id not in right))


def _nameless(places: list[_Place], addresses: Mapping[int, str]) -> list[str]:
    """People with an address whose contact has another one or none."""
    home = _mostly((place.person, place.contact_id) for place in places)
    return [
        f"{person}: {contact_id}"
        for person, contact_id in home.items()
        if "@" in person and addresses.get(contact_id) != person
    ]


def _mostly(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, Value]:
    """For each key the value that it comes with most often."""
    counters: dict[Key, Counter[Value]] = defaultdict(Counter)
    for key, value in pairs:
        counters[key][value] += 1
    return {key: counter.most_common(1)[0][0] for key, counter in counters.items()}


def _describe(record: Record) -> str:
    return f"{record.event_id} of {record.person} at {record.time_ms}, {record.tries} tries"
