"""The door on real servers: the exact answers, and what happens when Redis is away, slow or full."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from services.common import keys
from services.common.hit import BATCH_FIELD, Hit, decode_batch
from services.common.redis_client import connect
from services.ingest.answers import GIF
from services.ingest.line import Line
from tests.integration.conftest import PASSWORD, start_valkey
from tests.processes import Process, eventually, free_port, is_up

ORIGIN = "https://shop.example"


class Door:
    """A Valkey of its own and one ingest process."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        (folder / "password").write_text(PASSWORD)
        self.redis_port, self.port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis_url = f"redis://:{PASSWORD}@127.0.0.1:{self.redis_port}"
        self.valkey = start_valkey(folder, self.redis_port, "always")
        self.redis = redis.Redis.from_url(self.redis_url)
        self._environ = environ
        self.process = self.start_ingest()
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=15)

    def start_ingest(self) -> Process:
        self.process = Process(
            "services.ingest",
            self.folder / f"ingest-{self.port}.log",
            {
                "SPOOR_REDIS_URL": self.redis_url,
                "SPOOR_INGEST_PORT": str(self.port),
                "SPOOR_SECRET": "ingest-tests",
                "SPOOR_STREAMS": "1",
                "SPOOR_TRACK_PRIVATE_IP_RANGES": "true",
                "SPOOR_CORS_ORIGINS": ORIGIN,
                **self._environ,
            },
        )
        self.process.wait_until(lambda: is_up(f"{self.url}/readyz"), "ingest")
        return self.process

    def hits(self) -> list[Hit]:
        """All that Redis keeps, in order."""
        entries: Any = self.redis.xrange(keys.hits(0))
        return [hit for _, fields in entries for hit in decode_batch(fields[BATCH_FIELD])]

    def restart_valkey(self) -> None:
        self.valkey = start_valkey(self.folder, self.redis_port, "always")

    def close(self) -> None:
        self.http.close()
        self.redis.close()
        self.process.stop()
        self.valkey.stop()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    door = Door(tmp_path_factory.mktemp("door"))
    yield door
    door.close()


@pytest.fixture(autouse=True)
def empty_stream(door: Door) -> None:
    door.redis.delete(keys.hits(0))


def test_a_pixel_is_answered_once_redis_has_the_hit(door: Door) -> None:
    answer = door.http.get(
        "/mtracking.gif?page_url=https%3A%2F%2Fshop.example%2F", headers={"referer": "https://a.example/"}
    )
    assert (answer.status_code, answer.content) == (200, GIF)
    [hit] = door.hits()
    assert hit.query == b"page_url=https%3A%2F%2Fshop.example%2F"
    assert hit.referer == b"https://a.example/"
    assert f"mautic_device_id={hit.device_id}; max-age=31536000" in answer.headers["set-cookie"]


def test_many_at_once_are_kept_each_once(door: Door) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: httpx.get(f"{door.url}/mtracking.gif?n={n}", trust_env=False), range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(hit.query for hit in door.hits()) == sorted(b"n=%d" % n for n in range(200))


def test_hits_of_one_device_stay_in_their_order(door: Door) -> None:
    for number in range(30):
        assert door.http.post("/mtc/event", content=f"n={number}").status_code == 200
    assert [hit.body for hit in door.hits()] == [b"n=%d" % number for number in range(30)]


def test_a_client_that_hangs_up_takes_nobody_along(door: Door) -> None:
    """All of them wait for the same flush; the connection of every second one is gone before it is done."""
    request = b"GET /mtracking.gif?n=%d HTTP/1.1\r\nhost: x\r\n\r\n"
    sockets = [socket.create_connection(("127.0.0.1", door.port), timeout=5) for _ in range(20)]
    for number, one in enumerate(sockets):
        one.sendall(request % number)
        if number % 2:
            one.close()
    for number, one in enumerate(sockets):
        if not number % 2:
            assert one.recv(64).startswith(b"HTTP/1.1 200")
            one.close()
    eventually(lambda: {b"n=%d" % number for number in range(0, 20, 2)} <= {hit.query for hit in door.hits()}, "hits")


