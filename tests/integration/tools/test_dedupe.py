"""Contacts that share a value: shown first, merged when asked to, and never two people."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from services.common.merges import MergeStore
from services.common.profile import Part, Profile
from services.common.projection import project
from services.common.values import UniqueValue
from tests.integration.tools.conftest import Servers

NOW = time.time_ns() // 1_000
FIELDS = {"SPOOR_UNIQUE_FIELDS": "email,mobile"}


async def nobody(_: int) -> int:
    return 0


async def put(servers: Servers, number: int, **fields: str) -> None:
    profile = Profile(number, own=Part(added_us=NOW + number).with_fields(dict(fields), NOW + number))
    versions = await servers.store.write([profile])
    await project(servers.store, servers.clickhouse, [msgspec.structs.replace(profile, version=versions[number])])


@pytest.fixture
async def people(servers: Servers) -> Servers:
    """1, 2 and 3 are one person; 4 has the number, too, but another address than 3; 6 was parted from 5."""
    await put(servers, 1, mobile="+49 1")
    await put(servers, 2, mobile=" +49 1 ", firstname="Ada")
    await put(servers, 3, mobile="+49 1", email="ada@x.org")
    await put(servers, 4, mobile="+49 1", email="bob@x.org")
    await put(servers, 5, mobile="+49 5")
    await put(servers, 6, mobile="+49 5")
    await put(servers, 7, mobile="n/a")
    await put(servers, 8, mobile="N/A")
    merges = MergeStore(servers.store, nobody)
    await project(servers.store, servers.clickhouse, (await merges.merge(5, 6, "test")).written)
    await project(servers.store, servers.clickhouse, (await merges.unmerge(6, ("email", "mobile"))).written)
    return servers


def dedupe(servers: Servers, *arguments: str) -> dict[str, Any]:
    return servers.run("dedupe", *arguments, **FIELDS)


async def survivors(servers: Servers, *numbers: int) -> list[int]:
    found = [await servers.store.resolve(number) for number in numbers]
    return [one.id for one in found if one is not None]


async def test_a_dry_run_changes_nothing_and_says_whom_it_would_merge(people: Servers) -> None:
    assert dedupe(people) == {"would_be_merged": 3, "contradict": 0, "separated": 1, "busy": 0}
    assert await survivors(people, 1, 2, 3, 4, 5, 6) == [1, 2, 3, 4, 5, 6]


async def test_they_are_merged_into_the_oldest_but_for_who_contradicts_and_who_was_parted(people: Servers) -> None:
    assert dedupe(people, "--apply") == {"merged": 2, "contradict": 1, "separated": 1, "busy": 0}
    assert await survivors(people, 1, 2, 3, 4, 5, 6, 7, 8) == [1, 1, 1, 4, 5, 6, 7, 8]
    value = UniqueValue("mobile", "+49 1")
    holder = (await people.store.holders([value]))[value]
    assert holder is not None and await survivors(people, holder.contact_id) == [1]
    rows = await people.clickhouse.query(
        "SELECT contact_id, user FROM audit WHERE action = 'merge' ORDER BY contact_id"
    )
    assert {(int(one), who) for one, who in rows.result_rows} == {(1, "dedupe"), (2, "dedupe"), (3, "dedupe")}
    assert dedupe(people, "--apply")["merged"] == 0


async def test_what_a_field_left_that_became_unique_is_finished_by_both_tools(people: Servers) -> None:
    dedupe(people, "--apply")
    done = people.start("check_identity", "--fix", "--pause", "0.1", **FIELDS)
    assert json.loads(done.stdout)["value_shared"] == 2, "4 and 6 carry what 1 and 5 hold"
