"""Who is erased is nowhere any more, and nothing that was kept brings them back; who comes later is somebody new."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import time
import uuid
from typing import Any, NamedTuple

import clickhouse_connect
import httpx
import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from services.common import clickhouse as ch
from services.common import keys
from services.common.contact_ids import ContactIds
from services.common.device import DeviceCodec
from services.common.hit import BATCH_FIELD, Door, Hit, encode_batch
from services.common.hook_notes import NOTE_FIELD, Note, decode_note, encode_note
from services.common.live_hit import LiveHit, encode_live_hit
from services.common.merging import freeze_into, take_in
from services.common.profile import Move, Part, Profile
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import RecordStore
from services.common.replication import Replicas
from services.common.tables import BOT_EVENTS, CONTACTS, EVENTS, MESSAGES, BotRow, MessageRow, contact_row
from services.common.values import UniqueValue
from services.identity.erasing.dead_hits import DeadHits
from services.identity.erasing.draining import drain
from services.identity.erasing.eraser import Erased, Eraser, Stores
from services.identity.faults import FaultPoints
from services.identity.identify import ContactDeleted, Rules, Sighting
from services.identity.lookup import Lookup, Status
from services.identity.merge_queue import MergeQueue
from services.identity.placement import Placement
from services.identity.selectors import Selector
from services.identity.suppression import SuppressionList
from services.identity.tools.erase import find
from tests.integration.conftest import event_row
from tests.integration.site import Visitor, stop
from tests.integration.tools.conftest import Place, Servers, start_tool, summary
from tests.processes import eventually

NOW_US = time.time_ns() // 1_000
SECRETS = ("newer", "x")
UNIQUE = ("email",)


def address(name: str) -> str:
    return f"{name}.{uuid.uuid4().hex[:8]}@example.org"


def erase(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {"SPOOR_SECRET": "integration-tests", "SPOOR_STREAMS": "1", "SPOOR_DATA_DIR": str(place.folder / "data")}
    return start_tool(place.redis_url, place.clickhouse_url, "erase", *arguments, **environ)


def hit(visitor: Visitor, page: str, **said: str) -> int:
    answer = visitor.get("/mtc/event", params={"page_url": f"https://shop.example/{page}", **said})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def dropped(place: Place, reason: str) -> int:
    text = place.site.identity.http.get("/metrics").text
    [line] = [line for line in text.splitlines() if f'dropped_total{{reason="{reason}"}}' in line]
    return round(float(line.rpartition(" ")[2]))


def dropped_in_all(place: Place, reason: str, count: int) -> None:
    """A resolver counts a batch after its events are stored."""
    eventually(lambda: dropped(place, reason) >= count, f"{count} are dropped")
    assert dropped(place, reason) == count


def waiting(place: Place) -> list[bytes]:
    """The entries of the stream, as they came."""
    return [fields[BATCH_FIELD] for _, fields in place.redis.xrange(keys.hits(0))]


def replay(place: Place, entries: list[bytes]) -> None:
    for entry in entries:
        place.redis.xadd(keys.hits(0), {BATCH_FIELD: entry})


def everything_in_redis(redis: Any) -> str:
    """All keys and values of a client of one server."""
    found = []
    for key in redis.scan_iter(count=1_000):
        read = {b"string": redis.get, b"list": lambda key: redis.lrange(key, 0, -1), b"hash": redis.hgetall,
                b"zset": lambda key: redis.zrange(key, 0, -1), b"stream": redis.xrange,
                b"set": redis.smembers, b"none": lambda _: "a lease that has ended"}[redis.type(key)]  # fmt: skip
        found.append(f"{key!r} {read(key)!r}")
    return "\n".join(found).casefold()


def connect(place: Place) -> Client:
    url = httpx.URL(place.clickhouse_url)
    return clickhouse_connect.get_client(
        host=url.host, port=url.port or 0, username=url.username, password=url.password, database="spoor"
    )


def everything_in_clickhouse(place: Place) -> str:
    """All rows of all tables, also those that only a merge will drop."""
    sql = "SELECT name FROM system.tables WHERE database = 'spoor' AND engine LIKE '%MergeTree'"
    with connect(place) as client:
        tables = [row[0] for row in client.query(sql).result_rows]
        assert {"events", "bot_events", "contacts", "records", "audit", "activity", "messages"} <= set(tables)
        rows = [client.raw_query(f"SELECT * FROM {table}", fmt="TSVRaw") for table in tables]
    return b"\n".join(rows).decode().casefold()


def audit(place: Place, contact_id: int) -> list[tuple[str, str]]:
    with connect(place) as client:
        sql = f"SELECT action, user FROM audit WHERE contact_id = {contact_id}"
        return [(str(action), str(user)) for action, user in client.query(sql).result_rows]


def assert_nowhere(place: Place, *texts: str) -> None:
    redis, clickhouse = everything_in_redis(place.redis), everything_in_clickhouse(place)
    for text in texts:
        assert text.casefold() not in redis, text
        assert text.casefold() not in clickhouse, text


def start_resolver(place: Place) -> None:
    place.site.identity = place.site._start("identity")


def test_a_person_is_nowhere_any_more_and_does_not_come_back(place: Place) -> None:
    site, api = place.site, place.site.api
    ada, name = address("ada"), f"Augusta{uuid.uuid4().hex[:8]}"
    stop(site.identity)
    with site.visitor() as laptop, site.visitor() as phone, site.visitor() as stranger:
        first_id, second_id = hit(laptop, "one", email=ada, firstname=name), hit(phone, "two")
        hit(phone, "three", email=ada)
        event = {"event_id": str(uuid.uuid4()), "time": time.time_ns() // 1_000_000 - 60_000, "email": ada,
                 "type": "page.hit"}  # fmt: skip
        site.send(event)
        kept = waiting(place)
        start_resolver(place)
        ada_id = site.contact(ada)["id"]
        site.events(ada_id, 4, "page.hit")
        device_ids = [one.kept["mautic_device_id"] for one in (laptop, phone)]
        merge_key = {"idempotency-key": uuid.uuid4().hex}
        merge = {"winner": {"email": ada}, "loser": {"device_id": device_ids[1]}}
        assert site.identity.http.post("/v1/merge", json=merge, headers=merge_key).status_code == 200
        note = {"lead": ada_id, "text": f"{name} called"}
        assert api.post("/api/notes/new", json=note).status_code == 201
        picture = b"GIF89a\x01\x00\x01\x00" + name.encode()
        assert api.post(f"/api/contacts/{ada_id}/image", content=picture).status_code == 200
        link = {"externalId": f"crm-{name}"}
        assert api.put(f"/api/contacts/{ada_id}/integrations/crm", json=link).status_code == 201
        exports = place.folder / "data" / "exports"
        exports.mkdir(parents=True, exist_ok=True)
        for ending, text in (("csv", ada), ("xlsx", ada), ("ndjson.gz", ada), ("part", ada), ("json", "{}")):
            (exports / f"{'a' * 32}.{ending}").write_text(text)
        watched = LiveHit(1, "stored", "", "event", f"https://shop.example/{name}", contact_id=ada_id)
        place.redis.xadd(keys.LIVE, {"h": encode_live_hit(watched)})
        bob_id = hit(stranger, "bob", email=address("bob"))
        site.settle(stranger, "bob-marker")

        told = summary(erase(place, "--dry-run", ada))
        assert api.get(f"/api/contacts/{ada_id}").status_code == 200, "a dry run changes nothing"
        done = erase(place, "--by", "dpo", ada)
        by_others = ("left_in_redis", "versions")  # ClickHouse may have merged older versions away by itself
        assert summary(done) == {**told, **{name: summary(done)[name] for name in by_others}}
        assert (told["contacts"], told["merged_ids"], told["values"], told["events"]) == (1, 1, 1, 4)
        assert (told["export_files"], told["notes"], told["images"]) == (4, 1, 1)
        assert [path.suffix for path in exports.iterdir()] == [".json"]
        assert ada not in done.stdout + done.stderr
        assert_nowhere(place, ada, name, *device_ids, base64.b64encode(picture).decode())
        assert {api.get(f"/api/contacts/{one}").status_code for one in (first_id, second_id, ada_id)} == {404}
        assert audit(place, ada_id) == [("erase", "dpo")]
        assert len(site.history(bob_id, "page.hit")) == 2, "a neighbour keeps all"

        before = dropped(place, "contact_erased")
        replay(place, kept)
        site.send(event)
        site.settle(stranger, "replayed-marker")
        # They named the address, but for one of a device of theirs.
        dropped_in_all(place, "contact_erased", before + 4)
        assert site.contacts(f"email:{ada}") == []
        assert_nowhere(place, ada, name, *device_ids)

        again = erase(place, ada)
        assert set(summary(again).values()) == {0} and "nothing was left to erase" in again.stderr
        assert audit(place, ada_id) == [("erase", "dpo")]

        hit(laptop, "back", email=ada)
        hit(laptop, "back-again")
        back = site.contact(ada)
        assert back["id"] not in (ada_id, first_id, second_id)
        assert back["fields"]["all"]["firstname"] in (None, "")
        replay(place, kept)
        site.settle(stranger, "replayed-again-marker")
        assert len(site.events(back["id"], 2, "page.hit")) == 2, "what was erased is not the newcomer's either"


@pytest.mark.parametrize("kept_by", ["stream", "lane"])
def test_hits_that_wait_are_waited_for_and_the_same_call_completes_it(place: Place, kept_by: str) -> None:
    site = place.site
    eve = address("eve")
    with site.visitor() as visitor:
        hit(visitor, "known", email=eve)
        eve_id = site.contact(eve)["id"]
        stop(site.identity)
        hit(visitor, "waits", email=eve)
        if kept_by == "lane":
            [entry] = waiting(place)
            place.redis.delete(keys.hits(0))
            place.redis.xadd(keys.slow_hits(0), {BATCH_FIELD: entry})
        broken_off = erase(place, "--wait", "5", str(eve_id))
        assert broken_off.returncode == 1
        assert (
            "1 streams still have hits of before" in broken_off.stderr and "waiting for the hits" in broken_off.stderr
        )
        assert msgspec.json.decode(broken_off.stdout)["events"] == 1, "all else is done"
        start_resolver(place)
        assert summary(erase(place, str(eve_id)))["contacts"] == 0
        assert_nowhere(place, eve, visitor.kept["mautic_device_id"])
        dropped_in_all(place, "contact_erased", 1)


def test_after_a_total_loss_of_redis_the_list_still_holds(place: Place) -> None:
    site = place.site
    joe = address("joe")
    with site.visitor() as visitor:
        stop(site.identity)
        hit(visitor, "known", email=joe)
        kept = waiting(place)
        start_resolver(place)
        site.contact(joe)
        assert summary(erase(place, joe))["values"] == 1
        stop(site.identity)
        place.redis.flushall()
        place.run("rebuild_redis", SPOOR_SECRET="integration-tests")
        start_resolver(place)
        replay(place, kept)
        dropped_in_all(place, "contact_erased", 1)
        assert site.contacts(f"email:{joe}") == []


def test_a_deletion_over_the_api_leaves_nothing_of_those_who_had_merged_in_either(place: Place) -> None:
    """In Redis; what ClickHouse keeps of a deleted contact, `erase` removes."""
    people = [
        place.site.api.post("/api/contacts/new", json={"email": address(name), "city": f"{name}ville"})
        for name in ("gone", "gonetoo")
    ]
    one, other = (int(made.json()["contact"]["id"]) for made in people)
    merged = place.site.identity.http.post("/v1/merge", json={"winner": one, "loser": other})
    assert merged.status_code == 200, merged.text
    assert "gonetooville" in everything_in_redis(place.redis)
    assert place.site.api.delete(f"/api/contacts/{other}/delete").json()["contact"]["id"] in (one, None)
    names = ("goneville", "gonetooville", "gonetoo")
    eventually(  # the audit log waits there for a second
        lambda: not [name for name in names if name in everything_in_redis(place.redis)], "nothing is left of them"
    )
    assert place.site.api.get(f"/api/contacts/{other}").status_code == 404


def make(number: int, email: str, **more: Any) -> Profile:
    return Profile(number, own=Part(added_us=NOW_US - 10).with_fields({"email": email}, NOW_US - 10), **more)


class World(NamedTuple):
    """Contact 1 with 2 merged into it and 3 by way of 2; and 4, whose device has been 1's and is 5's now."""

    servers: Servers
    stores: Stores
    dead: DeadHits

    def eraser(self) -> Eraser:
        return Eraser(self.stores, UNIQUE, 1, self.dead.remove)

    async def erase(self, *ids: int, wait: float = 0) -> Erased:
        return await self.eraser().erase(ids, "dpo", wait, lambda _: None)

    async def write(self, *profiles: Profile) -> None:
        """As their writers do, with claims."""
        stores = self.stores
        versions = await stores.profiles.write(list(profiles))
        for profile in profiles:
            profile.version = versions[profile.id]
            assert profile.version
            for email in profile.carried("email") if profile.is_known() else ():
                value = UniqueValue("email", email)
                seen = (await stores.profiles.holders([value]))[value]
                await stores.profiles.claim([(value, seen, profile.id)])
        await project(stores.profiles, stores.clickhouse, profiles)


@pytest.fixture
async def world(servers: Servers) -> World:
    profiles, records = ProfileStore(servers.redis), RecordStore(servers.redis)
    suppression = SuppressionList(profiles, records, SECRETS)
    stores = Stores(
        servers.redis, servers.clickhouse, profiles, records, suppression, Replicas(servers.redis, 0, 1)
    )  # fmt: skip
    world = World(servers, stores, DeadHits(servers.redis, profiles, suppression, UNIQUE))
    one, two, three = make(1, "one@x.org"), make(2, "two@x.org"), make(3, "three@x.org")
    await world.write(one, two, three)
    three = freeze_into(three, two, NOW_US)
    two = freeze_into(take_in(two, three), one, NOW_US)
    three.alias = 1
    moves = [Move(NOW_US - 9, b"a" * 16, 1), Move(NOW_US - 5, b"b" * 16, 5)]
    await world.write(take_in(one, two), two, three, make(4, "four@x.org", moves=moves), make(5, "five@x.org"))
    events = [event_row(uuid.uuid4().hex, number, NOW_US / 1e6 - 1, {}) for number in range(1, 6)]
    await ch.insert_rows(servers.clickhouse, EVENTS, events)
    bots = [BotRow(**msgspec.structs.asdict(row), verdict="bot", raw="") for row in events]
    await ch.insert_rows(servers.clickhouse, BOT_EVENTS, bots)
    return world


async def ids_in(world: World, table: str, column: str = "contact_id") -> list[int]:
    sql = f"SELECT DISTINCT {column} FROM {table} ORDER BY {column}"
    return [int(row[0]) for row in (await world.stores.clickhouse.query(sql)).result_rows]


async def emails_in(world: World) -> list[str]:
    """In all versions that there are."""
    rows = (await world.stores.clickhouse.query("SELECT email, profile FROM contacts")).result_rows
    text = str(rows)
    return [name for name in ("one", "two", "three", "four", "five") if f"{name}@x.org" in text]


async def test_all_that_merged_into_it_goes_along_and_nobody_else(world: World) -> None:
    looked = await world.eraser().look([3])
    counts, behind = await world.erase(3)
    assert not behind
    for counted in (looked, counts):
        assert (counted["contacts"], counted["merged_ids"], counted["values"]) == (1, 2, 3)
        assert (counted["events"], counted["bot_events"], counted["activity"]) == (3, 3, 3)
    stored = await world.stores.profiles.load(range(1, 6))
    gone = stored[1]
    assert gone and gone == Profile(1, deleted_us=gone.deleted_us, version=gone.version) and gone.deleted_us > NOW_US
    for number in (2, 3):
        led = stored[number]
        assert led and led == Profile(number, alias=1, version=led.version)
    four = stored[4]
    assert four and four.value("email") == "four@x.org" and len(four.moves) == 2
    values = [UniqueValue("email", f"{name}@x.org") for name in ("one", "two", "three", "four", "five")]
    claims = await world.stores.profiles.holders(values)
    assert [claim and claim.contact_id for claim in claims.values()] == [None, None, None, 4, 5]
    assert list(await world.stores.suppression.find(values)) == values[:3]
    assert (
        await ids_in(world, "events") == await ids_in(world, "bot_events") == await ids_in(world, "activity") == [4, 5]
    )
    assert await emails_in(world) == ["four", "five"]
    assert await ids_in(world, "contacts", "id") == [1, 2, 3, 4, 5]
    assert sum((await world.erase(1, 2, 3))[0].values()) == 0


async def test_who_was_deleted_before_is_erased_with_all_that_had_merged_into_it(world: World) -> None:
    """A deletion over the API leaves the frozen parts, and what ClickHouse has."""
    whole = await world.stores.profiles.resolve(1)
    assert whole
    await world.write(msgspec.structs.replace(whole, own=None, losers={}, deleted_us=NOW_US))
    counts, _ = await world.erase(1)
    assert (counts["contacts"], counts["merged_ids"], counts["events"]) == (1, 2, 3)
    assert await emails_in(world) == ["four", "five"]
    gone = await world.stores.profiles.resolve(2)
    assert gone and gone.id == 1 and gone.deleted_us == NOW_US, "since then hits of its devices are somebody else's"


async def test_a_merge_that_was_left_half_done_goes_along(world: World) -> None:
    loser = await world.stores.profiles.resolve(4)
    winner = await world.stores.profiles.resolve(1)
    assert loser and winner
    await world.write(freeze_into(loser, winner, NOW_US))
    await world.erase(1)
    assert await ids_in(world, "events") == [5]
    assert await emails_in(world) == ["five"]
    stored = (await world.stores.profiles.load([4]))[4]
    assert stored and stored.own is None and stored.alias == 1 and len(stored.moves) == 2


async def test_what_waits_for_a_contact_in_redis_goes_and_what_waits_for_others_stays(world: World) -> None:
    redis = world.stores.redis
    for number in (1, 5):
        await redis.rpush(keys.tracking_events(number), "event")
        await redis.zadd(keys.TRACKING_EVENTS, {str(number): 1})
        await redis.rpush(keys.brief_devices(number), "77")
        body = msgspec.json.encode({"merged": True, "contact": {"contact_id": 9, "ids": [9, number]}}).decode()
        await redis.zadd(keys.MAILS, {f"{number}-a": 1})
        await redis.set(keys.mail(f"{number}-a"), "a mail")
        row = MessageRow(number, f"{number}-a", 1, "pending", 0, 0, NOW_US // 1_000, 0, "{}")
        await ch.insert_rows(world.stores.clickhouse, MESSAGES, [row])
        await redis.set(keys.idempotent(f"{number}"), msgspec.json.encode({"request": "", "status": 200, "body": body}))
    await redis.zadd(keys.QUEUED_MERGES, {"5:2": 1, "1:5": 1, "5:4": 1})
    notes = [Note("x", 1, contact_id=2), Note("x", 2, contact=make(3, "three@x.org")), Note("x", 3, contact_id=5)]
    for note in notes:
        await redis.xadd(keys.hook(1), {NOTE_FIELD: encode_note(note)})
    await redis.hset(keys.hook_state(1), "failures", 1)
    counts, _ = await world.erase(1)
    assert (counts["left_in_redis"], counts["messages"]) == (8, 1)
    assert [decode_note(said[NOTE_FIELD]) for _, said in await redis.xrange(keys.hook(1))] == notes[2:]
    assert await redis.zrange(keys.MAILS, 0, -1) == [b"5-a"] and not await redis.exists(keys.mail("1-a"))
    assert await ids_in(world, "messages") == [5]
    left = [name for name in ("tracking_events", "brief_devices", "idempotent") for number in (1, 5)
            if await redis.exists(getattr(keys, name)(str(number) if name == "idempotent" else number))]  # fmt: skip
    assert left == ["tracking_events", "brief_devices", "idempotent"]
    assert await redis.zrange(keys.QUEUED_MERGES, 0, -1) == [b"5:4"]
    assert await redis.zrange(keys.TRACKING_EVENTS, 0, -1) == [b"5"]


def dead_hit(device: int, query: str, time_us: int = NOW_US, **said: Any) -> Hit:
    values = {"door": Door.EVENT, "device_id": "device" if device else "", "body": b"", **said}
    return Hit(uuid.uuid4().bytes, time_us, NOW_US, values["door"], values["device_id"], device, False, "192.0.2.1",
               query.encode(), values["body"], b"", b"", b"")  # fmt: skip


async def test_dead_letters_go_by_device_by_contact_and_by_value(world: World) -> None:
    redis, later = world.stores.redis, time.time_ns() // 1_000 + 3_600_000_000
    gone = [
        encode_batch([dead_hit(2, "page_url=x")]),
        encode_batch([dead_hit(4, "page_url=x", NOW_US - 7)]),
        encode_batch([dead_hit(99, "email=Three%40X.org")]),
        encode_batch([dead_hit(0, "", door=Door.STATEMENT, body=b'{"contact_id": 3}')]),
        encode_batch([dead_hit(0, "", door=Door.STATEMENT, body=b'{"email": "one@x.org"}')]),
        encode_batch([dead_hit(0, "", door=Door.STATEMENT, body=b'{"email": "one@x.org", "tags": 7}')]),
        b"half a batch, email=one%40x.org",
    ]
    stay = [
        encode_batch([dead_hit(4, "page_url=x", NOW_US)]),
        encode_batch([dead_hit(4, "page_url=x", NOW_US - 10)]),
        encode_batch([dead_hit(5, "email=five%40x.org")]),
        encode_batch([dead_hit(99, "email=one%40x.org", later)]),
        encode_batch([dead_hit(1, "page_url=x", later)]),
        b"half a batch, email=five%40x.org",
    ]
    for data in [*gone, *stay]:
        await redis.xadd(keys.DEAD_HITS, {BATCH_FIELD: data, "reason": "unreadable"})
    assert (await world.eraser().look([1]))["dead_letters"] == len(gone)
    counts, _ = await world.erase(1)
    assert counts["dead_letters"] == len(gone)
    assert [fields[BATCH_FIELD] for _, fields in await redis.xrange(keys.DEAD_HITS)] == stay
    await redis.xadd(keys.DEAD_HITS, {BATCH_FIELD: gone[2]})
    assert (await world.erase(1))[0]["dead_letters"] == 1, "by the list, for nobody knows the value any more"


async def test_a_hit_whose_contact_was_settled_before_is_stored_after_and_goes_too(world: World) -> None:
    """A resolver that is between Redis and ClickHouse when the tombstone is written."""
    redis, clickhouse = world.stores.redis, world.stores.clickhouse
    await redis.xgroup_create(keys.hits(0), keys.HITS_GROUP, id="0", mkstream=True)
    entry = await redis.xadd(keys.hits(0), {BATCH_FIELD: b"a hit"})
    await redis.xreadgroup(keys.HITS_GROUP, keys.HITS_CONSUMER, {keys.hits(0): ">"})
    older = await world.stores.profiles.resolve(1)

    async def resolver() -> None:
        while not (await world.stores.profiles.load([1]))[1].deleted_us:  # type: ignore[union-attr]
            await asyncio.sleep(0.02)
        while await ids_in(world, "events") != [4, 5]:
            await asyncio.sleep(0.02)
        await ch.insert_rows(clickhouse, EVENTS, [event_row(uuid.uuid4().hex, 1, NOW_US / 1e6, {})])
        await ch.insert_rows(clickhouse, CONTACTS, [contact_row(older)])  # type: ignore[arg-type]
        await redis.xack(keys.hits(0), keys.HITS_GROUP, entry)

    resolving = asyncio.create_task(resolver())
    counts, behind = await world.erase(1, wait=20)
    await resolving
    assert (behind, counts["events"]) == (0, 4)
    assert await ids_in(world, "events") == [4, 5]
    assert await emails_in(world) == ["four", "five"]


async def test_a_stream_is_drained_when_all_that_it_had_is_acknowledged(servers: Servers) -> None:
    redis, stream = servers.redis, keys.hits(0)

    async def behind() -> int:
        return await drain(redis, 2, 0, lambda _: None)

    assert await behind() == 0, "there is no stream yet"
    first, second = [await redis.xadd(stream, {BATCH_FIELD: b"hits"}) for _ in range(2)]
    assert await behind() == 1, "nobody reads"
    await redis.xgroup_create(stream, keys.HITS_GROUP, id="0")
    await redis.xreadgroup(keys.HITS_GROUP, keys.HITS_CONSUMER, {stream: ">"}, count=1)
    await redis.xack(stream, keys.HITS_GROUP, first)
    assert await behind() == 1, "one is not read"
    await redis.xreadgroup(keys.HITS_GROUP, keys.HITS_CONSUMER, {stream: ">"})
    assert await behind() == 1, "one is read and not stored"
    await redis.xack(stream, keys.HITS_GROUP, second)
    assert await behind() == 0, "that they are not deleted does not matter"


async def test_a_resolver_that_looked_before_the_erasure_looks_again(world: World) -> None:
    """Its hit names the address, and is placed on a picture of before."""

    class Meanwhile(ProfileStore):
        is_first = True

        async def claim(self, claims: Any) -> Any:
            if self.is_first:
                self.is_first = False
                await world.erase(1)
            return await super().claim(claims)

    store = Meanwhile(world.stores.redis)
    ids = ContactIds(world.stores.redis)
    await ids.open()
    suppression = SuppressionList(store, world.stores.records, SECRETS)
    queue = MergeQueue(world.stores.redis)
    placement = Placement(store, ids, Rules(), FaultPoints("", 1), queue, suppression)
    key = (NOW_US, uuid.uuid4().bytes)
    sightings = [Sighting(99, False, NOW_US, NOW_US, key[1], {"email": "one@x.org"}, {}, {}, ""),
                 Sighting(98, False, NOW_US, NOW_US, key[1], {"email": "new@x.org"}, {}, {}, "")]  # fmt: skip
    placed = await placement.place(sightings)
    assert placed.contacts == [ContactDeleted.ERASED, 98]
    assert (await store.load([99]))[99] is None or (await store.resolve(99)).deleted_us  # type: ignore[union-attr]
    assert await emails_in(world) == ["four", "five"]


async def test_an_erased_contact_is_not_who_its_device_is_now(world: World) -> None:
    """Else the same call again would erase somebody else."""
    one = await world.stores.profiles.resolve(1)
    assert one
    await world.write(msgspec.structs.replace(one, moves=[Move(NOW_US, b"c" * 16, 5)]))
    await world.erase(1)
    lookup = Lookup(world.stores.profiles, world.stores.clickhouse, DeviceCodec(SECRETS))
    answer = await lookup.one(Selector(contact_id=1), UNIQUE)
    assert (answer.status, answer.contact_id, answer.under) == (Status.DELETED, None, 1)
    assert await find(
        world.stores, DeviceCodec(SECRETS), [Selector(value=UniqueValue("email", "two@x.org"))], UNIQUE
    ) == [1]
    assert sum((await world.erase(1))[0].values()) == 0
    five = await world.stores.profiles.resolve(5)
    assert five and five.value("email") == "five@x.org"


async def test_a_value_that_another_carries_by_now_is_not_listed(world: World) -> None:
    """The second address of the erased, given up, is another one's now."""
    two = UniqueValue("email", "two@x.org")
    five = await world.stores.profiles.resolve(5)
    assert five and five.own
    claim = (await world.stores.profiles.holders([two]))[two]
    await world.stores.profiles.claim([(two, claim, 5)])
    own = five.own.with_fields({"email": "two@x.org"}, NOW_US)
    assert (await world.stores.profiles.write([msgspec.structs.replace(five, own=own)]))[5]
    await world.erase(1)
    assert await world.stores.suppression.find([two]) == {}
    assert (await world.stores.profiles.holders([two]))[two].contact_id == 5  # type: ignore[union-attr]


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_the_list_survives_a_new_secret_and_holds_no_value(world: World) -> None:
    await world.erase(1)
    one = UniqueValue("email", "one@x.org")
    rotated = SuppressionList(world.stores.profiles, world.stores.records, ("newest", *SECRETS))
    assert (await rotated.find([one]))[one].contact_ids == (1,)
    other = SuppressionList(world.stores.profiles, world.stores.records, ("newer",))
    assert await other.find([one]) == {}
    rows = (await world.stores.clickhouse.query("SELECT * FROM records WHERE kind = 'erased'")).result_rows
    assert len(rows) == 3 and "x.org" not in str(rows)


@pytest.mark.parametrize("servers", ["server"], indirect=True)
async def test_nothing_is_done_unless_everybody_is_found(world: World) -> None:
    for who, why in (("nobody@x.org", "argument 2 leads to nobody"), ("shoe=7", "argument 2: shoe")):
        done = world.servers.start("erase", "1", who)
        assert done.returncode == 1 and why in done.stderr
        assert who not in done.stderr
    whole = await world.stores.profiles.resolve(1)
    assert whole and whole.is_known()