def test_a_body_that_is_cut_off_is_no_hit(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as one:
        one.sendall(b"POST /mtc/event HTTP/1.1\r\nhost: x\r\ncontent-length: 300\r\n\r\nemail=ada@x.org")
        one.shutdown(socket.SHUT_WR)
        assert not one.recv(64).startswith(b"HTTP/1.1 200")
    assert door.http.get("/mtracking.gif?n=next").status_code == 200
    assert [hit.query for hit in door.hits()] == [b"n=next"]


def test_a_device_in_the_first_of_two_cookie_lines_is_known(door: Door) -> None:
    device = httpx.post(f"{door.url}/mtc/event", trust_env=False).json()["device_id"]
    lines = [("cookie", f"mautic_device_id={device}"), ("cookie", "a=1")]
    for method, path in (("POST", "/mtc/event"), ("GET", "/mtc")):
        answer = httpx.request(method, f"{door.url}{path}", headers=lines, trust_env=False)
        assert answer.json()["device_id"] == device
    assert "set-cookie" not in httpx.get(f"{door.url}/mtracking.gif", headers=lines, trust_env=False).headers


def test_cors_headers_go_to_allowed_origins_only(door: Door) -> None:
    allowed = door.http.post("/mtc/event", content="a=1", headers={"origin": ORIGIN})
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    strange = door.http.post("/mtc/event", content="a=1", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in strange.headers
    assert door.http.get("/readyz").json()["warning"] == "origins_refused: https://evil.example"
    assert allowed.headers["vary"] == strange.headers["vary"] == "Origin"
    preflight = door.http.options("/mtc/event", headers={"origin": ORIGIN})
    assert (preflight.status_code, preflight.headers["access-control-allow-credentials"]) == (204, "true")


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/mtracking.gif", {}), ("/mtracking.gif", {"dnt": "1"}), ("/mtracking.gif?" + "y" * 17_000, {}), ("/mtc.js", {})],
)
def test_a_page_may_read_pixel_and_script_across_origins(door: Door, path: str, headers: dict[str, str]) -> None:
    allowed, strange, none = (
        door.http.get(path, headers={**headers, **origin})
        for origin in ({"origin": ORIGIN}, {"origin": "https://evil.example"}, {})
    )
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert allowed.headers["access-control-allow-credentials"] == "true"
    assert all("access-control-allow-origin" not in answer.headers for answer in (strange, none))
    assert all("Origin" in answer.headers["vary"] for answer in (allowed, strange, none))
    assert len({answer.content for answer in (allowed, strange, none)}) == 1


def test_a_pixel_may_be_posted(door: Door) -> None:
    assert door.http.post("/mtracking.gif?n=1", content="page_url=cart&email=ada@x.org").content == GIF
    [hit] = door.hits()
    assert (hit.query, hit.body) == (b"n=1", b"page_url=cart&email=ada@x.org")


@pytest.mark.parametrize("headers", [{"dnt": "1"}, {"sec-gpc": "1"}, {"sec-purpose": "prefetch"}])
def test_who_asks_not_to_be_tracked_is_answered_and_forgotten(door: Door, headers: dict[str, str]) -> None:
    answer = door.http.post("/mtc/event", content="a=1", headers=headers)
    assert answer.json() == {"success": 1, "id": 0, "sid": None, "device_id": None, "events": []}
    assert "set-cookie" not in answer.headers
    assert door.hits() == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/mtracking.gif?x=" + "y" * 20_000, {}, b"", 414),
        ("GET", "/mtracking.gif", {"x-long": "y" * 40_000}, b"", 431),
        ("POST", "/mtc/event", {}, b"a=" + b"y" * 70_000, 413),
        ("POST", "/mtracking.gif", {}, b"a=" + b"y" * 70_000, 413),
        ("GET", "/nowhere", {}, b"", 404),
        ("POST", "/mtc.js", {}, b"", 405),
        ("GET", "/mtc/consent?consent=deny", {}, b"", 405),
        ("POST", "/mtc/consent", {}, b"consent=perhaps", 400),
        ("POST", "/mtc/consent", {}, b"a=" + b"y" * 70_000, 413),
    ],
)
def test_what_cannot_be_taken_is_told_so(
    door: Door, method: str, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = door.http.request(method, path, headers=headers, content=body)
    assert answer.status_code == status
    assert door.hits() == []


def test_the_script_is_cached_by_its_tag(door: Door) -> None:
    first = door.http.get("/mtc.js")
    again = door.http.get("/mtc.js", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert "max-age" in first.headers["cache-control"]


def test_who_denies_is_forgotten_until_there_is_a_grant(door: Door) -> None:
    with httpx.Client(base_url=door.url, trust_env=False, headers={"origin": ORIGIN}) as visitor:
        visitor.post("/mtc/event")
        denied = visitor.post("/mtc/consent", content="consent=deny")
        assert (denied.json(), denied.headers["access-control-allow-origin"]) == ({"success": 1}, ORIGIN)
        assert denied.headers.get_list("set-cookie") == [
            "mautic_consent=deny; max-age=31536000; path=/; secure; samesite=none",
            "mautic_device_id=; max-age=0; path=/; secure; samesite=none",
            "mtc_id=; max-age=0; path=/; secure; samesite=none",
        ]
        granted = visitor.post("/mtc/consent", content="consent=grant")
        assert granted.headers.get_list("set-cookie") == ["mautic_consent=; max-age=0; path=/; secure; samesite=none"]


def test_no_hit_is_kept_of_who_has_denied(door: Door) -> None:
    cookie = {"cookie": "mautic_consent=deny"}
    count = 'ingest_hits_dropped_total{reason="consent_withdrawn"}'
    before = metric(door, count)
    assert door.http.post("/mtc/event", headers=cookie).json()["id"] == 0
    assert door.http.get("/mtc", headers=cookie).json() == {"id": 0, "sid": None, "device_id": None}
    pixel = door.http.get("/mtracking.gif", headers=cookie)
    assert (pixel.content, pixel.headers.get("set-cookie"), door.hits()) == (GIF, None, [])
    eventually(lambda: metric(door, count) == before + 2, "two drops are counted")


def metric(door: Door, name: str) -> float:
    lines = door.http.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name)).split()[-1])


