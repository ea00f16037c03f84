"""Everybody writes the same 300 contacts at once: resolvers, API writers, an import, merges and undoes, dedupe.

20 seconds; `TEST_RACE_SECONDS=60` for the full minute.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event, Thread
from typing import Any, NamedTuple

import msgspec
import pytest

from services.common import keys
from services.common.profile import Profile, decode_profile
from services.identity.tools.checking.findings import CLAIM_VOID
from tests.integration.identity.crash_calls import client
from tests.integration.identity.rivals import (
    GROUP,
    GROUPS,
    STREAMS,
    ApiWriter,
    Importer,
    Merger,
    Rival,
    Tally,
    Visitors,
    email_of,
)
from tests.integration.identity.world import World
from tests.integration.services import LOGIN
from tests.processes import eventually, is_up

SECONDS = float(os.environ.get("TEST_RACE_SECONDS", "20"))
ENVIRON = {"SPOOR_STREAMS": str(STREAMS), "SPOOR_PUBLICLY_UPDATABLE": "email"}


class Deduper(Rival):
    """Begins again whenever it is done."""

    def __init__(self, world: World) -> None:
        super().__init__("deduper", "", ("", ""), [])
        self._world = world

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            done = self._world.run_tool("dedupe", "--apply")
            self.tally.statuses["dedupe", done.returncode] += 1
            if done.returncode:
                self.tally.strange.append(done.stderr[-500:])
            time.sleep(2)
        self.tally.ended = True


class Outcome(NamedTuple):
    tallies: dict[str, Tally]
    profiles: dict[int, Profile]  # as Redis has them
    projected: dict[int, Profile]
    events: Counter[int]
    checked: dict[str, Any]
    left: dict[str, Any]  # found again after what was found had been mended

    def contacts(self) -> list[Profile]:
        return [one for one in self.profiles.values() if one.is_known()]


def rivals_of(world: World, urls: dict[str, list[str]], contacts: list[int]) -> list[Rival]:
    writers = [ApiWriter(f"writer{n}", url, LOGIN, contacts) for n, url in enumerate(urls["contacts"] * 2)]
    mergers = [Merger(f"merger{n}", url, LOGIN, contacts) for n, url in enumerate(urls["identity"])]
    importer = Importer("importer", urls["contacts"][0], LOGIN, contacts)
    return [*writers, *mergers, importer, Visitors("visitors", world.spine), Deduper(world)]


def race(rivals: list[Rival], seconds: float) -> None:
    stop = Event()
    threads = [Thread(target=one.run, args=(stop,), daemon=True) for one in rivals]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    deadline = time.monotonic() + 40
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    world = World(tmp_path_factory.mktemp("races"), ENVIRON)
    with ExitStack() as stack:
        stack.callback(world.spine.close)
        ports = {service: [world.start(service)[1] for _ in range(2)] for service in ("identity", "contacts")}
        for port in (port for both in ports.values() for port in both):
            eventually(lambda port=port: is_up(f"http://127.0.0.1:{port}/readyz"), "ready", 120)  # type: ignore[misc]
        with client(ports["contacts"][0]) as http:
            contacts = make_contacts(http)
        urls = {service: [f"http://127.0.0.1:{port}" for port in both] for service, both in ports.items()}
        rivals = rivals_of(world, urls, contacts)
        race(rivals, SECONDS)
        eventually(lambda: not world.left(), "drained", 120)
        eventually(world.is_projected, "projected by the relay", 60)
        yield outcome_of(world, rivals)


def make_contacts(http: Any) -> list[int]:
    items = [{"email": email_of(number)} for number in range(GROUPS * GROUP)]
    made = [http.post("/api/contacts/batch/new", json=items[at : at + 150]) for at in range(0, len(items), 150)]
    assert {answer.status_code for answer in made} == {201}
    return [contact["id"] for answer in made for contact in answer.json()["contacts"]]


def outcome_of(world: World, rivals: list[Rival]) -> Outcome:
    checked = world.check_identity()
    redis, profiles = world.spine.redis, dict[int, Profile]()
    for key in redis.scan_iter(keys.PROFILES, count=1_000):
        profile = decode_profile(redis.get(key))
        profiles[int(key.rsplit(b":")[-1])] = profile
    rows = world.spine.rows("SELECT id, argMax(profile, version) FROM spoor.contacts GROUP BY id FORMAT TSVRaw")
    projected = {int(contact): msgspec.json.decode(document, type=Profile) for contact, document in rows}
    stored = world.spine.rows("SELECT event_id FROM spoor.events FINAL WHERE type = 'page.hit'")
    events = Counter(int(event.replace("-", ""), 16) for (event,) in stored)
    if checked:
        world.check_identity("--fix")
    tallies = {one.name: one.tally for one in rivals}
    return Outcome(tallies, profiles, projected, events, checked, world.check_identity())


def test_all_finish(outcome: Outcome) -> None:
    print({name: dict(sorted(tally.statuses.items())) for name, tally in outcome.tallies.items()})
    assert [name for name, tally in outcome.tallies.items() if not tally.ended] == []
    done = sum((tally.statuses for tally in outcome.tallies.values()), Counter[tuple[str, int]]())
    assert (
        sum(count for (_, status), count in done.items() if status in (200, 201)) > SECONDS
    )  # however slow the machine


def test_nothing_is_answered_that_is_not_documented(outcome: Outcome) -> None:
    assert {name: tally.strange[:3] for name, tally in outcome.tallies.items() if tally.strange} == {}


def test_no_update_is_lost(outcome: Outcome) -> None:
    """Each tag that was answered for is one contact's, and all points are there, but for those deleted with theirs."""
    holders: dict[str, list[int]] = {}
    for one in outcome.contacts():
        for tag in {tag for part in one.parts() for tag in part.tags}:
            holders.setdefault(tag, []).append(one.id)
    tallies = outcome.tallies.values()
    gone = {tag for tally in tallies for tag in tally.deleted_tags}
    given = {tag for tally in tallies for tag in tally.tags} - gone
    assert len(given) > SECONDS
    assert {tag: holders.get(tag, []) for tag in given if len(holders.get(tag, [])) != 1} == {}
    assert gone & holders.keys() == set()
    points = sum(part.points for one in outcome.contacts() for part in one.parts())
    assert points == sum(tally.points - tally.deleted_points for tally in tallies) > 0


