"""Hits as they arrive and what becomes of them, on real servers: the live feed while somebody watches; the counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.common import keys
from services.ingest.answers import GIF
from tests.integration.contacts.conftest import PlaceMaker
from tests.integration.contacts.own_place import Place
from tests.integration.services import Service, start_service
from tests.integration.site import ENVIRON, Site, stop
from tests.processes import eventually

Json = dict[str, Any]
Start = Callable[..., Service]
SHOP = "https://shop.example"
FRIEND = {"SPOOR_CORS_ORIGINS": SHOP, "SPOOR_DO_NOT_TRACK_IPS": "198.51.100.7", "SPOOR_PATH_ALIASES": "/s.js=/mtc.js"}


@pytest.fixture(scope="module")
def place(make_place: PlaceMaker) -> Place:
    return make_place()


@pytest.fixture(scope="module")
def start(place: Place, server_folder: Path) -> Start:
    def start(name: str, **environ: str) -> Service:
        said = {**ENVIRON, **FRIEND, **environ}
        return start_service(name, server_folder, place.redis_url, place.clickhouse_url, **said)

    return start


@pytest.fixture(scope="module")
def site(place: Place, start: Start) -> Iterator[Site]:
    site = Site(start, place.api)
    yield site
    for service in (site.ingest, site.identity):
        stop(service)


class Feed:
    """Of one who watches: what came since the last look, all of it in order."""

    def __init__(self, api: httpx.Client, **filters: str) -> None:
        self._api, self._filters, self._after = api, filters, ""
        self.hits: list[Json] = []
        self.skipped = 0
        self.look()

    def look(self) -> list[Json]:
        answer = self._api.get("/api/stats/live", params={**self._filters, "after": self._after, "limit": "1000"})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        self._after, self.skipped = body["after"], self.skipped + body["skipped"]
        self.hits += body["hits"]
        return self.hits

    def one(self, **said: Any) -> Json:
        """The only hit that says this, once it is there."""

        def found() -> list[Json]:
            return [hit for hit in self.look() if said.items() <= hit.items()]

        [hit] = eventually(found, f"a hit that says {said}; there are {self.hits}")
        return hit


@pytest.fixture
def feed(site: Site) -> Feed:
    """Once the door and the resolver have seen that somebody watches."""
    feed = Feed(site.api)

    def both_tell() -> bool:
        with site.visitor() as visitor:
            visitor.get("/mtracking.gif?page_url=https://warm.example/")
            visitor.get("/mtracking.gif?page_url=https://warm.example/", headers={"sec-purpose": "prefetch"})
        return {"stored", "dropped"} <= {hit["verdict"] for hit in feed.look()}

    eventually(both_tell, "both tell", 30)
    return Feed(site.api)


def test_a_stored_hit_shows_whose_it_is_and_what_it_changed(site: Site, feed: Feed) -> None:
    page = f"{SHOP}/stored"
    with site.visitor() as visitor:
        contact = visitor.get("/mtc/event", params={"page_url": f"{page}?email=x#y", "page_title": "Prices"}).json()[
            "id"
        ]
        first = feed.one(page=page)
        assert (first["verdict"], first["what"], first["type"]) == ("stored", "event", "page.hit")
        assert (first["contact"], first["isIdentified"], first["change"]) == (contact, False, "new")
        assert (first["title"], first["host"], first["reason"]) == ("Prices", "shop.example", "")
        visitor.get("/mtracking.gif", params={"page_url": f"{page}/2", "email": "live@shop.example"})
        second = feed.one(page=f"{page}/2")
        assert (second["what"], second["isIdentified"], second["change"]) == ("pixel", True, "identified")
    with site.visitor() as other:
        other.get("/mtracking.gif", params={"page_url": f"{page}/3"})
        other.get("/mtracking.gif", params={"page_url": f"{page}/4", "email": "live@shop.example"})
        third = feed.one(page=f"{page}/4")
        assert (third["contact"], third["isIdentified"], third["change"]) == (contact, True, "merged")


def test_a_bots_hit_shows_which_bot_it_is_and_nobody(site: Site, feed: Feed) -> None:
    with site.visitor() as visitor:
        visitor.get("/mtracking.gif?page_url=https://bots.example/", headers={"user-agent": "Googlebot/2.1"})
    hit = feed.one(host="bots.example")
    assert (hit["verdict"], hit["reason"], hit["contact"], hit["isIdentified"]) == ("dropped", "bot", None, None)
    assert "Googlebot" in hit["bot"]


def test_a_dropped_hit_shows_why(site: Site, feed: Feed) -> None:
    page = f"{SHOP}/dropped"
    with site.visitor() as visitor:
        visitor.get("/mtracking.gif", params={"page_url": f"{page}/1"})
        visitor.get("/mtc/event", params={"page_url": f"{page}/2?a=1"}, headers={"purpose": "prefetch"})
        hit = feed.one(page=f"{page}/2")
        assert (hit["verdict"], hit["reason"], hit["what"], hit["hasCookie"]) == ("dropped", "prefetch", "event", True)
        visitor.post("/mtc/event", content=b"x" * 70_000, headers={"referer": f"{page}/3"})
        assert feed.one(page=f"{page}/3")["reason"] == "body_too_large"
        visitor.post("/form/submit", data={"mauticform[formId]": "999"}, headers={"referer": f"{page}/4"})
        form = feed.one(page=f"{page}/4")
        assert (form["reason"], form["what"]) == ("form_unavailable", "form")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({"sec-gpc": "1"}, "gpc"), ({"dnt": "1"}, "dnt"), ({"cookie": "mautic_consent=deny"}, "consent_withdrawn")],
)
def test_of_who_asks_not_to_be_tracked_the_feed_has_the_host_alone(
    site: Site, feed: Feed, place: Place, headers: dict[str, str], reason: str
) -> None:
    host, secret = f"{reason.replace('_', '-')}.example", f"secret-{reason}"
    with site.visitor() as visitor:
        url = f"https://{host}/{secret}?{secret}"
        visitor.post(
            "/mtc/event", data={"page_url": url}, headers={**headers, "referer": url, "origin": "https://no.one"}
        )
        visitor.get("/mtc.js", headers={**headers, "referer": url})
    dropped, refused = feed.one(reason=reason, host=host), feed.one(reason="origin_refused", host=host)
    script = feed.one(what="script", host=host)
    assert dropped["page"] == refused["page"] == script["page"] == host
    assert secret not in str(place.redis.xrange(keys.LIVE))


def test_a_site_that_cors_refuses_is_told_of_also_before_it_asks(site: Site, feed: Feed) -> None:
    asking = {"access-control-request-method": "POST"}
    with site.visitor() as visitor:
        visitor.options("/mtc/event", headers={"origin": "https://stranger.example", **asking})
        hit = feed.one(origin="https://stranger.example")
        assert (hit["verdict"], hit["reason"], hit["what"]) == ("dropped", "origin_refused", "event")
        visitor.options("/mtc/event", headers={"origin": SHOP, **asking})
        visitor.post("/mtc/event", data={"page_url": "https://here.example/"}, headers={"origin": site.url})
        feed.one(host="here.example", verdict="stored")
    assert not [one for one in feed.look() if one["origin"] in (SHOP, site.url)], "they may ask"


def test_a_script_that_is_fetched_is_told_of_under_any_of_its_names(site: Site, feed: Feed) -> None:
    with site.visitor() as visitor:
        for number, path in enumerate(("/mtc.js", "/s.js")):
            visitor.get(path, headers={"referer": f"https://script-{number}.example/"})
            hit = feed.one(host=f"script-{number}.example")
            assert (hit["verdict"], hit["what"], hit["hasCookie"]) == ("served", "script", False)


def test_events_of_a_batch_that_are_not_kept_are_told_of(site: Site, feed: Feed) -> None:
    blocked = {"url": SHOP, "email": "a@shop.example", "ip": "198.51.100.7"}
    site.send({"type": "no.such.type"}, blocked, {"type": "page.hit", "url": SHOP, "contact_id": 987_654_321})
    assert {feed.one(what="batch", reason=reason)["verdict"] for reason in ("bad_request", "not_found")} == {"dropped"}
    assert feed.one(what="batch", reason="blocked_address")["page"] == ""


def test_the_feed_can_be_narrowed(site: Site, feed: Feed) -> None:
    narrow = Feed(site.api, host="narrow.example", verdict="dropped", reason="prefetch")
    with site.visitor() as visitor:
        for host, headers in (("narrow", {}), ("narrow", {"purpose": "prefetch"}), ("www.narrow", {"dnt": "1"}),
                              ("www.narrow", {"purpose": "prefetch"}), ("wide", {"purpose": "prefetch"})):  # fmt: skip
            visitor.get(f"/mtracking.gif?page_url=https://{host}.example/", headers=headers)
    feed.one(host="wide.example")
    narrow.look()
    assert [hit["host"] for hit in narrow.hits] == ["narrow.example", "www.narrow.example"]


def test_the_first_look_has_the_newest_and_the_next_one_goes_on_there(site: Site, feed: Feed) -> None:
    with site.visitor() as visitor:
        for number in range(60):
            visitor.get(f"/mtracking.gif?page_url=https://many.example/{number}", headers={"purpose": "prefetch"})
    feed.one(page="https://many.example/59")

    def look(limit: int = 1_000, **asked: str) -> Json:
        said = {"host": "many.example", "limit": str(limit), **asked}
        body: Json = site.api.get("/api/stats/live", params=said).json()
        return body

    first = look()
    assert [hit["page"] for hit in first["hits"]] == [f"https://many.example/{number}" for number in range(10, 60)]
    assert look(after=first["after"])["hits"] == []
    after, pages = first["hits"][0]["id"], []
    while hits := (page := look(20, after=after))["hits"]:
        after, pages = page["after"], [*pages, len(hits)]
    assert pages == [20, 20, 9]


def test_hits_beyond_what_a_process_tells_are_counted(site: Site, feed: Feed) -> None:
    event = {"type": "page.hit", "email": "flood@shop.example", "url": "https://flood.example/"}
    site.send(*[event] * 500)
    eventually(lambda: feed.look() and feed.skipped, "that hits were skipped")
    eventually(lambda: feed.look() and feed.skipped + len(_of(feed, "flood.example")) >= 500, "all of them")
    assert len(_of(feed, "flood.example")) <= 400, "in one second, or over the border of two"


def _of(feed: Feed, host: str) -> list[Json]:
    return [hit for hit in feed.hits if hit["host"] == host]


def test_hits_that_nobody_watches_leave_nothing(site: Site, feed: Feed, place: Place) -> None:
    def come_by() -> None:
        with site.visitor() as visitor:
            visitor.get("/mtracking.gif?page_url=a", headers={"dnt": "1"})
            visitor.options("/mtc/event", headers={"origin": "https://stranger.example"})
            visitor.get("/mtc.js")
            site.settle(visitor, f"unwatched-{time.time_ns()}")

    def is_quiet() -> bool:
        place.redis.delete(keys.LIVE)
        come_by()
        time.sleep(2.5)  # longer than a look at whether somebody watches, and a flush
        return not place.redis.exists(keys.LIVE)

    assert place.redis.exists(keys.LIVE_WATCHED)
    place.redis.delete(keys.LIVE_WATCHED)
    eventually(is_quiet, "nobody tells any more", 30)
    come_by()
    time.sleep(1.1)
    assert not place.redis.exists(keys.LIVE)


def test_a_stream_that_redis_refuses_costs_no_hit_and_is_counted(site: Site, feed: Feed, place: Place) -> None:
    place.redis.delete(keys.LIVE)
    place.redis.set(keys.LIVE, "no stream")
    with site.visitor() as visitor:
        assert visitor.get("/mtracking.gif?page_url=a", headers={"dnt": "1"}).content == GIF
        site.settle(visitor, "beside-the-feed")
    eventually(lambda: _metric(site.ingest, "ingest_live_feed_errors_total"), "the door says so")
    eventually(lambda: _metric(site.identity, "identity_live_feed_errors_total"), "the resolver says so")
    place.redis.delete(keys.LIVE)


def test_counts_of_several_processes_add_up(site: Site, start: Start) -> None:
    second = start("ingest")
    eventually(lambda: _is_settled(site), "what came before is counted", 30)
    before = overview(site)
    for url in (site.url, str(second.http.base_url)):
        with httpx.Client(base_url=url, trust_env=False, headers={"user-agent": "Mozilla/5.0 Firefox/140.0"}) as client:
            for number in range(20):
                client.get(f"/mtracking.gif?page_url=https://counted.example/{number}")
                client.get("/mtracking.gif?page_url=a", headers={"dnt": "1"})
            client.get("/mtracking.gif?page_url=a", headers={"user-agent": "Googlebot/2.1"})
            client.post("/mtc/event", content=b"x" * 70_000)
    stop(second)  # what it has counted last is written before it ends

    def grown() -> tuple[int, ...]:
        now = overview(site)
        names = ("accepted", "stored", "dropped")
        sums = [
            sum(minute[name] for minute in now["hits"]) - sum(one[name] for one in before["hits"]) for name in names
        ]
        drops = [now["drops"].get(reason, 0) - before["drops"].get(reason, 0) for reason in ("dnt", "bot")]
        refusals = now["refusals"].get("body_too_large", 0) - before["refusals"].get("body_too_large", 0)
        return (*sums, *drops, refusals)

    eventually(lambda: grown() == (42, 40, 42, 40, 2, 2), f"all are counted: {grown()}", 30)
    assert overview(site, minutes="1440")["drops"]["dnt"] >= 40


def _sum(told: Json, name: str) -> int:
    return sum(minute[name] for minute in told["hits"])


def _is_settled(site: Site) -> bool:
    first = overview(site)["hits"][-5:]
    time.sleep(4)
    return first == overview(site)["hits"][-5:]


def overview(site: Site, **asked: str) -> Json:
    answer = site.api.get("/api/stats/overview", params={"minutes": "30", **asked})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def _metric(service: Service, name: str) -> float:
    lines = service.http.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_visitors_contacts_and_who_is_active_are_counted(make_place: PlaceMaker) -> None:
    own = make_place()  # where nothing was counted before, for what took its time is kept for a while
    ada, _ = own.contact(email="ada@shop.example"), own.contact(email="never-came@shop.example")
    visitor, merged, earlier = 5_000_001, 5_000_002, 5_000_003
    own.clickhouse.command(f"INSERT INTO aliases VALUES ({merged}, {ada}, 1)")
    for contact_id in (ada, merged, visitor):
        own.store(contact_id)
    own.store(earlier, at=time.time() - 400)
    assert own.api.patch(f"/api/contacts/{earlier}/edit", json={"tags": ["noted"]}).status_code == 200, "and stays one"
    told = own.api.get("/api/stats/overview").json()
    assert told["activeNow"] == 2, "one person under two ids, one visitor, and nobody who came earlier"
    assert (told["contacts"], told["visitors"], told["identifiedShare"]) == (2, 2, 0.5)
    assert len(told["hits"]) == 60


def test_the_queue_is_what_no_resolver_has_stored_yet(site: Site) -> None:
    eventually(lambda: overview(site)["queue"] == {"entries": 0, "seconds": 0}, "all is stored")
    stop(site.identity)
    try:
        with site.visitor() as visitor:
            visitor.get("/mtracking.gif?page_url=a")
            time.sleep(0.2)
            visitor.get("/mtracking.gif?page_url=a")
        queue = overview(site)["queue"]
        assert queue["entries"] == 2
        assert 0.2 <= queue["seconds"] < 30
    finally:
        site.identity = site._start("identity")
    eventually(lambda: overview(site)["queue"]["entries"] == 0, "all is stored")


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        ("live", {"after": "x"}, "after"), ("live", {"after": "9" * 30}, "after"),
        ("live", {"verdict": "lost"}, "verdict"), ("live", {"limit": "-1"}, "limit"), ("live", {"host[]": "a"}, "host"),
        ("overview", {"minutes": "0"}, "minutes"), ("overview", {"minutes": "1441"}, "minutes"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_by_name(place: Place, path: str, asked: dict[str, str], field: str) -> None:
    answer = place.api.get(f"/api/stats/{path}", params=asked)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["errors"][0]["details"]) == [field]
