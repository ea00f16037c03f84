"""Servers report events to /v1/batch: each is kept once and under the right contact, or told why not."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import zstandard

from services.common.event_types import REPORTED_TYPES
from tests.integration.site import DAYS, WRITE_KEY, Site

BEARER = {"authorization": f"Bearer {WRITE_KEY}"}


@pytest.fixture
def email() -> str:
    return f"ada.{uuid.uuid4().hex[:12]}@example.com"


def post(site: Site, content: bytes, **headers: str) -> httpx.Response:
    return httpx.post(f"{site.url}/v1/batch", content=content, headers={**BEARER, **headers}, trust_env=False)


def test_an_address_that_nobody_has_makes_a_contact(site: Site, email: str) -> None:
    day = datetime.now(UTC).date() - timedelta(days=3)
    answer = site.send(
        {"type": "email.sent", "email": f" {email.upper()} ", "time": f"{day}T08:00:00+02:00",
         "title": "Welcome", "details": {"stat": {"subject": "Hi"}},
         "fields": {"lastname": "Lovelace", "attribution_date": "yesterday"},
         "tags": "a,-b"},
    )  # fmt: skip
    assert answer == {"accepted": 1, "dropped": [], "errors": []}
    contact = site.contact(email)
    assert contact["fields"]["all"]["lastname"] == "Lovelace"
    assert contact["fields"]["all"]["attribution_date"] == f"{day - timedelta(days=1)} 00:00:00"  # of the event
    assert [tag["tag"] for tag in contact["tags"]] == ["a"]
    [event] = site.events(contact["id"], 1, "email.sent")
    assert (event["eventType"], event["eventLabel"]) == ("Email sent", "Welcome")
    assert (event["timestamp"], event["details"]) == (f"{day}T06:00:00+00:00", {"stat": {"subject": "Hi"}})
    assert contact["lastActive"] is None, "being written to is no activity"


def test_a_company_that_a_server_names_is_found_or_made(site: Site, email: str) -> None:
    name = f"Engines {email}"
    for number in range(2):
        site.send({"type": "email.sent", "email": f"{number}.{email}", "fields": {"company": name.upper()}})
    ids = []
    for number in range(2):
        contact_id = site.contact(f"{number}.{email}")["id"]
        ids += [one["company_id"] for one in site.api.get(f"/api/contacts/{contact_id}/companies").json()["companies"]]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_every_type_of_the_history_may_be_reported(site: Site, email: str) -> None:
    yesterday_ms = time.time_ns() // 1_000_000 - 86_400_000
    site.send(*({"type": kind, "email": email, "time": yesterday_ms + n} for n, kind in enumerate(REPORTED_TYPES)))
    contact_id = site.contact(email)["id"]
    events = site.events(contact_id, len(REPORTED_TYPES), *REPORTED_TYPES)
    assert {event["event"] for event in events} == REPORTED_TYPES


@pytest.mark.parametrize(
    "moment", [{}, {"time": "2026-10-01 12:00:00"}, {"time": "2999-01-01"}, {"time": "1999-01-01"}]
)
def test_an_event_that_is_sent_twice_counts_once(site: Site, email: str, moment: dict[str, str]) -> None:
    event = {"type": "sms.sent", "event_id": f"sms-{email}", "email": email, **moment}
    for _ in range(2):
        assert site.send(event, event)["accepted"] == 2
        time.sleep(0.01)
    site.send({"type": "sms_reply", "email": email})
    contact_id = site.contact(email)["id"]
    site.events(contact_id, 1, "sms_reply")
    assert len(site.history(contact_id, "sms.sent")) == 1


def test_a_contact_is_named_by_its_id_also_when_its_device_went_to_somebody_else(site: Site, email: str) -> None:
    with site.visitor() as visitor:
        born = visitor.get(f"/mtc/event?page_url=a&email={email}").json()["id"]
        site.contact(email)
        visitor.get(f"/mtc/event?page_url=b&email=other.{email}")
        site.contact(f"other.{email}")
    assert (
        site.send({"type": "point.gained", "contact_id": str(born), "details": {"log": {"delta": 5}}})["accepted"] == 1
    )
    [event] = site.events(born, 1, "point.gained")
    assert event["details"]["log"]["delta"] == 5


def test_the_id_that_a_caller_without_cookies_was_told_may_be_named(site: Site, email: str) -> None:
    known = site.api.post("/api/contacts/new", json={"email": email}).json()["contact"]["id"]
    told = httpx.get(f"{site.url}/mtc/event?page_url=a&email={email}", trust_env=False).json()["id"]
    site.events(known, 1, "page.hit")
    assert told != known
    assert site.send({"type": "email.sent", "contact_id": told})["accepted"] == 1
    site.events(known, 1, "email.sent")


def test_an_anonymous_visitor_may_be_named_by_its_id_or_its_device(site: Site) -> None:
    with site.visitor() as visitor:
        said = visitor.get("/mtc/event?page_url=first").json()
    site.events(said["id"], 1, "page.hit")
    answer = site.send(
        {"type": "page.hit", "contact_id": said["id"], "url": "https://shop.example/by-id"},
        {"url": "https://shop.example/by-device", "device_id": said["device_id"]},
        {"url": "https://shop.example/protocol", "mautic_device_id": said["device_id"], "page_title": "Names"},
    )
    assert answer["accepted"] == 3, answer
    labels = [event["eventLabel"] for event in site.events(said["id"], 4, "page.hit")]
    assert [label["label"] if isinstance(label, dict) else label for label in labels][:3] == [
        "Names", "https://shop.example/by-device", "https://shop.example/by-id",
    ]  # fmt: skip


def test_a_device_and_an_address_join_the_visit_to_the_contact(site: Site, email: str) -> None:
    with site.visitor() as visitor:
        said = visitor.get("/mtc/event?page_url=before-login").json()
    site.send({"type": "page.hit", "url": "https://shop.example/login", "device_id": said["device_id"], "email": email})
    assert site.contact(email)["id"] == said["id"]
    site.events(said["id"], 2, "page.hit")


def test_bad_events_are_told_and_the_good_ones_are_kept(site: Site, email: str) -> None:
    bad: list[tuple[dict[str, Any], int, str]] = [
        ({"type": "page.hit", "contact_id": 4_000_000_000_000_000}, 404, "contact_id"),
        ({"type": "no.such", "email": email}, 400, "type"),
        ({"email": email}, 400, "type"),
        ({"type": "page.hit", "url": "x"}, 400, "one of them is needed"),
        ({"type": "page.hit", "email": "nobody"}, 400, "email"),
        ({"type": "page.hit", "email": email, "contact_id": 1}, 400, "contact_id"),
        ({"type": "page.hit", "email": email, "time": "yesterday"}, 400, "time"),
        ({"type": "page.hit", "email": email, "fields": {"no_such_field": 41}}, 400, "no_such_field"),
        ({"type": "page.hit", "email": email, "ip": "1.2.3"}, 400, "ip"),
        ({"type": "page.hit", "email": email, "fields": {"timezone": "No/Where"}}, 400, "timezone"),
        ({"type": "page.hit", "email": email, "fields": {"attribution": "much"}}, 400, "attribution"),
        ({"type": "page.hit", "device_id": "x"}, 400, "device_id"),
        ({"type": 5, "email": email}, 400, "type"),
        ({"type": "page.hit", "email": email, "details": {"long": "x" * 40_000}}, 413, "larger"),
        ({"type": "lead.create", "email": email}, 400, "type"),
    ]
    good = {"type": "page.hit", "email": email, "url": "https://shop.example/good"}
    answer = site.send(good, *(event for event, _, _ in bad), good)
    assert answer["accepted"] == 2
    assert [(error["index"], error["code"]) for error in answer["errors"]] == [
        (number, code) for number, (_, code, _) in enumerate(bad, 1)
    ]
    for error, (_, _, word) in zip(answer["errors"], bad, strict=True):
        assert word in error["message"]
    site.events(site.contact(email)["id"], 2, "page.hit")


def test_a_deleted_contact_is_no_contact(site: Site, email: str) -> None:
    contact_id = site.api.post("/api/contacts/new", json={"email": email}).json()["contact"]["id"]
    assert site.send({"type": "email.sent", "contact_id": contact_id})["accepted"] == 1
    site.api.delete(f"/api/contacts/{contact_id}/delete")
    assert [error["code"] for error in site.send({"type": "email.sent", "contact_id": contact_id})["errors"]] == [404]


def test_who_merged_into_a_deleted_contact_is_no_contact_either(site: Site, email: str) -> None:
    winner, loser = (
        site.api.post("/api/contacts/new", json={"email": f"{name}{email}"}).json()["contact"]["id"] for name in "ab"
    )
    site.api.patch(f"/api/contacts/{winner}/edit", json={"email": f"b{email}"})
    assert site.send({"type": "email.sent", "contact_id": loser})["accepted"] == 1
    site.api.delete(f"/api/contacts/{winner}/delete")
    assert [error["code"] for error in site.send({"type": "email.sent", "contact_id": loser})["errors"]] == [404]


def test_times_are_kept_within_the_retention_and_now(site: Site, email: str) -> None:
    site.send(*({"type": "email.sent", "email": email, "time": said} for said in ("1999-01-01", "2999-01-01")))
    newest, oldest = site.events(site.contact(email)["id"], 2, "email.sent")
    now = time.time()
    assert abs(_seconds(newest) - now) < 60
    assert abs(_seconds(oldest) - (now - DAYS * 86_400)) < 60


def _seconds(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp()


@pytest.mark.parametrize("shape", ["list", "object", "lines", "one"])
@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_bodies_come_in_json_and_lines_and_compressed(site: Site, email: str, shape: str, encoding: str) -> None:
    events = [{"type": "sms.sent", "email": email, "title": str(n)} for n in range(1 if shape == "one" else 3)]
    text = {
        "list": json.dumps(events),
        "object": json.dumps({"events": events}),
        "lines": "\n\n".join(map(json.dumps, events)) + "\n",
        "one": json.dumps(events[0]),
    }[shape].encode()
    body = {"identity": text, "gzip": gzip.compress(text), "zstd": zstandard.compress(text)}[encoding]
    answer = post(site, body, **{"content-encoding": encoding})
    assert (answer.status_code, answer.json()["accepted"]) == (200, len(events)), answer.text


def test_a_bad_line_is_an_error_of_its_own(site: Site, email: str) -> None:
    good = json.dumps({"type": "sms.sent", "email": email}).encode()
    answer = post(site, b"\n".join([good, b"{oops", good])).json()
    assert (answer["accepted"], [error["index"] for error in answer["errors"]]) == (2, [1])


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"[{]", {}, 400),
        (b"not json", {}, 400),
        (b"\x1f\x8b rubbish", {"content-encoding": "gzip"}, 400),
        (gzip.compress(b"[]" * 1_000)[:-9], {"content-encoding": "gzip"}, 400),
        (zstandard.compress(b"[" + b" " * 100_000 + b"]")[:-3], {"content-encoding": "zstd"}, 400),
        (gzip.compress(b" " * 50_000_000), {"content-encoding": "gzip"}, 413),
        (zstandard.compress(b" " * 50_000_000), {"content-encoding": "zstd"}, 413),
        (b"[" + b"{}," * 2_000 + b"{}]", {}, 413),
        (b" " * 5_000_000, {}, 413),
        (b"[]", {"content-encoding": "br"}, 415),
        (b"[]", {"authorization": ""}, 401),
        (b"[]", {"authorization": "Bearer wrong"}, 401),
        (b"[]", {"authorization": "Basic !!"}, 401),
    ],
)
def test_a_request_that_is_no_batch_is_refused(site: Site, body: bytes, headers: dict[str, str], status: int) -> None:
    answer = post(site, body, **headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["code"] == status


def test_a_key_may_be_half_of_a_basic_login_and_the_admin_may_send_too(site: Site) -> None:
    for auth in [(WRITE_KEY, ""), ("shop", WRITE_KEY)]:
        assert httpx.post(f"{site.url}/v1/batch", content=b"[]", auth=auth, trust_env=False).status_code == 200
    assert site.ingest.http.post("/v1/batch", content=b"[]").status_code == 200


def test_a_key_that_sends_too_much_is_told_to_wait(site: Site) -> None:
    """10,000 at once and 1,000 a second are allowed; nothing of a batch that is refused is kept."""
    body = gzip.compress(b"[" + b",".join([b'{"type":"no"}'] * 2_000) + b"]")
    headers = {"authorization": "Bearer another-key", "content-encoding": "gzip"}
    statuses = []
    with httpx.Client(base_url=site.url, trust_env=False) as server:
        for _ in range(100):
            answer = server.post("/v1/batch", content=body, headers=headers)
            statuses.append(answer.status_code)
            if answer.status_code == 429:
                break
    assert statuses[-1] == 429
    assert len(statuses) > 5
    assert int(answer.headers["retry-after"]) >= 1
