"""Redis is lost as a whole and made anew from ClickHouse: afterwards everything answers as before."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import msgspec
import pytest

from services.common import clickhouse as ch
from services.common import keys
from services.common.envelope import ApiError
from services.common.loss import LOST, is_redis_lost
from services.common.merging import freeze_into, take_in
from services.common.profile import Part, Profile, encode_profile
from services.common.projection import project
from services.common.records import Record, RecordStore, Ref
from services.common.redis_client import is_cluster
from services.common.settings import Settings
from services.common.tables import CONTACTS, RECORDS, RecordRow, contact_row
from services.common.values import Claim, UniqueValue
from services.contacts.people.change import Change
from services.contacts.people.writer import ContactWriter
from services.contacts.stores import Stores
from tests.integration.site import Visitor
from tests.integration.tools.conftest import Place, Servers
from tests.processes import eventually

NOW = 1_790_000_000_000_000


def address(name: str) -> str:
    return f"{name}.{uuid.uuid4().hex[:8]}@example.org"


def test_after_a_total_loss_everything_answers_as_before(place: Place) -> None:
    site, api = place.site, place.site.api
    ada, bob, eve, gone = address("ada"), address("bob"), address("eve"), address("gone")
    ada_id = make(place, email=ada, firstname="Ada", tags=["vip"])
    gone_id = make(place, email=gone)
    assert api.delete(f"/api/contacts/{gone_id}/delete").status_code == 200
    form = api.post("/api/forms/new", json={"name": "Newsletter", "fields": []}).json()["form"]
    with site.visitor() as merged, site.visitor() as moved, site.visitor() as worker:
        anonymous_id = hit(merged, "before")
        hit(merged, "login", email=ada)
        bob_id = hit(moved, "first", email=bob)
        hit(moved, "second", email=eve)
        eve_id = site.contact(eve)["id"]
        worker_id = hit(worker, "work", company="Acme Rebuilt")
        [company] = eventually(lambda: companies(place, worker_id), "the company")
        place.site.settle(merged, "all-stored")
        ids = [ada_id, anonymous_id, bob_id, eve_id, worker_id, gone_id]
        before, shown = contents(place.redis), [answer(place, contact_id) for contact_id in ids]

        site.identity.process.stop()
        place.redis.flushall()
        summary = place.run("rebuild_redis")
        assert (summary["contacts_read"], summary["profiles_put"]) == (len(before["profiles"]),) * 2
        assert contents(place.redis) == before
        site.identity = site._start("identity")

        assert [answer(place, contact_id) for contact_id in ids] == shown
        assert shown[0] == shown[1], "merged"
        assert shown[-1][0] == 404, "deleted"
        assert api.get(f"/api/forms/{form['id']}").json()["form"] == form
        hit(moved, "after-loss")
        site.settle(moved, "moved-marker")
        assert "after-loss" in str(site.history(eve_id)) and "after-loss" not in str(site.history(bob_id))
        assert make(place, 200, email=ada, lastname="Lovelace") == ada_id
        assert make(place, email=gone) not in ids
        assert int(api.post("/api/forms/new", json={"name": "Two", "fields": []}).json()["form"]["id"]) > form["id"]
        with site.visitor() as colleague:
            colleague_id = hit(colleague, "work", company="ACME  rebuilt")
            site.settle(colleague, "company-marker")
        [same] = companies(place, colleague_id)
        assert same["company_id"] == company["company_id"]
        assert api.post("/api/companies/new", json={"companyname": "Another"}).status_code == 201


def make(place: Place, status: int = 201, **body: Any) -> int:
    answer = place.site.api.post("/api/contacts/new", json=body)
    assert answer.status_code == status, answer.text
    return int(answer.json()["contact"]["id"])


def hit(visitor: Visitor, page: str, **said: str) -> int:
    answer = visitor.get("/mtc/event", params={"page_url": f"https://shop.example/{page}", **said})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def answer(place: Place, contact_id: int) -> tuple[int, Any]:
    found = place.site.api.get(f"/api/contacts/{contact_id}")
    return found.status_code, found.json().get("contact")


def companies(place: Place, contact_id: int) -> list[dict[str, Any]]:
    return list(place.site.api.get(f"/api/contacts/{contact_id}/companies").json().get("companies", []))


def contents(redis: Any) -> dict[str, dict[bytes, bytes]]:
    """Profiles and records to the byte, and of each claim whose it is, which is the survivor's."""
    found = {
        name: {key: redis.get(key) for key in redis.scan_iter(match=pattern)}
        for name, pattern in (("profiles", "c:*"), ("records", "r:*"), ("claims", "u:*"), ("ids", "record-ids:*"))
    }
    found["claims"] = {key: value.partition(b":")[0] for key, value in found["claims"].items()}
    return found


@pytest.fixture
async def profiles(servers: Servers) -> dict[int, Profile]:
    """In ClickHouse contacts 1 to 2,000, in two versions each: 3 merged into 2, 4 is deleted."""
    profiles = {number: known(number) for number in range(1, 2_001)}
    older = [contact_row(known(number, "older")) for number in profiles]
    profiles[3] = freeze_into(profiles[3], profiles[2], NOW)
    profiles[2] = take_in(profiles[2], profiles[3])
    profiles[4] = Profile(4, deleted_us=NOW)
    for number, profile in profiles.items():
        profile.version = NOW + 10_000 + number
    newer = [contact_row(profile) for profile in profiles.values()]
    forms = [RecordRow("form", "10", 5, 1, ""), RecordRow("form", "9", 4, 0, "{}")]
    await ch.insert_rows(servers.clickhouse, CONTACTS, older)
    await ch.insert_rows(servers.clickhouse, CONTACTS, newer)
    await ch.insert_rows(servers.clickhouse, RECORDS, forms)
    return profiles