def test_an_alias_is_served_beside_its_path(tmp_path: Path) -> None:
    aliases = "/a.js=/mtc.js,/e=/mtc/event,/p.gif=/mtracking.gif,/i=/mtc,/c=/mtc/consent"
    with closing(Door(tmp_path, SPOOR_PATH_ALIASES=aliases)) as door:
        assert door.http.get("/a.js").content == door.http.get("/mtc.js").content
        assert door.http.get("/p.gif?n=1").content == door.http.get("/mtracking.gif?n=2").content == GIF
        assert door.http.post("/e", content="n=3").json()["success"] == 1
        assert door.http.get("/i").json().keys() == {"id", "sid", "device_id"}
        assert door.http.post("/c", content="consent=deny").json() == {"success": 1}
        assert [hit.query or hit.body for hit in door.hits()] == [b"n=1", b"n=2", b"n=3"]


def test_a_full_redis_is_503_until_there_is_room_again(door: Door) -> None:
    used = int(door.redis.info("memory")["used_memory"])
    limit = door.redis.config_get("maxmemory")["maxmemory"]
    door.redis.config_set("maxmemory", used)
    try:
        eventually(lambda: door.http.get("/mtracking.gif").status_code == 503, "503")
        eventually(lambda: door.http.get("/readyz").json()["reason"] == "redis_nearly_full", "not ready")
    finally:
        door.redis.config_set("maxmemory", limit)
    eventually(lambda: door.http.get("/mtracking.gif").status_code == 200, "room again")


