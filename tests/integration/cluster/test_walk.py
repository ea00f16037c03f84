"""The whole way on a cluster of three masters: what comes in at the door, what is edited, and what leads out again."""

from __future__ import annotations

import csv
import io
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.common import keys
from services.common.hit import BATCH_FIELD
from services.common.profile import Part, Profile, Stamped
from services.common.profiles import ProfileStore
from services.common.records import Record, RecordStore, Ref
from services.common.redis_client import RedisClient, connect
from tests.integration.cluster.conftest import STREAMS, ClusterSite, is_ready
from tests.processes import eventually


@pytest.fixture
def site(on_cluster: ClusterSite) -> ClusterSite:
    return on_cluster


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex[:12]


@pytest.fixture
async def redis(site: ClusterSite) -> AsyncIterator[RedisClient]:
    client = connect(site.cluster.url)
    yield client
    await client.aclose()


def test_streams_profiles_and_values_lie_on_all_three_masters(site: ClusterSite, name: str) -> None:
    for number in range(24):
        with site.visitor() as visitor:
            visitor.get(f"/mtc/event?page_url=a&email={number}.{name}@example.com")
    eventually(lambda: len(site.contacts(f"email:%.{name}@example.com")) == 24, "24 contacts")
    for pattern in ("c:*", "u:*"):
        assert all(node.client.keys(pattern) for node in site.cluster.masters()), pattern
    # One resolver gives a stream up some time before the other one takes it.
    eventually(lambda: all(site.redis.exists(keys.lease(stream)) for stream in range(STREAMS)), "each has a reader")
    assert all(is_ready(service) for service in site.services)


def test_a_visitor_is_one_history_before_and_after_it_is_known(site: ClusterSite, name: str) -> None:
    email = f"{name}@example.com"
    with site.visitor() as phone, site.visitor() as laptop:
        for number in range(3):
            phone.get(f"/mtc/event?page_url=phone{number}")
            laptop.get("/mtracking.gif", params={"page_url": f"laptop{number}"})
        phone.post("/mtc/event", data={"page_url": "login", "email": email})
        contact_id = site.contact(email)["id"]
        site.events(contact_id, 4, "page.hit")
        laptop.post("/mtc/event", data={"page_url": "login", "email": email.upper()})
        site.events(contact_id, 8, "page.hit")
        eventually(lambda: laptop.get("/mtc").json()["id"] == contact_id, "the laptop knows whose it is")
        laptop.post("/mtc/event", data={"page_url": "again", "email": f"other.{email}"})
    other = site.contact(f"other.{email}")
    assert other["id"] != contact_id
    site.events(other["id"], 1, "page.hit")


def test_servers_report_a_thousand_events_once_however_often(site: ClusterSite, name: str) -> None:
    events = [
        {"type": "email.sent", "email": f"{number % 50}.{name}@example.com", "event_id": str(uuid.uuid4())}
        for number in range(1_000)
    ]
    for _ in range(2):
        assert site.send(*events) == {"accepted": 1_000, "dropped": [], "errors": []}
    contact_id = site.contact(f"7.{name}@example.com")["id"]
    eventually(lambda: not site.waiting(), "the streams are drained")
    site.events(contact_id, 20, "email.sent")
    answer = site.send({"type": "email.read", "contact_id": contact_id}, {"type": "email.read", "contact_id": 7})
    assert (answer["accepted"], answer["errors"][0]["code"]) == (1, 404)


def test_forms_links_and_queued_events(site: ClusterSite, name: str) -> None:
    email = f"{name}@example.com"
    fields = [{"label": "E-mail", "alias": "email", "type": "email", "mappedField": "email"}]
    form = made(site, "forms", name=name, fields=fields)
    link = made(site, "links", name=name, url="https://shop.example/spring")
    with site.visitor() as visitor:
        answer = visitor.post("/form/submit", data={"mauticform[formId]": form["id"], "mauticform[email]": email})
        assert answer.status_code == 302
        contact_id = site.contact(email)["id"]
        site.events(contact_id, 1, "form.submitted")
        assert visitor.get(f"/r/{link['id']}").headers["location"] == "https://shop.example/spring"
        queued = {"service": "facebook_pixel", "action": "CameBack", "label": "spring"}
        assert site.api.post(f"/api/contacts/{contact_id}/trackingevents/new", json=queued).status_code == 201
        eventually(lambda: visitor.post("/mtc/event", data={"page_url": "b"}).json()["events"], "the queued event")
    renamed = site.api.patch(f"/api/links/{link['id']}/edit", json={"name": "Summer"})
    assert renamed.json()["link"]["name"] == "Summer"
    assert site.api.delete(f"/api/forms/{form['id']}/delete").status_code == 200
    assert site.api.get(f"/api/forms/{form['id']}").status_code == 404


