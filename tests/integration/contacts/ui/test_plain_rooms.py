"""Campaigns, categories, rules, groups and triggers of points, and webhooks in the web pages."""

from __future__ import annotations

import time
import uuid
from typing import Any, NamedTuple

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.integration.contacts.ui.logins import HOSTILE, HTMX, logged_in, page, went, words


class Room(NamedTuple):
    path: str
    api: str
    singular: str
    data: dict[str, Any]
    wrong: dict[str, Any]
    name: str = "name"

    def made(self, api: httpx.Client, **said: Any) -> dict[str, Any]:
        """By the page; as the API has it then."""
        name = f"made {uuid.uuid4().hex[:8]}"
        went(api.post(f"{self.path}/new", data={self.name: name, "isPublished": "1", **self.data, **said}))
        plural = {"category": "categories"}.get(self.singular, f"{self.singular}s")
        newest = {"orderBy": "id", "orderByDir": "DESC", "limit": 1}
        return dict(told(api.get(self.api, params=newest))[plural][0])


CAMPAIGN = Room("/ui/campaigns", "/api/campaigns", "campaign", {}, {"name": ""})
CATEGORY = Room("/ui/categories", "/api/categories", "category", {"bundle": "email"}, {"color": "red"}, "title")
RULE = Room("/ui/points", "/api/points", "point", {"type": "url.hit", "delta": "5", "properties[page_url]": "/x*"},
            {"properties[page_url]": ""})  # fmt: skip
GROUP = Room("/ui/points/groups", "/api/points/groups", "pointGroup", {}, {"name": "x" * 200})
TRIGGER = Room("/ui/points/triggers", "/api/points/triggers", "trigger", {"points": "50"}, {"points": "many"})
HOOK = Room("/ui/webhooks", "/api/hooks", "hook", {"webhookUrl": "https://hooks.example/x", "eventsOrderbyDir": "ASC"},
            {"webhookUrl": "nowhere"})  # fmt: skip
ROOMS = pytest.mark.parametrize("room", [CAMPAIGN, CATEGORY, RULE, GROUP, TRIGGER, HOOK], ids=lambda room: room.path)


@ROOMS
def test_one_is_made_listed_edited_and_deleted_after_a_question(api: httpx.Client, room: Room) -> None:
    one = room.made(api, **{room.name: HOSTILE, "description": HOSTILE})
    assert one[room.name] == HOSTILE
    page(api.get(room.path))
    page(api.get(f"{room.path}/{one['id']}/edit"))
    data = {**room.data, room.name: "renamed"}
    went(api.post(f"{room.path}/{one['id']}/edit", data=data))
    now = told(api.get(f"{room.api}/{one['id']}"))[room.singular]
    assert (now[room.name], now["isPublished"]) == ("renamed", False)
    assert "Delete" in words(api.get(f"{room.path}/{one['id']}/delete", headers=HTMX))
    went(api.post(f"{room.path}/{one['id']}/delete"))
    assert api.get(f"{room.api}/{one['id']}").status_code == 404


@ROOMS
def test_what_is_wrong_is_said_beside_its_field(api: httpx.Client, room: Room) -> None:
    [wrong] = room.wrong
    data = {room.name: "Kept as typed", **room.data, **room.wrong}
    said = page(api.post(f"{room.path}/new", data=data, headers=HTMX), 422)
    assert f'id="f-{wrong}-wrong"' in said
    assert wrong == "name" or 'value="Kept as typed"' in said


@ROOMS
def test_who_may_not_change_them_sees_no_buttons_and_is_refused(api: httpx.Client, room: Room) -> None:
    room.made(api)
    looking = {"campaign__campaigns": ["viewother"], "category__categories": ["view"], "point__points": ["view"],
               "point__groups": ["view"], "point__triggers": ["view"], "webhook__webhooks": ["viewother"],
               "lead__leads": ["viewother"]}  # fmt: skip
    with logged_in(api, **looking) as ada:
        shown = page(ada.get(room.path))
        assert f"{room.path}/new" not in shown
        assert "/delete" not in shown
        assert ada.post(f"{room.path}/new", data={room.name: "x", **room.data}).status_code == 403


def test_a_rule_keeps_the_properties_of_its_type_alone(api: httpx.Client) -> None:
    form = told(api.post("/api/forms/new", json={"name": "Newsletter"}), 201)["form"]["id"]
    rule = RULE.made(api, type="form.submit", forms=str(form))
    assert (rule["properties"], rule["delta"], rule["repeatable"]) == ({"forms": [str(form)]}, 5, False)
    shown = page(api.get(f"/ui/points/{rule['id']}/edit"))
    assert f'<option value="{form}" selected>' in shown
    went(api.post(f"/ui/points/{rule['id']}/edit", data={"name": "Prices", **RULE.data, "repeatable": "1"}))
    rule = told(api.get(f"/api/points/{rule['id']}"))["point"]
    assert (rule["type"], rule["properties"], rule["repeatable"]) == ("url.hit", {"page_url": "/x*"}, True)


def test_the_page_of_a_campaign_lists_its_members_and_copies_it(api: httpx.Client) -> None:
    campaign = CAMPAIGN.made(api, description="For the autumn")
    contact = told(api.post("/api/contacts/new", json={"firstname": HOSTILE}), 201)["contact"]["id"]
    assert api.post(f"/api/campaigns/{campaign['id']}/contact/{contact}/add").status_code == 200
    shown = api.get(f"/ui/campaigns/{campaign['id']}")
    assert "1 member" in words(shown)
    assert f'href="/ui/contacts/{contact}"' in shown.text
    assert "alert(1)" in words(shown)
    copy = int(went(api.post(f"/ui/campaigns/{campaign['id']}/clone")).split("/")[-2])
    assert copy != campaign["id"]
    assert "not published" in words(api.get(f"/ui/campaigns/{copy}"))


def test_a_webhook_is_told_of_what_is_chosen_and_of_nothing_that_is_taken_away(api: httpx.Client) -> None:
    triggers = ["mautic.lead_post_save_new", "mautic.page_on_hit"]
    hook = HOOK.made(api, triggers=triggers)
    assert hook["triggers"] == triggers
    data = {**HOOK.data, "name": "Visits", "triggers": triggers[1:], "secret": hook["secret"]}
    assert hook["secret"] in page(api.get(f"/ui/webhooks/{hook['id']}/edit"))
    went(api.post(f"/ui/webhooks/{hook['id']}/edit", data=data))
    now = told(api.get(f"/api/hooks/{hook['id']}"))["hook"]
    assert (now["triggers"], now["secret"]) == (triggers[1:], hook["secret"])


def test_the_page_of_a_webhook_shows_the_calls_that_went_wrong(api: httpx.Client) -> None:
    hook = HOOK.made(api, webhookUrl="http://127.0.0.1:9/x", triggers="mautic.company_post_save")
    assert "It was not called yet" in words(api.get(f"/ui/webhooks/{hook['id']}"))
    told(api.post("/api/companies/new", json={"companyname": f"Acme {uuid.uuid4().hex}"}), 201)
    deadline = time.monotonic() + 15
    while "not reached" not in (said := words(api.get(f"/ui/webhooks/{hook['id']}"))):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
    assert hook["secret"] not in said
    assert "What went wrong" in said
    went(api.post(f"/ui/webhooks/{hook['id']}/delete"))
