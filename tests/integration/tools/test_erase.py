"""Who is erased is nowhere any more, and nothing that was kept brings them back; who comes later is somebody new."""

from __future__ import annotations

import subprocess
import time
import uuid
from typing import Any

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client

from services.common import keys
from services.common.hit import BATCH_FIELD
from tests.integration.site import Visitor, stop
from tests.integration.tools.conftest import Place, start_tool, summary

NOW_US = time.time_ns() // 1_000
SECRETS = ("newer", "oldest")
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
                b"set": redis.smembers}[redis.type(key)]  # fmt: skip
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
        assert {"events", "bot_events", "contacts", "records", "audit", "activity"} <= set(tables)
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
        exports = place.folder / "data" / "exports"
        exports.mkdir(parents=True, exist_ok=True)
        (exports / f"{'a' * 32}.csv").write_text(ada)
        bob_id = hit(stranger, "bob", email=address("bob"))
        site.settle(stranger, "bob-marker")

        told = summary(erase(place, "--dry-run", ada))
        assert api.get(f"/api/contacts/{ada_id}").status_code == 200, "a dry run changes nothing"
        done = erase(place, "--by", "dpo", ada)
        assert summary(done) == {**told, "left_in_redis": summary(done)["left_in_redis"]}
        assert (told["contacts"], told["merged_ids"], told["values"], told["events"]) == (1, 1, 1, 4)
        assert told["export_files"] == 1 and not list(exports.glob("*.csv"))
        assert ada not in done.stdout + done.stderr
        assert_nowhere(place, ada, name, *device_ids)
        assert {api.get(f"/api/contacts/{one}").status_code for one in (first_id, second_id, ada_id)} == {404}
        assert audit(place, ada_id) == [("erase", "dpo")]
        assert len(site.history(bob_id, "page.hit")) == 2, "a neighbour keeps all"

        before = dropped(place, "contact_erased")
        replay(place, kept)
        site.send(event)
        site.settle(stranger, "replayed-marker")
        assert dropped(place, "contact_erased") == before + 4, "named the address; the other is of a device of theirs"
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