def test_no_value_has_two_holders(outcome: Outcome) -> None:
    holders: dict[str, list[int]] = {}
    for one in outcome.contacts():
        for value in one.carried("email"):
            holders.setdefault(value, []).append(one.id)
    shared = {value: ids for value, ids in holders.items() if len(ids) > 1}
    for ids in shared.values():
        print("shared:", [outcome.profiles[one] for one in ids])
    assert shared == {}


def test_every_hit_is_stored_once(outcome: Outcome) -> None:
    """Those apart that were keyed before the deletion of who they name: nothing is sent twice here."""
    sent = outcome.tallies["visitors"].events
    assert {number for number, count in outcome.events.items() if count > 1} == set()
    assert outcome.events.keys() <= sent
    assert len(outcome.events) > 0.9 * len(sent)


def test_clickhouse_shows_what_redis_holds(outcome: Outcome) -> None:
    lasting = {one: profile for one, profile in outcome.profiles.items() if not profile.is_brief}
    behind = [one for one, profile in lasting.items() if outcome.projected.get(one) != profile]
    assert behind == []
    assert outcome.projected.keys() <= lasting.keys()


def test_check_identity_finds_nothing(outcome: Outcome) -> None:
    """But for claims that are free to take: of a value that an edit put an end to while its contact was merging. They
    are mended for good."""
    assert outcome.checked.keys() <= {CLAIM_VOID}
    assert outcome.checked.get(CLAIM_VOID, (0, []))[0] < 20
    assert outcome.left == {}
