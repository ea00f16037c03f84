"""An event that is queued for a contact travels with the answer to its next page view, once, on any of its devices."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from tests.integration.site import Site
from tests.processes import eventually

ANALYTICS = {"service": "google_analytics", "category": "shop", "action": "came back", "label": "spring"}
FACEBOOK = {"service": "facebook_pixel", "action": "CameBack", "label": "spring"}


def queue(site: Site, contact_id: int, event: dict[str, Any]) -> None:
    answer = site.api.post(f"/api/contacts/{contact_id}/trackingevents/new", json=event)
    assert answer.status_code == 201, answer.text


def test_queued_events_are_carried_once_by_any_device_of_the_contact(site: Site) -> None:
    email = f"ada.{uuid.uuid4().hex[:12]}@example.com"
    with site.visitor() as phone, site.visitor() as laptop:
        phone.get(f"/mtc/event?page_url=a&email={email}")
        contact_id = site.contact(email)["id"]
        laptop.get(f"/mtc/event?page_url=b&email={email}")
        site.events(contact_id, 2, "page.hit")
        queue(site, contact_id, ANALYTICS)
        queue(site, contact_id, FACEBOOK)
        answers = []

        def is_carried() -> bool:
            answers.append(laptop.post("/mtc/event", data={"page_url": "c"}).json()["events"])
            return bool(answers[-1])

        eventually(is_carried, "the events")
        assert answers[-1] == {
            "google_analytics": [{"category": "shop", "action": "came back", "label": "spring"}],
            "facebook_pixel": [{"action": "CameBack", "label": "spring"}],
        }
        assert phone.get("/mtc/event?page_url=d").json()["events"] == []


def test_a_beacon_takes_no_event_along_for_nobody_reads_its_answer(site: Site) -> None:
    with site.visitor() as visitor:
        contact_id = visitor.get("/mtc/event?page_url=a").json()["id"]
        site.events(contact_id, 1, "page.hit")
        queue(site, contact_id, FACEBOOK)
        beacon = {"left_event_id": str(uuid.uuid4()), "time_on_page": "3"}
        deadline = time.monotonic() + 1.3  # within that, the door has seen that somebody is waited for
        while time.monotonic() < deadline:
            assert visitor.post("/mtc/event", data=beacon).json()["events"] == []
        eventually(lambda: visitor.post("/mtc/event", data={"page_url": "b"}).json()["events"], "the event")


@pytest.mark.parametrize(
    "event",
    [{}, {"service": "twitter", "action": "a"}, {"service": "facebook_pixel"}, {**ANALYTICS, "action": "x" * 300}],
)
def test_a_bad_event_is_refused(site: Site, event: dict[str, Any]) -> None:
    assert site.api.post("/api/contacts/1/trackingevents/new", json=event).status_code == 400
    missing = "/api/contacts/4000000000000000/trackingevents/new"
    assert site.api.post(missing, json=FACEBOOK).status_code == 404