def test_a_burst_is_503_before_redis_is_full_and_200_once_it_is_drained(tmp_path: Path) -> None:
    body = b"x" * 60_000
    with closing(Door(tmp_path)) as door:
        door.redis.config_set("maxmemory", "32mb")
        with httpx.Client(base_url=door.url, trust_env=False, timeout=15) as http, ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: http.post("/mtc/event", content=body), range(800)))
        refused = [answer for answer in answers if answer.status_code != 200]
        assert 300 < len(answers) - len(refused) == len(door.hits()) < 500, "24 MB of 32"
        assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(503, "1")}
        assert "errorstat_OOM" not in door.redis.info("errorstats")
        door.redis.set("resolvers can still write", "x")
        door.redis.delete(keys.hits(0))
        eventually(lambda: door.http.post("/mtc/event", content=body).status_code == 200, "room again")


def test_without_redis_it_is_503_and_all_that_was_answered_is_kept(door: Door) -> None:
    answered = [door.http.get(f"/mtracking.gif?n={number}").status_code for number in range(5)]
    door.valkey.stop(signal.SIGKILL)
    refused = door.http.get("/mtracking.gif?n=lost")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json() == {"errors": [{"code": 503, "message": "hits_cannot_be_kept"}]}
    assert door.http.get("/livez").status_code == 200
    assert door.http.get("/readyz").status_code == 503
    door.restart_valkey()
    eventually(lambda: door.http.get("/mtracking.gif?n=again").status_code == 200, "Redis again")
    kept = [hit.query for hit in door.hits()]
    assert answered == [200] * 5
    assert [query for query in kept if query != b"n=again"] == [b"n=%d" % number for number in range(5)]


def test_connections_from_before_a_restart_of_redis_fail_nobody(door: Door) -> None:
    def ask(_: int) -> int:
        return httpx.get(f"{door.url}/mtc", trust_env=False, timeout=15).status_code

    def ask_all_at_once() -> list[int]:
        door.redis.client_pause(300)  # so that each needs a connection of its own
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(ask, range(16)))

    assert ask_all_at_once() == [200] * 16
    door.valkey.stop(signal.SIGKILL)
    door.restart_valkey()
    assert ask_all_at_once() == [200] * 16


def test_a_terminated_ingest_keeps_what_it_has_in_hand(tmp_path: Path) -> None:
    door = Door(tmp_path)
    statuses: list[int] = []

    def send() -> None:
        with httpx.Client(trust_env=False) as http:
            for number in range(10_000):
                try:
                    statuses.append(http.get(f"{door.url}/mtracking.gif?n={number}").status_code)
                except httpx.HTTPError:
                    return

    sender = threading.Thread(target=send)
    sender.start()
    eventually(lambda: len(statuses) > 50, "some hits")
    door.process.stop(signal.SIGTERM)
    sender.join(20)
    assert set(statuses) <= {200, 503}
    assert len(door.hits()) >= statuses.count(200) > 50
    door.close()


async def test_calls_on_a_line_are_answered_each_with_its_own(door: Door) -> None:
    client = connect(door.redis_url)
    line = Line(client, 2.0)
    answers = await asyncio.gather(*(line.call([("ECHO", f"{n}"), ("ECHO", f"{n}!")]) for n in range(20)))
    assert answers == [[b"%d" % n, b"%d!" % n] for n in range(20)]
    refused, fine = await asyncio.gather(
        line.call([("ECHO", "a"), ("NOSUCH",)]), line.call([("ECHO", "b")]), return_exceptions=True
    )
    assert isinstance(refused, redis.ResponseError)
    assert fine == [b"b"]
    line.close()
    assert await line.call([("ECHO", "c")]) == [b"c"], "the next call connects anew"
    line.close()
    await client.aclose()


async def test_a_call_that_is_not_answered_in_time_fails_and_the_next_is_served(door: Door) -> None:
    client = connect(door.redis_url)
    line = Line(client, 2.0)
    with pytest.raises(TimeoutError):
        await line.call([("BLPOP", "nothing", "10")])
    assert await line.call([("ECHO", "again")]) == [b"again"]
    line.close()
    await client.aclose()
