"""Each thing that can go wrong goes wrong, on real servers: check-identity finds it, mends it, and finds no more."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from services.common import clickhouse as ch
from services.common import keys
from services.common.merges import MergeStore
from services.common.merging import freeze_into, take_in, take_out
from services.common.profile import Move, Part, Profile, encode_profile
from services.common.projection import project
from services.common.records import Record, RecordStore, Ref, project_records
from services.common.tables import ALIASES, EVENTS, AliasRow
from services.common.values import Claim, UniqueValue
from services.identity.surroundings import LastCheck
from services.identity.tools import check_identity
from services.identity.tools.checking.contacts import Contacts
from tests.integration.conftest import event_row
from tests.integration.tools.conftest import Servers

NOW = time.time_ns() // 1_000
OLD = NOW - 3_600_000_000
MERGED = OLD + 1_000
PAUSE = ("--pause", "0.2")


def email(number: int) -> str:
    return f"{number}@x.org"


def known(number: int, **fields: str) -> Profile:
    told = {"email": email(number), **fields}
    return Profile(number, own=Part(added_us=OLD + number).with_fields(dict(told), OLD + number))


async def put(servers: Servers, *profiles: Profile, is_projected: bool = True) -> None:
    """As the services would leave them."""
    versions = await servers.store.write(list(profiles))
    for profile in profiles:
        profile.version = versions[profile.id]
        assert profile.version
    if is_projected:
        await project(servers.store, servers.clickhouse, profiles)


async def claim(servers: Servers, contact_id: int, address: str) -> None:
    """Long ago."""
    await servers.redis.set(keys.unique("email", address), Claim(contact_id, OLD).stored())


async def holder(servers: Servers, address: str) -> int:
    value = UniqueValue("email", address)
    found = (await servers.store.holders([value]))[value]
    return found.contact_id if found else 0


async def load(servers: Servers, number: int) -> Profile:
    profile = (await servers.store.load([number]))[number]
    assert profile is not None
    return profile


def check(servers: Servers, *arguments: str) -> tuple[int, dict[str, list[Any]]]:
    """The exit status, and of each kind (how many were found, how many are left, examples)."""
    done = servers.start("check_identity", *PAUSE, *arguments)
    assert done.returncode in (0, 3), done.stderr
    kinds = msgspec.json.decode(done.stdout)["kinds"]
    return done.returncode, {name: [kind["found"], kind["left"], kind["examples"]] for name, kind in kinds.items()}


def mended(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: [count, 0, examples] for name, (count, _, examples) in found.items()}


@pytest.fixture
async def people(servers: Servers) -> Servers:
    """1 with 2 and 3 merged into it, 4 with a device that moved to 1, 5 deleted, 6 a caller without cookies."""
    first, second, third = (known(number) for number in (1, 2, 3))
    for number in (1, 2, 3, 4):
        await claim(servers, number, email(number))
    second, third = freeze_into(second, first, MERGED), freeze_into(third, first, MERGED)
    moved = msgspec.structs.replace(known(4), moves=[Move(OLD, b"e", 1), Move(NOW, b"f", 3)])
    await put(servers, take_in(take_in(first, second), third), second, third, moved, Profile(5, deleted_us=OLD))
    brief = Profile(6, moves=[Move(OLD, b"e", 1)], is_brief=True)
    await put(servers, brief, is_projected=False)
    form = Record(Ref("form", "7"), 0, b"{}")
    records = RecordStore(servers.redis)
    [version] = (await records.write([form])).values()
    await project_records(records, servers.clickhouse, [form._replace(version=version)])
    return servers


async def test_nothing_is_wrong_with_what_the_services_leave(people: Servers) -> None:
    done = people.start("check_identity", *PAUSE)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = msgspec.json.decode(done.stdout)
    assert summary["kinds"] == {}
    assert (summary["contacts"], summary["records"], summary["claims"]) == (6, 1, 4)
    wrong, at = await LastCheck(people.redis).read()
    assert wrong == 0 and 0 <= time.time() - at < 60, "what watches is told"


async def test_what_is_left_wrong_is_told_to_what_watches_until_it_is_mended(people: Servers) -> None:
    await people.redis.delete(keys.unique("email", email(2)))
    check(people)
    assert (await LastCheck(people.redis).read())[0] == 1
    check(people, "--fix")
    assert (await LastCheck(people.redis).read())[0] == 0


async def test_values_without_claim_and_claims_without_value(people: Servers) -> None:
    await people.redis.delete(keys.unique("email", email(2)))
    await claim(people, 1, email(4))
    await claim(people, 4, "void@x.org")
    await claim(people, 77, "nobody@x.org")
    await people.redis.set(keys.unique("companyname", "acme"), Claim(88, OLD).stored())
    fresh = Claim(99, time.time_ns() // 1_000 + 3_600_000_000)
    await people.redis.set(keys.unique("email", "fresh@x.org"), fresh.stored())
    status, found = check(people)
    # What 4 carries is claimed by somebody who does not.
    assert (status, sorted(found)) == (3, ["claim_void", "value_unclaimed"])
    assert found["value_unclaimed"][0] == 2 and sorted(found["value_unclaimed"][2]) == [1, 4]
    assert found["claim_void"][0] == 3 and sorted(found["claim_void"][2]) == [1, 4, 77]
    status, fixed = check(people, "--fix")
    assert (status, fixed["value_unclaimed"][1], fixed["claim_void"][:2]) == (0, 0, [2, 0])
    assert [await holder(people, email(number)) for number in (2, 4)] == [2, 4], "under whoever brought it along"
    assert await holder(people, "void@x.org") == await holder(people, "nobody@x.org") == 0
    assert await holder(people, "fresh@x.org") == 99
    assert check(people) == (0, {})


async def test_a_value_of_two_contacts_is_left_to_dedupe(people: Servers) -> None:
    await put(people, known(8, email=email(4)))
    status, found = check(people, "--fix")
    assert (status, found) == (3, {"value_shared": [1, 1, [8]]})
    text = people.start("check_identity", *PAUSE).stdout
    assert email(4) not in text


async def test_merges_that_were_left_half_done(people: Servers) -> None:
    first = await load(people, 1)
    await put(people, freeze_into(known(8), first, MERGED))
    await claim(people, 8, email(8))
    assert check(people) == (3, {"merge_half_done": [1, 1, [8]]})
    status, found = check(people, "--fix")
    assert status == 0 and found["merge_half_done"] == [1, 0, [8]]
    assert 8 in (await load(people, 1)).losers
    assert check(people) == (0, {})


async def test_cycles_and_chains(people: Servers) -> None:
    one, other = known(8), known(9)
    for number in (8, 9, 10):
        await claim(people, number, email(number))
    one, other = freeze_into(one, other, MERGED), freeze_into(other, one, MERGED)
    await put(people, one, other, freeze_into(known(10), await load(people, 2), MERGED))
    status, found = check(people)
    assert (found["alias_cycle"], found["alias_chain"]) == ([1, 1, [8]], [1, 1, [10]])
    status, found = check(people, "--fix")
    assert status == 0, found
    assert (await load(people, 10)).alias == 1 and 10 in (await load(people, 1)).losers
    assert (await load(people, 9)).alias == 8 and (await load(people, 8)).is_known()
    assert check(people) == (0, {})


async def test_an_undo_that_was_left_half_done(people: Servers) -> None:
    whole, loser = await load(people, 1), await load(people, 3)
    parted = take_out(whole, loser, NOW)
    assert parted
    await put(people, parted.back)
    status, found = check(people)
    assert (status, found["loser_elsewhere"]) == (3, [1, 1, [1]])
    assert check(people, "--fix")[0] == 0
    rest = await load(people, 1)
    assert 3 not in rest.losers and rest.separated == {3: NOW}
    assert check(people) == (0, {})


async def test_a_merge_of_which_redis_has_lost_the_first_half(people: Servers) -> None:
    """On a cluster each master loses a last second of its own."""
    await people.redis.delete(keys.profile(2))
    before = await load(people, 3)
    await people.clickhouse.command("ALTER TABLE contacts DELETE WHERE id IN (2, 3)", settings={"mutations_sync": 2})
    alone = msgspec.structs.replace(before, alias=0, merge=None)
    await people.redis.set(keys.profile(3), b"%016d" % (before.version - 1) + encode_profile(alone))
    assert check(people)[1]["loser_elsewhere"] == [2, 2, [1]]
    assert check(people, "--fix")[0] == 0
    first = await load(people, 1)
    assert (await load(people, 2)).alias == 1 and 2 in first.losers, "all that is left of it is what 1 has"
    assert (await load(people, 3)).is_known() and 3 not in first.losers and not first.separated
    assert check(people) == (0, {})


async def test_who_leads_to_nobody_is_a_contact_again_and_a_move_to_nobody_is_told(people: Servers) -> None:
    await claim(people, 8, email(8))
    await put(people, freeze_into(known(8), Profile(12), MERGED))
    visited, nowhere = Profile(9, moves=[Move(OLD, b"e", 20)]), Profile(10, moves=[Move(OLD, b"e", 21)])
    await put(people, visited, nowhere)
    await ch.insert_rows(people.clickhouse, EVENTS, [event_row("0" * 32, 20, time.time(), {})])
    status, found = check(people, "--fix")
    assert (status, found) == (3, {"alias_nowhere": [1, 0, [8]], "move_nowhere": [1, 1, [10]]})
    assert (await load(people, 8)).is_known()


async def test_what_clickhouse_lacks_is_projected(people: Servers) -> None:
    await put(people, known(8))
    await claim(people, 8, email(8))
    await people.clickhouse.command("ALTER TABLE contacts DELETE WHERE id = 8", settings={"mutations_sync": 2})
    moved = await load(people, 4)
    await put(people, msgspec.structs.replace(moved, moves=moved.moves[:1]), is_projected=False)
    records = RecordStore(people.redis)
    old = await records.one(Ref("form", "7"))
    assert old
    await records.write([old._replace(data=b'{"a":1}'), Record(Ref("form", "8"), 0, b"{}")])
    status, found = check(people)
    wrong = {
        "projection_missing": [8],
        "projection_behind": [4],
        "record_missing": ["form:8"],
        "record_behind": ["form:7"],
    }
    assert (status, found) == (3, {name: [1, 1, ids] for name, ids in wrong.items()})
    assert check(people, "--fix") == (0, mended(found))
    assert check(people) == (0, {})


async def test_what_redis_has_lost_is_put_back(people: Servers) -> None:
    edited = known(4, firstname="Newer", email="newer@x.org")
    lost, before = known(8), await load(people, 4)
    records = RecordStore(people.redis)
    form = await records.one(Ref("form", "7"))
    assert form
    await project_records(records, people.clickhouse, [form._replace(version=form.version + 5, data=b'{"a":2}')])
    edited.version, lost.version = before.version + 1_000, before.version + 1_000
    await project(people.store, people.clickhouse, [edited, lost])
    status, found = check(people)
    assert found["projection_ahead"][0] == 2 and sorted(found["projection_ahead"][2]) == [4, 8]
    assert found["record_ahead"] == [1, 1, ["form:7"]]
    status, found = check(people, "--fix")
    assert status == 0, found
    assert (await load(people, 4)).value("firstname") == "Newer"
    assert [await holder(people, address) for address in ("newer@x.org", email(8), email(4))] == [4, 8, 0]
    form = await records.one(Ref("form", "7"))
    assert form and form.data == b'{"a":2}'
    assert check(people) == (0, {})


async def test_rows_of_aliases(people: Servers) -> None:
    version = (await load(people, 1)).version
    rows = [AliasRow(2, 4, version + 50), AliasRow(4, 1, 5), AliasRow(30, 1, 5)]
    await ch.insert_rows(people.clickhouse, ALIASES, rows)
    await people.clickhouse.command("ALTER TABLE aliases DELETE WHERE loser = 3", settings={"mutations_sync": 2})
    status, found = check(people)
    assert status == 3 and found.keys() == {"alias_row_wrong"}
    assert found["alias_row_wrong"][0] == 4 and sorted(found["alias_row_wrong"][2]) == [2, 3, 4, 30]
    assert check(people, "--fix")[0] == 0
    sql = "SELECT loser, winner FROM aliases FINAL ORDER BY loser"
    assert (await people.clickhouse.query(sql)).result_rows == [(2, 1), (3, 1), (4, 4), (30, 30)]
    assert check(people) == (0, {})


async def test_an_outbox_that_nobody_empties(people: Servers) -> None:
    long_ago = NOW - 120_000_000
    await people.redis.zadd(keys.changes(4), {"4": long_ago})
    await people.redis.zadd(keys.changes(50), {"50": long_ago})
    await people.redis.zadd(keys.made(keys.record_slot("7")), {"form:7": long_ago})
    await people.redis.zadd(keys.changes(3), {"3": time.time_ns() // 1_000})
    status, found = check(people)
    assert (status, found["outbox_forgotten"][0]) == (3, 3)
    assert check(people, "--fix")[0] == 0
    assert await people.store.unsettled(2**60, 10) == [3]
    assert check(people) == (0, {})


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_what_is_written_between_the_two_looks_is_not_told(people: Servers) -> None:
    """A merge that is half done at the first look and done at the second, and one that is half done at each."""
    contacts = Contacts(people.redis, people.clickhouse, ("email",))
    await claim(people, 8, email(8))
    await put(people, freeze_into(known(8), await load(people, 1), MERGED))

    class Busy(Contacts):
        looks = 0

        async def inspect(self, subjects: Any) -> Any:
            found = await super().inspect(subjects)
            Busy.looks += 1
            again = await load(people, 8)
            await put(people, again)
            return found

    busy = Busy(people.redis, people.clickhouse, ("email",))
    assert {one.kind for one in await contacts.inspect([8])} == {"merge_half_done"}
    check = check_identity.Check(0.01, is_fix=True)
    await check.run(busy)
    assert Busy.looks > 1 and check.report.kinds == {}


async def test_it_is_refused_while_redis_is_being_rebuilt(people: Servers) -> None:
    await people.redis.set(keys.REBUILDING, "1")
    assert people.start("check_identity").returncode == 1


async def test_an_undone_merge_is_in_order(people: Servers) -> None:
    async def nobody(_: int) -> int:
        return 0

    undone = await MergeStore(people.store, nobody).unmerge(2, ("email",))
    await project(people.store, people.clickhouse, undone.written)
    assert check(people) == (0, {})
