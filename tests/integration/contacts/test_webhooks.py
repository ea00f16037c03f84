"""Webhooks against real servers and a receiver: told what happens, in order, at least once, and nobody inside."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from services.common import clickhouse as ch
from services.common.profile import Part, Profile, Value
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.redis_client import connect
from tests.integration.contacts.conftest import PlaceMaker
from tests.integration.contacts.own_place import Place
from tests.integration.contacts.receiver import Receiver, is_signed
from tests.processes import eventually

NEW, UPDATE, POINTS = "mautic.lead_post_save_new", "mautic.lead_post_save_update", "mautic.lead_points_change"
DELETE, CHANNEL = "mautic.lead_post_delete", "mautic.lead_channel_subscription_changed"
ENVIRON = {
    "SPOOR_WEBHOOK_PRIVATE_ADDRESSES": "true",
    "SPOOR_WEBHOOK_ORIGIN": "https://spoor.example",
    "SPOOR_WEBHOOK_MAX_QUEUED": "40",
}


@pytest.fixture(scope="module")
def place(make_place: PlaceMaker) -> Place:
    return make_place(**ENVIRON)


@pytest.fixture(scope="module")
def impatient_place(make_place: PlaceMaker) -> Place:
    """It waits for no receiver longer than 8 s, and gives one up that has failed 3 times."""
    return make_place(**ENVIRON, SPOOR_WEBHOOK_TIMEOUT_SECONDS="8", SPOOR_WEBHOOK_DISABLE_LIMIT="3")


@pytest.fixture
def hooks(place: Place) -> Iterator[list[int]]:
    yield from hooks_of(place)


@pytest.fixture
def impatient_hooks(impatient_place: Place) -> Iterator[list[int]]:
    yield from hooks_of(impatient_place)


def hooks_of(place: Place) -> Iterator[list[int]]:
    """For a fixture: ids of hooks that are deleted at the end."""
    made: list[int] = []
    yield made
    for hook_id in made:
        place.api.delete(f"/api/hooks/{hook_id}/delete")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def hook(api: httpx.Client, hooks: list[int], url: str, *triggers: str, **body: Any) -> dict[str, Any]:
    answer = api.post("/api/hooks/new", json={"name": "A hook", "webhookUrl": url, "triggers": list(triggers), **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["hook"]
    hooks.append(made["id"])
    return made


def shown(api: httpx.Client, hook_id: int) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/api/hooks/{hook_id}").json()["hook"]
    return found


def address() -> str:
    return f"{uuid.uuid4().hex}@x.org"


def test_a_hook_is_made_shown_changed_and_deleted(place: Place, hooks: list[int], receiver: Receiver) -> None:
    api = place.api
    triggers = api.get("/api/hooks/triggers").json()["triggers"]
    assert triggers[NEW].keys() == {"label", "description"} and len(triggers) == 13
    made = hook(api, hooks, receiver.url, NEW, UPDATE, secret="s", eventsOrderbyDir="DESC")
    assert (made["webhookUrl"], made["secret"], made["eventsOrderbyDir"]) == (receiver.url, "s", "DESC")
    path = f"/api/hooks/{made['id']}"
    assert api.patch(f"{path}/edit", json={"triggers": [POINTS]}).json()["hook"]["triggers"] == [NEW, UPDATE, POINTS]
    body = {"name": "B", "webhookUrl": receiver.url, "triggers": [DELETE]}
    replaced = api.put(f"{path}/edit", json=body).json()["hook"]
    assert (replaced["triggers"], replaced["secret"], replaced["eventsOrderbyDir"]) == ([DELETE], "s", "ASC")
    assert shown(api, made["id"]) | {"failures": 0, "queued": 0, "lastStatus": None} == shown(api, made["id"])
    assert api.post("/api/hooks/new", json={**body, "triggers": ["x"]}).status_code == 400
    assert api.delete(f"{path}/delete").json()["hook"]["id"] is None
    assert api.get(path).status_code == 404 == api.get(f"{path}/deliveries").status_code


def test_what_happens_to_a_contact_is_told_signed_and_in_order(
    place: Place, hooks: list[int], receiver: Receiver
) -> None:
    api, email = place.api, address()
    made = hook(api, hooks, receiver.url, NEW, UPDATE, POINTS, DELETE, CHANNEL, "mautic.lead_company_change")
    one = place.contact(email=email, points=3, company=f"Acme {email}")
    api.patch(f"/api/contacts/{one}/edit", json={"firstname": "Ada"})
    api.post(f"/api/contacts/{one}/points/plus/4")
    api.post(f"/api/contacts/{one}/dnc/email/add", json={"reason": 1})
    receiver.told(CHANNEL)
    api.delete(f"/api/contacts/{one}/delete")
    (gone,) = receiver.told(DELETE)
    assert gone["id"] == gone["contact"]["id"] == one
    assert gone["contact"]["fields"]["all"]["email"] == email
    (new,) = receiver.items(NEW)
    assert (new["contact"]["id"], new["contact"]["fields"]["all"]["firstname"]) == (one, None)
    assert new["timestamp"].endswith("+00:00")
    updates = [item["contact"] for item in receiver.items(UPDATE)]
    assert [(one["fields"]["all"]["firstname"], one["points"]) for one in updates] == [
        ("Ada", 3), ("Ada", 7), ("Ada", 7)
    ]  # fmt: skip
    points = [item["points"] for item in receiver.items(POINTS)]
    assert points == [{"old_points": 0, "new_points": 3}, {"old_points": 3, "new_points": 7}]
    (channel,) = receiver.items(CHANNEL)
    assert {**channel, "contact": 0, "timestamp": 0} == {
        "contact": 0, "channel": "email", "old_status": "contactable", "new_status": "unsubscribed", "timestamp": 0
    }  # fmt: skip
    (company,) = receiver.items("mautic.lead_company_change")
    assert company["added"] and company["company"]["fields"]["all"]["companyname"] == f"Acme {email}"
    for request in receiver.requests:
        assert is_signed(request, made["secret"])
        assert request[0]["Content-Type"] == "application/json"
        assert request[0]["X-Origin-Base-URL"] == "https://spoor.example"
    eventually(lambda: shown(api, made["id"])["lastStatus"] == 200, "the state")
    log = eventually(lambda: api.get(f"/api/hooks/{made['id']}/deliveries").json()["deliveries"], "the log")
    assert log[0]["statusCode"] == 200 and log[0]["items"] >= 1


def test_companies_are_told(place: Place, hooks: list[int], receiver: Receiver) -> None:
    api, name = place.api, f"Acme {uuid.uuid4().hex}"
    hook(api, hooks, receiver.url, "mautic.company_post_save", "mautic.company_post_delete")
    company = api.post("/api/companies/new", json={"companyname": name, "owner": 1}).json()["company"]
    api.delete(f"/api/companies/{company['id']}/delete")
    (gone,) = receiver.told("mautic.company_post_delete")
    (saved,) = receiver.items("mautic.company_post_save")
    assert saved["company"]["fields"]["all"]["companyname"] == name == gone["company"]["fields"]["all"]["companyname"]
    assert gone["id"] == company["id"] == saved["company"]["id"]
    assert gone["company"]["owner"] == saved["company"]["owner"] == company["owner"] and company["owner"]["id"] == 1


def test_a_request_has_ten_items_of_a_trigger_at_most(place: Place, hooks: list[int], receiver: Receiver) -> None:
    api = place.api
    receiver.status = 500
    made = hook(api, hooks, receiver.url, NEW)
    api.post("/api/contacts/batch/new", json=[{"email": address(), "lastname": str(number)} for number in range(25)])
    eventually(lambda: shown(api, made["id"])["queued"] == 25, "the queue")
    receiver.status = 200
    eventually(lambda: shown(api, made["id"])["queued"] == 0, "nothing waits", 60)
    sizes = [body.count(b'"timestamp"') for _, body in receiver.requests]
    assert max(sizes) == 10 and sizes[-3:] == [10, 10, 5]
    assert len({item["contact"]["id"] for item in receiver.items(NEW)}) == 25


def test_events_of_visitors_are_told_after_they_were_stored(place: Place, hooks: list[int], receiver: Receiver) -> None:
    api = place.api
    visitor = 4_300_000_000_000 + int(time.time() * 1000) % 10**9
    place.store(visitor, url="https://x.org/before")
    kinds = ("mautic.page_on_hit", "mautic.form_on_submit", "mautic.email_on_open", "mautic.email_on_send")
    hook(api, hooks, receiver.url, *kinds)
    known = place.contact(email=(email := address()))
    place.store(visitor, url="https://x.org/a", title="A")
    results = '{"submission":{"results":{"city":"Rome"},"referer":"https://x.org/f"},"form":{"id":"5","name":"F"}}'
    place.store(known, type="form.submitted", query=results)
    place.store(known, type="email.read", query='{"stat":{"emailId":9}}')
    place.store(known, type="email.sent", query='{"stat":{"emailId":9,"subject":"Hello"}}')
    (hit,) = receiver.told("mautic.page_on_hit")
    assert (hit["hit"]["url"], hit["hit"]["urlTitle"], hit["hit"]["lead"]["id"]) == ("https://x.org/a", "A", visitor)
    (form,) = receiver.told("mautic.form_on_submit")
    assert form["submission"]["results"] == {"city": "Rome"} and form["submission"]["form"]["id"] == "5"
    (opened,) = receiver.told("mautic.email_on_open")
    assert (opened["stat"]["email"]["id"], opened["stat"]["isRead"], opened["stat"]["emailAddress"]) == (9, True, email)
    (sent,) = receiver.told("mautic.email_on_send")
    assert sent["stat"]["email"]["subject"] == "Hello" and sent["contact"]["id"] == known


async def test_who_becomes_known_by_a_visit_is_told_as_new_and_no_write_of_the_api_twice(
    place: Place, hooks: list[int], receiver: Receiver
) -> None:
    hook(place.api, hooks, receiver.url, NEW, UPDATE)
    mine = place.contact(email=address())
    place.api.patch(f"/api/contacts/{mine}/edit", json={"city": "Rome"})
    visitor, email = 4_310_000_000_000 + int(time.time() * 1000) % 10**9, address()
    await identify(place, visitor, {"email": email})
    receiver.told(NEW, 2)
    await identify(place, visitor, {"firstname": "Ada"})
    receiver.told(UPDATE, 2)
    await identify(place, mine, {"firstname": "Bob"})
    receiver.told(UPDATE, 3)
    told = [(item["contact"]["id"], item["contact"]["fields"]["all"]["firstname"]) for item in receiver.items(UPDATE)]
    assert told == [(mine, None), (visitor, "Ada"), (mine, "Bob")]
    assert [item["contact"]["id"] for item in receiver.items(NEW)] == [mine, visitor]
    assert receiver.items(NEW)[1]["contact"]["fields"]["all"]["email"] == email


async def identify(place: Place, contact_id: int, fields: dict[str, Value]) -> None:
    """As identity does it."""
    redis, clickhouse = connect(place.redis_url), await ch.connect(place.clickhouse_url)
    store, now_us = ProfileStore(redis), time.time_ns() // 1_000
    profile = (await store.load([contact_id]))[contact_id] or Profile(contact_id, own=Part(added_us=now_us))
    assert profile.own
    profile.own = profile.own.with_fields(fields, now_us)
    profile.version = (await store.write([profile]))[contact_id]
    await project(store, clickhouse, [profile])
    await redis.aclose()
    await clickhouse.close()


def test_a_membership_by_hand_is_told(place: Place, hooks: list[int], receiver: Receiver) -> None:
    api = place.api
    segment = api.post("/api/segments/new", json={"name": f"S {uuid.uuid4().hex}"}).json()["list"]
    one = place.contact(email=address())
    hook(api, hooks, receiver.url, "mautic.lead_list_change")
    api.post(f"/api/segments/{segment['id']}/contact/{one}/add")
    (told,) = receiver.told("mautic.lead_list_change")
    assert (told["action"], told["segment"]["id"], told["segment"]["alias"]) == (
        "added",
        segment["id"],
        segment["alias"],
    )


def test_a_receiver_that_hangs_slows_neither_the_others_nor_the_api(
    impatient_place: Place, impatient_hooks: list[int], receiver: Receiver
) -> None:
    place, api = impatient_place, impatient_place.api
    with Receiver() as slow:
        slow.hangs_seconds = 30
        stuck = hook(api, impatient_hooks, slow.url, NEW)
        hook(api, impatient_hooks, receiver.url, NEW)
        place.contact(email=address())
        eventually(lambda: slow.requests, "the slow one is asked")
        place.contact(email=address())
        receiver.told(NEW, 2)
        assert (shown(api, stuck["id"])["failures"], len(slow.requests)) == (0, 1), "it still hangs"
        eventually(lambda: shown(api, stuck["id"])["lastError"] == "timeout", "its timeout", 60)


def test_a_hook_that_fails_is_switched_off_and_takes_up_again_when_it_is_published(
    impatient_place: Place, impatient_hooks: list[int], receiver: Receiver
) -> None:
    place, api = impatient_place, impatient_place.api
    receiver.status = 500
    made = hook(api, impatient_hooks, receiver.url, NEW)
    place.contact(email=address())
    eventually(lambda: not shown(api, made["id"])["isPublished"], "it is switched off")
    state = shown(api, made["id"])
    assert (state["failures"], state["lastStatus"], state["queued"], len(receiver.requests)) == (3, 500, 1, 3)
    none = 'contacts_webhook_requests_total{outcome="disabled"} 0.0'
    eventually(lambda: none not in api.get("/metrics").text, "it is counted")
    place.contact(email=address())  # of no concern to it
    receiver.status = 200
    api.patch(f"/api/hooks/{made['id']}/edit", json={"isPublished": True})
    eventually(lambda: shown(api, made["id"])["lastStatus"] == 200, "it is told again")
    assert len(receiver.requests) == 4 and len({item["contact"]["id"] for item in receiver.items(NEW)}) == 1


def test_a_redirect_is_not_followed(place: Place, hooks: list[int], receiver: Receiver) -> None:
    api = place.api
    receiver.status = 302
    made = hook(api, hooks, receiver.url, NEW)
    place.contact(email=address())
    eventually(lambda: shown(api, made["id"])["lastError"] == "redirect", "a failure")
    assert all(b"/elsewhere" not in body for _, body in receiver.requests)


def test_more_than_may_wait_gives_way_the_oldest_first_and_is_counted(
    place: Place, hooks: list[int], receiver: Receiver
) -> None:
    api = place.api
    receiver.status = 500
    made = hook(api, hooks, receiver.url, NEW)
    api.post("/api/contacts/batch/new", json=[{"email": address()} for _ in range(60)])
    eventually(lambda: shown(api, made["id"])["queued"] == 40, "the queue is full")
    counted = [line for line in api.get("/metrics").text.splitlines() if line.startswith("contacts_webhook_notes")]
    assert float(counted[0].split()[1]) >= 20


def test_nobody_inside_is_asked_unless_that_is_allowed(make_place: PlaceMaker, receiver: Receiver) -> None:
    place, hooks = make_place(), []
    port = receiver.url.split(":")[2].split("/")[0]
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"):
        hook(place.api, hooks, f"http://{host}:{port}/", NEW)
    place.contact(email=address())
    for hook_id in hooks:
        eventually(partial(_has_failed, place, hook_id), "an outcome")
        assert shown(place.api, hook_id)["lastError"] == "private_address"
    assert receiver.requests == []


def _has_failed(place: Place, hook_id: int) -> bool:
    return bool(shown(place.api, hook_id)["failures"])


def test_what_was_answered_is_told_though_the_process_dies_before(
    place: Place, hooks: list[int], receiver: Receiver
) -> None:
    receiver.status = 503
    made = hook(place.api, hooks, receiver.url, NEW, DELETE)
    ids = [place.contact(email=address()) for _ in range(5)]
    place.api.delete(f"/api/contacts/{ids[0]}/delete")
    place.kill()
    receiver.requests.clear()
    receiver.status = 200
    place.forget_leases()
    place.restart()
    (gone,) = receiver.told(DELETE, seconds=60)
    assert gone["id"] == ids[0]
    assert [item["contact"]["id"] for item in receiver.items(NEW)] == ids[1:]
    eventually(lambda: shown(place.api, made["id"])["queued"] == 0, "nothing waits")
