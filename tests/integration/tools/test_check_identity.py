"""Each invariant broken on purpose: check-identity finds it, mends it, and then finds nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from services.common import clickhouse as ch
from services.common import keys
from services.common.merges import MergeStore
from services.common.merging import freeze_into
from services.common.profile import Merge, Move, Part, Profile, decode_profile, encode_profile
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import Record, RecordStore, Ref, project_records
from services.common.tables import ALIASES, AliasRow
from services.common.values import Claim, UniqueValue
from tests.integration.tools.conftest import Servers

NOW = time.time_ns() // 1_000
QUICK = ("--pause", "0.1")
ADA, BOB, TWIN, GONE, DEVICE = 10, 20, 30, 40, 50


async def nobody(_: int) -> int:
    return 0


def person(number: int, email: str, **other: Any) -> Profile:
    part = Part(added_us=NOW).with_fields({"email": email, "firstname": f"Number {number}"}, NOW)
    return Profile(number, own=part, **other)


async def write(servers: Servers, *profiles: Profile, projects: bool = True) -> list[Profile]:
    versions = await servers.store.write(list(profiles))
    written = [msgspec.structs.replace(one, version=versions[one.id]) for one in profiles]
    if projects:
        await project(servers.store, servers.clickhouse, written)
    return written


async def load(servers: Servers, number: int) -> Profile:
    found = (await servers.store.load([number]))[number]
    assert found is not None
    return found


async def claim(servers: Servers, email: str, number: int) -> None:
    value = UniqueValue("email", email)
    seen = (await servers.store.holders([value]))[value]
    await servers.store.claim([(value, seen, number)])


@pytest.fixture
async def people(servers: Servers) -> Servers:
    """All is well: Ada and Bob, a twin that merged into Ada, a deleted contact, a device that moved to Bob, a form."""
    for number, email in ((ADA, "ada@x.org"), (BOB, "bob@x.org"), (TWIN, "twin@x.org")):
        await claim(servers, email, number)
        await write(servers, person(number, email))
    await write(servers, Profile(GONE, deleted_us=NOW))
    await write(servers, Profile(DEVICE, moves=[Move(NOW, b"x" * 16, BOB)]))
    merged = await MergeStore(servers.store, nobody).merge(ADA, TWIN, "test")
    await project(servers.store, servers.clickhouse, merged.written)
    records = RecordStore(servers.redis)
    form = Ref("form", "1")
    versions = await records.write([Record(form, 0, b"{}")])
    await project_records(records, servers.clickhouse, [Record(form, versions[form], b"{}")])
    return servers


def check(servers: Servers, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = servers.start("check_identity", *QUICK, *arguments)
    assert done.returncode in (0, 3), done.stderr
    return done.returncode, json.loads(done.stdout)


async def set_raw(servers: Servers, profile: Profile) -> None:
    """Behind everybody's back."""
    await servers.redis.set(keys.profile(profile.id), b"%016d" % profile.version + encode_profile(profile))


# ---- how each is broken ----


async def forget_claim(servers: Servers) -> None:
    await servers.redis.delete(keys.unique("email", "bob@x.org"))


async def forget_twins_claim(servers: Servers) -> None:
    await servers.redis.delete(keys.unique("email", "twin@x.org"))


async def claim_for_nobody(servers: Servers) -> None:
    await servers.redis.set(keys.unique("email", "free@x.org"), Claim(BOB, NOW).stored())


async def claim_for_the_deleted(servers: Servers) -> None:
    await servers.redis.set(keys.unique("email", "free@x.org"), Claim(GONE, NOW).stored())


async def lead_nowhere(servers: Servers) -> None:
    frozen = freeze_into(await load(servers, BOB), Profile(999), NOW)
    await write(servers, frozen)


async def lead_in_a_circle(servers: Servers) -> None:
    one, other = await load(servers, ADA), await load(servers, BOB)
    await write(servers, freeze_into(one, other, NOW), freeze_into(other, one, NOW))


async def leave_a_merge_half_done(servers: Servers) -> None:
    await write(servers, freeze_into(await load(servers, BOB), await load(servers, ADA), NOW))


async def lead_by_way_of_others(servers: Servers) -> None:
    merged = await MergeStore(servers.store, nobody).merge(BOB, ADA, "test")
    await project(servers.store, servers.clickhouse, merged.written)
    await write(servers, msgspec.structs.replace(await load(servers, TWIN), alias=ADA))


async def leave_an_undo_half_done(servers: Servers) -> None:
    twin = await load(servers, TWIN)
    await write(servers, msgspec.structs.replace(twin, alias=0, merge=None, separated={ADA: NOW * 2}))


async def lose_a_loser(servers: Servers) -> None:
    await servers.redis.delete(keys.profile(TWIN))