def test_a_company_is_one_for_hits_and_the_api(site: ClusterSite, name: str) -> None:
    company = site.api.post("/api/companies/new", json={"companyname": f"Acme {name}"}).json()["company"]
    for number in range(8):
        with site.visitor() as visitor:
            visitor.get(f"/mtc/event?page_url=a&email={number}.{name}@example.com&company=ACME+{name}&companycity=Rome")
    eventually(lambda: len(site.contacts(f"email:%.{name}@example.com")) == 8, "8 contacts")
    for contact in site.contacts(f"email:%.{name}@example.com"):
        joined = site.api.get(f"/api/contacts/{contact['id']}/companies").json()["companies"]
        assert [int(one["company_id"]) for one in joined] == [company["id"]]
    stored = site.api.get(f"/api/companies/{company['id']}").json()["company"]
    assert stored["fields"]["all"]["companycity"] == "Rome"


def test_contacts_are_made_merged_edited_deleted_and_their_values_free_again(site: ClusterSite, name: str) -> None:
    email = f"{name}@example.com"
    made_id = site.api.post("/api/contacts/new", json={"email": email, "tags": ["a"]}).json()["contact"]["id"]
    again = site.api.post("/api/contacts/new", json={"email": email.upper(), "firstname": "Ada"})
    assert (again.status_code, again.json()["contact"]["id"]) == (200, made_id)
    moved = site.api.patch(f"/api/contacts/{made_id}/edit", json={"email": f"new.{email}"})
    assert moved.json()["contact"]["fields"]["all"]["email"] == f"new.{email}"
    other_id = site.api.post("/api/contacts/new", json={"email": email}).json()["contact"]["id"]
    assert other_id != made_id
    assert site.api.delete(f"/api/contacts/{made_id}/delete").status_code == 200
    assert site.api.get(f"/api/contacts/{made_id}").status_code == 404
    assert site.contacts(f"email:new.{email}") == []


def test_an_export_has_what_was_tracked(site: ClusterSite, name: str) -> None:
    with site.visitor() as visitor:
        visitor.get(f"/mtc/event?page_url=a&email={name}@example.com")
    contact_id = site.contact(f"{name}@example.com")["id"]
    answer = site.exports.http.post("/exports", json={"search": f"email:{name}@example.com"})
    assert answer.status_code == 202, answer.text
    path = f"/exports/{answer.json()['id']}"
    eventually(lambda: site.exports.http.get(path).json()["status"] == "done", "the export")
    [row] = csv.DictReader(io.StringIO(site.exports.http.get(f"{path}/download").text, newline=""))
    assert row["id"] == str(contact_id)


async def test_the_relay_projects_what_a_dead_writer_left(site: ClusterSite, redis: RedisClient, name: str) -> None:
    """On every master: as many contacts and records as make that sure."""
    now_us = time.time_ns() // 1_000
    first_id = int(name[:8], 16)
    people = [
        Profile(first_id + number, own=Part(added_us=now_us, fields={"firstname": Stamped(name, now_us)}))
        for number in range(12)
    ]
    records = [Record(Ref("link", f"{name}-{number}"), 0, b'{"name":"x","url":"https://a"}') for number in range(12)]
    assert all((await ProfileStore(redis).write(people)).values())
    assert all((await RecordStore(redis).write(records)).values())
    found = eventually(lambda: len(got := site.contacts(f"firstname:{name}")) == 12 and got, "projected", 20)
    assert found

    def settled() -> bool:
        outboxes = ("changes:*", "made:*")
        return not any(node.client.keys(outbox) for outbox in outboxes for node in site.cluster.masters())

    eventually(settled, "the outboxes are empty", 20)


def test_a_poison_entry_is_put_aside(site: ClusterSite) -> None:
    before = site.redis.xlen(keys.DEAD_HITS)
    for stream in range(STREAMS):
        site.redis.xadd(keys.hits(stream), {BATCH_FIELD: b"\xc1 not a batch"})
    eventually(lambda: site.redis.xlen(keys.DEAD_HITS) == before + STREAMS, "put aside")
    eventually(lambda: not site.waiting(), "acknowledged")


def made(site: ClusterSite, plural: str, **body: Any) -> dict[str, Any]:
    answer = site.api.post(f"/api/{plural}/new", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()[plural.removesuffix("s")]
    return found
