"""An erased contact is nowhere any more, and nothing that comes again brings it back."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx
import pytest

from services.common import keys
from services.common.hit import BATCH_FIELD
from tests.integration.site import Site, stop
from tests.integration.tools.conftest import Place
from tests.processes import eventually

TABLES = ("events", "bot_events", "activity", "contacts", "aliases", "audit", "records")


@pytest.fixture
def site(place: Place) -> Site:
    return place.site


def rows_with(place: Place, text: str) -> dict[str, int]:
    """Rows that have it anywhere, by table."""
    url = httpx.URL(place.clickhouse_url)
    found = {}
    for table in TABLES:
        sql = f"SELECT count() FROM spoor.{table} WHERE position(toString(tuple(*)), '{text}') > 0"
        answer = httpx.post(
            f"http://{url.host}:{url.port}/?database=default", content=sql, auth=(url.username, url.password),
            trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        found[table] = int(answer.text)
    return {table: count for table, count in found.items() if count}


def keys_with(place: Place, *texts: str) -> list[bytes]:
    """Keys of Redis whose value has one of them."""
    found = []
    for key in place.redis.scan_iter():
        dump = place.redis.dump(key) or b""
        raw = place.redis.get(key) if place.redis.type(key) == b"string" else dump
        if any(text.encode() in (raw or b"") for text in texts):
            found.append(key)
    return found


def erase(place: Place, *arguments: str) -> dict[str, Any]:
    return place.run("erase", *arguments, SPOOR_SECRET="integration-tests", SPOOR_STREAMS="1")


def address() -> str:
    return f"erased-{uuid.uuid4().hex[:10]}@x.org"


def test_an_erased_contact_is_nowhere_with_all_that_had_merged_into_it(place: Place, site: Site) -> None:
    mail, marker = address(), f"secretpage{uuid.uuid4().hex[:8]}"
    with site.visitor() as visitor, site.visitor() as second:
        for one in (visitor, second):
            one.post("/mtc/event", data={"page_url": f"https://x/{marker}"})
            one.post("/mtc/event", data={"page_url": f"https://x/{marker}", "email": mail, "tags": "vip"})
        contact = site.contact(mail)["id"]
        site.events(contact, 4, "page.hit")
        device = visitor.kept["mautic_device_id"]
    site.api.patch(f"/api/contacts/{contact}/edit", json={"firstname": "Augusta-Secret"})
    queued = {"service": "facebook_pixel", "action": "CameBack", "label": "spring"}
    site.api.post(f"/api/contacts/{contact}/trackingevents/new", json=queued)
    assert rows_with(place, marker) and rows_with(place, mail) and keys_with(place, mail)

    dry = erase(place, "--dry-run", mail)
    assert (dry["contacts"], dry["ids"], dry["events"]) == (1, 2, 4)
    assert rows_with(place, marker)
    done = erase(place, "--by", "privacy-office", mail)
    assert (done["contacts"], done["ids"], done["not_waited_for"]) == (1, 2, 0)
    for text in (mail, marker, "Augusta-Secret", device):
        assert rows_with(place, text) == {}, text
    assert keys_with(place, mail, "Augusta-Secret") == []
    assert place.redis.exists(keys.tracking_events(contact)) == 0
    assert rows_with(place, "privacy-office") == {"audit": 1}
    assert site.api.get(f"/api/contacts/{contact}").status_code == 404
    assert erase(place, device)["events"] == 0, "again, which changes nothing"


def test_what_comes_again_from_before_does_not_bring_anybody_back(place: Place, site: Site) -> None:
    mail = address()
    report = {"type": "page.hit", "url": "https://x/reported", "email": mail, "event_id": str(uuid.uuid4()),
              "time": time.time() - 5}  # fmt: skip
    assert site.send(report)["accepted"] == 1
    contact = site.contact(mail)["id"]
    erase(place, str(contact))
    site.send(report)
    with site.visitor() as visitor:
        site.settle(visitor, f"https://x/{uuid.uuid4().hex}")
    assert site.contacts(f"email:{mail}") == []
    assert rows_with(place, mail) == {}
    assert 'identity_hits_dropped_total{reason="contact_erased"}' in site.identity.http.get("/metrics").text
    with site.visitor() as visitor:
        visitor.post("/mtc/event", data={"page_url": "https://x/new", "email": mail})
    assert site.contact(mail)["id"] != contact, "who comes after it is somebody new"


def test_hits_that_wait_are_waited_for(place: Place, site: Site) -> None:
    mail = address()
    with site.visitor() as visitor:
        visitor.post("/mtc/event", data={"page_url": "https://x/first", "email": mail})
        contact = site.contact(mail)["id"]
        stop(site.identity)
        visitor.post("/mtc/event", data={"page_url": "https://x/while-nobody-reads"})
        eventually(lambda: place.redis.xlen(keys.hits(0)), "it waits")
    started = ("--wait", "0.5", str(contact))
    done = place.start_tool("erase", *started, SPOOR_SECRET="integration-tests", SPOOR_STREAMS="1")
    assert (done.returncode, "still wait" in done.stderr) == (1, True)
    site.identity = place.start("identity")
    eventually(lambda: not place.redis.xlen(keys.hits(0)), "drained")
    assert erase(place, str(contact))["not_waited_for"] == 0
    assert rows_with(place, "while-nobody-reads") == rows_with(place, mail) == {}


def test_dead_letters_of_theirs_are_removed_and_others_stay(place: Place, site: Site) -> None:
    mail = address()
    answer = site.api.post("/api/contacts/new", json={"email": mail})
    assert answer.status_code == 201
    theirs = f"page_url=x&email={mail.upper().replace('@', '%40')}".encode()
    place.redis.xadd(keys.DEAD_HITS, {b"h": b"garbage " + theirs, b"reason": b"test"})
    other = place.redis.xadd(keys.DEAD_HITS, {BATCH_FIELD: b"", b"h": b"garbage", b"reason": b"test"})
    erase(place, mail)
    assert [entry_id for entry_id, _ in place.redis.xrange(keys.DEAD_HITS)] == [other]


def test_nobody_is_told(place: Place) -> None:
    done = place.start_tool("erase", "nobody-at-all@x.org", SPOOR_SECRET="integration-tests")
    assert (done.returncode, "nobody" in done.stderr) == (1, True)