async def move_nowhere(servers: Servers) -> None:
    device = await load(servers, DEVICE)
    await write(servers, msgspec.structs.replace(device, moves=[*device.moves, Move(NOW + 1, b"y" * 16, 12345)]))


async def forget_to_project(servers: Servers) -> None:
    (written,) = await write(servers, person(60, "new@x.org"), projects=False)
    await claim(servers, "new@x.org", 60)
    await servers.store.settle({60: written.version})


async def lose_the_last_second(servers: Servers) -> None:
    before = await servers.redis.get(keys.profile(BOB))
    await write(servers, msgspec.structs.replace(decode_profile(before), own=Part(added_us=NOW).with_fields(
        {"email": "bob@x.org", "city": "Rome"}, NOW)))  # fmt: skip
    await servers.redis.set(keys.profile(BOB), before)


async def lose_a_profile(servers: Servers) -> None:
    await servers.redis.delete(keys.profile(BOB), keys.unique("email", "bob@x.org"))


async def mislead_a_row(servers: Servers) -> None:
    await ch.insert_rows(servers.clickhouse, ALIASES, [AliasRow(TWIN, BOB, NOW * 2)])


async def forget_to_project_a_record(servers: Servers) -> None:
    records = RecordStore(servers.redis)
    ref = Ref("form", "2")
    versions = await records.write([Record(ref, 0, b"{}")])
    await records.settle([Record(ref, versions[ref], b"{}")])


async def lose_a_record(servers: Servers) -> None:
    stored = await servers.redis.get(keys.record("form", "1"))
    await servers.redis.set(keys.record("form", "1"), b"%016d" % 7 + stored[16:])


async def forget_the_outbox(servers: Servers) -> None:
    await servers.redis.zadd(keys.changes(BOB), {str(BOB): 1})


BROKEN: list[tuple[str, Callable[[Servers], Awaitable[None]]]] = [
    ("value_unclaimed", forget_claim),
    ("value_unclaimed", forget_twins_claim),
    ("claim_void", claim_for_nobody),
    ("claim_void", claim_for_the_deleted),
    ("alias_nowhere", lead_nowhere),
    ("alias_cycle", lead_in_a_circle),
    ("merge_half_done", leave_a_merge_half_done),
    ("alias_chain", lead_by_way_of_others),
    ("loser_elsewhere", leave_an_undo_half_done),
    ("loser_elsewhere", lose_a_loser),
    ("move_nowhere", move_nowhere),
    ("projection_behind", forget_to_project),
    ("projection_ahead", lose_the_last_second),
    ("profile_lost", lose_a_profile),
    ("alias_row_wrong", mislead_a_row),
    ("record_behind", forget_to_project_a_record),
    ("record_ahead", lose_a_record),
    ("outbox_forgotten", forget_the_outbox),
]


async def test_nothing_is_found_where_all_is_well(people: Servers) -> None:
    status, summary = check(people)
    assert (status, summary["wrong"], summary["profiles"], summary["claims"]) == (0, 0, 5, 3)


@pytest.mark.parametrize(("kind", "breaks"), BROKEN, ids=[breaks.__name__ for _, breaks in BROKEN])
async def test_what_is_broken_is_found_and_mended(
    people: Servers, kind: str, breaks: Callable[[Servers], Awaitable[None]]
) -> None:
    await breaks(people)
    status, summary = check(people)
    assert status == 3
    assert summary.get(kind), summary
    status, summary = check(people, "--fix")
    if status:  # what follows from what was mended
        status, summary = check(people, "--fix")
    assert (status, summary["wrong"]) == (0, 0), summary
    assert check(people)[0] == 0


async def test_a_value_of_two_contacts_is_left_to_people(people: Servers) -> None:
    await write(people, person(70, "bob@x.org"))
    status, summary = check(people, "--fix")
    assert (status, summary["value_shared"]) == (3, 1)
    store = ProfileStore(people.redis)
    value = UniqueValue("email", "bob@x.org")
    assert ((await store.holders([value]))[value] or Claim(0, 0)).contact_id == BOB


async def test_what_a_half_done_undo_gave_back_stays_apart(people: Servers) -> None:
    await leave_an_undo_half_done(people)
    assert check(people, "--fix")[0] == 0
    ada, twin = await load(people, ADA), await load(people, TWIN)
    assert (ada.losers, twin.alias, twin.value("email")) == ({}, 0, "twin@x.org")


async def test_a_lost_loser_leads_to_its_survivor_again(people: Servers) -> None:
    await people.redis.delete(keys.profile(TWIN))
    await people.clickhouse.command(f"ALTER TABLE contacts DELETE WHERE id = {TWIN}", settings={"mutations_sync": 2})
    assert check(people, "--fix")[0] == 0
    twin = await load(people, TWIN)
    assert (twin.alias, twin.merge) == (ADA, Merge(ADA, (await load(people, ADA)).merges[TWIN].time_us, "test"))
