"""Contacts that share a value: told first, merged when asked to, never two people, and then everything is in order."""

from __future__ import annotations

import subprocess
import time
from argparse import Namespace
from typing import Any

import msgspec
import pytest

from services.common import keys
from services.common.merges import MergeStore
from services.common.merging import freeze_into
from services.common.profile import Part, Profile
from services.common.projection import project
from services.common.settings import Settings
from services.common.values import Claim, UniqueValue
from services.identity.tools import dedupe as tool
from services.identity.tools.tool import Connections
from tests.integration.tools.conftest import Place, Servers, start_tool

NOW = time.time_ns() // 1_000
ALL = {"SPOOR_UNIQUE_FIELDS": "email,mobile,twitter"}


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """How many of each kind, and the values that were claimed."""
    assert done.returncode == 0, done.stderr
    summary = msgspec.json.decode(done.stdout)
    return {name: value for name, value in summary.items() if name not in ("seconds", "kinds")}


def dedupe(servers: Servers | Place, *arguments: str, **environ: str) -> dict[str, Any]:
    return told(start_tool(servers.redis_url, servers.clickhouse_url, "dedupe", *arguments, **environ))


async def put(servers: Servers, number: int, **fields: str) -> None:
    profile = Profile(number, own=Part(added_us=NOW + number).with_fields(dict(fields), NOW + number))
    profile.version = (await servers.store.write([profile]))[number]
    await project(servers.store, servers.clickhouse, [profile])
    if "email" in fields:  # which was unique all the time
        old = Claim(number, NOW - 60_000_000)
        await servers.redis.set(keys.unique("email", fields["email"]), old.stored())


async def nobody(_: int) -> int:
    return 0


@pytest.fixture
async def people(servers: Servers) -> Servers:
    """1, 2 and 3 are one person; 4 has the number, too, but another address than 3; an undo parted 6 from 5; 9 is 8,
    who is 7: by another value each. Of 10 nobody else has the number."""
    await put(servers, 1, mobile="+49 ß")
    await put(servers, 2, mobile=" +49 SS ", firstname="Ada")
    await put(servers, 3, mobile="+49 ss", email="ada@x.org")
    await put(servers, 4, mobile="+49 SS", email="bob@x.org")
    await put(servers, 5, mobile="5")
    await put(servers, 6, mobile="5")
    await put(servers, 7, mobile="7")
    await put(servers, 8, mobile="7", twitter="@x")
    await put(servers, 9, twitter="@X")
    await put(servers, 10, mobile="10", email="ten@x.org")
    await put(servers, 11, mobile="n/a")
    await put(servers, 12, mobile="N/A")
    merges = MergeStore(servers.store, nobody)
    await project(servers.store, servers.clickhouse, (await merges.merge(5, 6, "test")).written)
    await project(servers.store, servers.clickhouse, (await merges.unmerge(6, ("email",))).written)
    return servers


async def survivors(servers: Servers, *numbers: int) -> list[int]:
    found = [await servers.store.resolve(number) for number in numbers]
    return [one.id for one in found if one is not None]


async def holder(servers: Servers, value: str, field: str = "mobile") -> int:
    claimed = (await servers.store.holders([UniqueValue(field, value)]))[UniqueValue(field, value)]
    return claimed.contact_id if claimed else 0


async def test_a_dry_run_says_what_would_be_done_and_changes_nothing(people: Servers) -> None:
    before = await people.redis.dbsize()
    expected = {"contacts": 12, "would_be_merged": 4, "contradicts": 1, "separated": 1, "values_to_claim": 5}
    assert dedupe(people, **ALL) == expected
    assert await survivors(people, *range(1, 10)) == list(range(1, 10))
    assert await people.redis.dbsize() == before


