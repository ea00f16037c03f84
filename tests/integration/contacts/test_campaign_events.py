"""Events of campaigns for a contact: put, shown in the history, moved, cancelled, and gone with the contact."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from tests.integration.contacts.test_registries import make, new_contact, told

FUTURE, LATER = "2099-01-02 03:04:05", "2099-02-03 04:05:06"


@pytest.fixture
def campaign(api: httpx.Client) -> dict[str, Any]:
    return make(api, "campaigns", "campaign", name=f"Spring {uuid.uuid4().hex[:6]}")


def put(api: httpx.Client, contact: int, event: int, status: int = 201, **said: Any) -> dict[str, Any]:
    path = f"/api/campaigns/events/{event}/contact/{contact}/edit"
    shown: dict[str, Any] = told(api.put(path, json=said), status)["event"]
    return shown


def entries(api: httpx.Client, contact: int, **more: Any) -> list[dict[str, Any]]:
    kinds = {"filters[includeEvents][0]": "campaign.event.scheduled", "filters[includeEvents][1]": "campaign.event"}
    found: list[dict[str, Any]] = told(api.get(f"/api/contacts/{contact}/activity", params={**kinds, **more}))["events"]
    return found


def test_a_scheduled_event_is_in_the_history_until_it_is_done(api: httpx.Client, campaign: dict[str, Any]) -> None:
    contact = new_contact(api)
    said = {"name": "Send offer", "campaignId": campaign["id"], "type": "email.send", "channel": "email",
            "channelId": 3}  # fmt: skip
    shown = put(api, contact, 8, **said, triggerDate=FUTURE)
    assert (shown["id"], shown["campaign"]["name"]) == (8, campaign["name"])
    [entry] = entries(api, contact)
    assert entry["event"] == "campaign.event.scheduled" and entry["timestamp"] == "2099-01-02T03:04:05+00:00"
    assert entry["eventLabel"] == f"Send offer / {campaign['name']}"
    log = entry["details"]["log"]
    assert (log["isScheduled"], log["triggerDate"], log["channelId"]) == (True, entry["timestamp"], 3)
    assert entries(api, contact, **{"filters[search]": "offer"}) and not entries(
        api, contact, **{"filters[search]": "x"}
    )
    assert put(api, contact, 8, 200, dateTriggered="2026-01-02 03:04:05")["name"] == "Send offer"
    [entry] = entries(api, contact)
    assert (entry["event"], entry["timestamp"]) == ("campaign.event", "2026-01-02T03:04:05+00:00")
    listed = told(api.get(f"/api/campaigns/{campaign['id']}/events/contact/{contact}"))
    assert (listed["total"], list(listed["events"])) == (1, ["8"])
    assert told(api.get(f"/api/campaigns/events/contact/{contact}"))["events"] == listed["events"]
    assert told(api.get(f"/api/campaigns/999/events/contact/{contact}"))["total"] == 0


def test_the_page_of_a_history_shows_what_campaigns_do(api: httpx.Client, campaign: dict[str, Any]) -> None:
    contact = new_contact(api)
    put(api, contact, 3, name="Send offer", campaignId=campaign["id"], triggerDate=FUTURE)
    put(api, contact, 4, name="Say thanks", dateTriggered="2026-01-02 03:04:05")
    page = api.get(f"/ui/contacts/{contact}")
    assert page.status_code == 200, page.text
    assert f"<strong>Send offer / {campaign['name']}</strong>" in page.text
    assert "Campaign event scheduled" in page.text and "2099-01-02 03:04:05" in page.text
    assert "<strong>Say thanks</strong>" in page.text and "Campaign action triggered" in page.text


def test_a_future_event_can_be_moved_and_cancelled(api: httpx.Client) -> None:
    contact = new_contact(api)
    put(api, contact, 1, triggerDate=FUTURE)
    path = f"/api/contacts/{contact}/campaignevents/1"
    moved = told(api.post(f"{path}/reschedule", json={"date": LATER}))
    assert (moved["success"], moved["date"]) == (1, LATER)
    assert entries(api, contact)[0]["timestamp"] == "2099-02-03T04:05:06+00:00"
    assert told(api.post(f"{path}/reschedule", json={"date": "2020-01-01 00:00:00"}))["success"] == 0
    assert told(api.post(f"{path}/reschedule", json={"date": "soon"}), 400)["errors"]
    assert told(api.post(f"{path}/cancel"))["success"] == 1
    assert told(api.post(f"{path}/cancel"))["success"] == 0
    [entry] = entries(api, contact, **{"filters[search]": "CANCELLED"})
    assert (entry["event"], entry["eventLabel"]) == ("campaign.event.scheduled", "Event 1, cancelled")
    assert entry["timestamp"] == "2099-02-03T04:05:06+00:00", "when it would have been"
    log = entry["details"]["log"]
    assert (log["isScheduled"], log["dateTriggered"]) == (False, None)
    assert log["metadata"]["errors"].startswith("cancelled at")
    assert "<strong>Event 1, cancelled</strong>" in api.get(f"/ui/contacts/{contact}").text
    [event] = told(api.get(f"/api/campaigns/events/contact/{contact}"))["events"].values()
    assert event["contactLog"][0]["metadata"]["errors"].startswith("cancelled at")
    assert api.post(f"/api/contacts/{contact}/campaignevents/2/cancel").status_code == 404


def test_several_are_put_at_once_and_errors_are_told_by_key(api: httpx.Client) -> None:
    contact = new_contact(api)
    items = [
        {"contactId": contact, "eventId": 1, "triggerDate": FUTURE},
        {"contactId": contact, "eventId": 2},
        {"contactId": 5, "eventId": 1, "triggerDate": FUTURE},
    ]
    answer = told(api.put("/api/campaigns/events/batch/edit", json=items))
    assert list(answer["events"]) == ["0"]
    assert {key: error["code"] for key, error in answer["errors"].items()} == {"1": 400, "2": 404}


def test_they_go_with_the_contact_and_stay_through_a_merge(api: httpx.Client, clickhouse: Client) -> None:
    first, second = new_contact(api), new_contact(api)
    put(api, first, 1, triggerDate=FUTURE)
    email = told(api.get(f"/api/contacts/{first}"))["contact"]["fields"]["all"]["email"]
    told(api.patch(f"/api/contacts/{second}/edit", json={"email": email}))
    assert len(entries(api, second)) == 1
    assert told(api.post(f"/api/contacts/{second}/campaignevents/1/cancel"))["success"] == 1
    told(api.delete(f"/api/contacts/{second}/delete"))
    sql = f"SELECT count() FROM records FINAL WHERE kind = 'scheduledevent' AND startsWith(id, '{first}-')"
    assert clickhouse.query(sql).result_rows == [(0,)]