def known(number: int, name: str = "newer") -> Profile:
    part = Part(added_us=NOW).with_fields({"email": f"{number}@x.org", "firstname": name}, NOW)
    return Profile(number, own=part, version=NOW + number)


async def claim_of(servers: Servers, number: int) -> Claim | None:
    value = UniqueValue("email", f"{number}@x.org")
    return (await servers.store.holders([value]))[value]


async def test_the_newest_version_of_everything_is_put_and_nothing_waits_for_projection(
    servers: Servers, profiles: dict[int, Profile]
) -> None:
    summary = servers.run("rebuild_redis")
    assert (summary["contacts_read"], summary["profiles_put"], summary["records_put"]) == (2_000, 2_000, 2)
    assert await servers.store.load(profiles) == profiles
    claims = [await claim_of(servers, number) for number in (1, 2, 3, 4, 2_000)]
    assert [claim and claim.contact_id for claim in claims] == [1, 2, 3, None, 2_000], "2 carries what 3 had brought"
    records = RecordStore(servers.redis)
    deleted, kept = Ref("form", "10"), Ref("form", "9")
    assert await records.load([deleted, kept]) == {deleted: Record(deleted, 5, b""), kept: Record(kept, 4, b"{}")}
    assert await records.new_id("form") == "11"
    assert int(await servers.redis.get(keys.CONTACT_IDS)) == 2_001
    assert await servers.store.unsettled(2**60, 10) == [] and await records.unsettled(2**60, 10) == []


async def test_a_redis_in_use_is_left_alone_unless_forced_and_then_loses_nothing(
    servers: Servers, profiles: dict[int, Profile]
) -> None:
    newer = msgspec.structs.replace(known(7, "edited"), version=NOW + 90_000)
    for profile in (newer, msgspec.structs.replace(known(8, "stale"), version=NOW - 1)):
        await servers.redis.set(keys.profile(profile.id), b"%016d" % profile.version + encode_profile(profile))
    refused = servers.start("rebuild_redis")
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    assert servers.run("rebuild_redis", "--force")["profiles_put"] == 1_999
    found = await servers.store.load([7, 8])
    assert (found[7], found[8]) == (newer, profiles[8])
    again = servers.run("rebuild_redis", "--force")
    assert [again[name] for name in ("contacts_read", "profiles_put", "claims_put", "records_put")] == [2_000, 0, 0, 0]


async def test_a_run_that_broke_off_is_gone_on_with(servers: Servers, profiles: dict[int, Profile]) -> None:
    servers.run("rebuild_redis")
    await servers.redis.set(keys.REBUILDING, "1")
    await servers.redis.delete(keys.profile(9))
    assert servers.run("rebuild_redis")["profiles_put"] == 1
    assert await servers.redis.get(keys.REBUILDING) is None
    assert servers.start("rebuild_redis").returncode == 1


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_a_claim_that_leads_elsewhere_is_given_to_whoever_shows_the_value(
    servers: Servers, profiles: dict[int, Profile]
) -> None:
    """Of a Redis that came back as it was some days ago."""
    old = Claim(2_500, NOW)
    for number in (10, 11, 12):
        await servers.redis.set(
            keys.unique("email", f"{number}@x.org"), old._replace(contact_id=2_490 + number).stored()
        )
    await servers.redis.set(keys.unique("email", "2@x.org"), Claim(3, NOW).stored())  # which is merged into 2
    rival = msgspec.structs.replace(known(2_501), own=known(11).own, version=0)
    await servers.store.write([rival])
    summary = servers.run("rebuild_redis", "--force")
    claims = {number: await claim_of(servers, number) for number in (10, 11, 12, 2)}
    assert {number: claim and claim.contact_id for number, claim in claims.items()} == {10: 10, 11: 2_501, 12: 12, 2: 3}
    assert summary["values_that_another_contact_shows_too"] == 1


async def test_who_starts_after_a_loss_writes_nothing_until_it_is_made_good(servers: Servers) -> None:
    [version] = (await servers.store.write([Profile(1, own=Part(added_us=NOW))])).values()
    await project(servers.store, servers.clickhouse, [Profile(1, own=Part(added_us=NOW), version=version)])
    assert not await is_redis_lost(servers.store, servers.clickhouse)
    await servers.redis.flushdb(**({"target_nodes": "primaries"} if is_cluster(servers.redis) else {}))
    stores = Stores(Settings(redis_url=servers.redis_url, clickhouse_url=servers.clickhouse_url))
    opening = asyncio.create_task(stores.open())
    while await stores.trouble() != LOST:
        await asyncio.sleep(0.05)
    with pytest.raises(ApiError, match="rebuild-redis"):
        await ContactWriter(stores, "ada").create(Change())
    assert servers.run("rebuild_redis")["profiles_put"] == 1
    async with asyncio.timeout(20):
        await opening
    assert await stores.trouble() is None
    await stores.close()