async def test_one_person_is_one_contact_and_every_value_has_a_holder(people: Servers) -> None:
    done = dedupe(people, "--apply", **ALL)
    assert done == {"contacts": 12, "merged": 4, "contradicts": 1, "separated": 1, "values_claimed": 5}
    assert await survivors(people, *range(1, 13)) == [1, 1, 1, 4, 5, 6, 7, 7, 7, 10, 11, 12]
    assert [await holder(people, value) for value in ("+49 ss", "5", "10", "n/a")] == [1, 5, 10, 0]
    rows = await people.clickhouse.query("SELECT contact_id, user FROM audit WHERE action = 'merge'")
    assert {(int(one), who) for one, who in rows.result_rows} == {(one, "dedupe") for one in (1, 2, 3, 7, 8, 9)}
    shown = await people.clickhouse.query("SELECT id FROM contacts FINAL ORDER BY id")
    assert [int(row[0]) for row in shown.result_rows] == [1, 4, 5, 6, 7, 10, 11, 12]
    assert dedupe(people, "--apply", **ALL) == {
        "contacts": 8, "contradicts": 1, "separated": 1, "values_claimed": 0,
    }  # fmt: skip
    check = people.start("check_identity", "--pause", "0.1", **ALL)
    kinds = msgspec.json.decode(check.stdout)["kinds"]
    assert kinds == {"value_shared": {"found": 2, "left": 2, "examples": kinds["value_shared"]["examples"]}}
    assert sorted(kinds["value_shared"]["examples"]) == [4, 6], "the numbers of two people are for people to judge"


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_with_or_any_value_in_common_makes_them_one_but_never_whom_an_undo_has_parted(people: Servers) -> None:
    dedupe(people, "--apply", **ALL, SPOOR_UNIQUE_OPERATOR="or")
    assert await survivors(people, 1, 2, 3, 4, 5, 6) == [1, 1, 1, 1, 5, 6]


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_a_run_that_broke_off_is_gone_on_with(people: Servers) -> None:
    """It had made one of the merges, and half of another."""
    merges = MergeStore(people.store, nobody)
    await merges.merge(1, 2, "dedupe")
    seven, eight = [one for one in (await people.store.load([7, 8])).values() if one]
    await people.store.write([freeze_into(eight, seven, NOW + 100)])
    await people.store.resolve(8)  # as the relay does
    dedupe(people, "--apply", **ALL)
    assert await survivors(people, 1, 2, 3, 4, 7, 8, 9) == [1, 1, 1, 4, 7, 7, 7]
    check = people.start("check_identity", "--pause", "0.1", **ALL)
    assert set(msgspec.json.decode(check.stdout)["kinds"]) <= {
        "value_shared",
        "projection_behind",
        "projection_missing",
    }
    assert people.start("check_identity", "--pause", "0.1", "--fix", **ALL).returncode == 3


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_with_very_many_duplicates_contacts_are_read_again_for_each_share_of_the_values(
    people: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "MOST_GATHERED", 1)
    settings = Settings(unique_fields=("email", "mobile", "twitter"))
    report = await tool.work(Connections(settings, people.redis, people.clickhouse), Namespace(apply=True))
    assert (report.kinds["merged"].found, report.numbers["values_claimed"]) == (4, 5)
    assert await survivors(people, *range(1, 10)) == [1, 1, 1, 4, 5, 6, 7, 7, 7]


def test_what_was_told_before_a_field_became_unique(place: Place) -> None:
    """Through the API, beside the services: from then on one finds them by the number."""
    api = place.site.api

    def make(**fields: str) -> int:
        answer = api.post("/api/contacts/new", json=fields)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["contact"]["id"])

    first, second, third = make(mobile="0171"), make(mobile=" 0171"), make(mobile="0171", email="x@dedupe.org")
    other, alone = make(mobile="0171", email="y@dedupe.org"), make(mobile="0172")
    answer = api.patch("/api/fields/contact/mobile/edit", json={"isUniqueIdentifier": True})
    assert answer.status_code == 200, answer.text
    assert dedupe(place)["would_be_merged"] == 2
    done = dedupe(place, "--apply")
    assert (done["merged"], done["contradicts"]) == (2, 1)
    seen = [api.get(f"/api/contacts/{one}").json()["contact"]["id"] for one in (first, second, third, other)]
    assert seen == [first, first, first, other]
    time.sleep(1.2)  # the registry is read anew after one second
    same = api.post("/api/contacts/new", json={"mobile": "0172", "firstname": "Al"})
    assert (same.status_code, same.json()["contact"]["id"]) == (200, alone)
