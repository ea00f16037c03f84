"""Who is not tracked, and that it can be looked up why."""

from __future__ import annotations

import httpx
import pytest

from services.ingest.answers import GIF
from tests.integration.services import LOGIN, Service
from tests.integration.site import WRITE_KEY, Site


def drops(site: Site, reason: str = "") -> list[dict[str, str]]:
    answer = site.ingest.http.get("/v1/drops", params={"reason": reason})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, str]] = answer.json()["drops"]
    return found


def test_visits_of_our_own_users_are_nobodys(site: Site, contacts_service: Service) -> None:
    page = contacts_service.http.get("/ui")
    with site.visitor() as user:
        user.headers["cookie"] = page.headers["set-cookie"].partition(";")[0]
        assert user.post("/mtc/event", data={"page_url": "a"}).json() == {"success": 0}
        assert user.get("/mtc").json() == {"id": 0, "sid": None, "device_id": None}
        answer = user.get("/mtracking.gif?page_url=a", headers={"referer": "https://shop.example/p?secret=1"})
        assert (answer.content, user.kept) == (GIF, {})
        user.headers["cookie"] = "spoor_user=forged.abc.def"
        assert user.post("/mtc/event", data={"page_url": "a"}).json()["success"] == 1
    newest = drops(site, "logged_in_user")[0]
    assert (newest["path"], newest["page"], newest["address"]) == (
        "/mtracking.gif", "https://shop.example/p", "127.0.0.0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({"sec-gpc": "1"}, "gpc"), ({"dnt": "1"}, "dnt"), ({"cookie": "mautic_consent=deny"}, "consent_withdrawn")],
)
def test_of_who_asks_not_to_be_tracked_nothing_is_kept(site: Site, headers: dict[str, str], reason: str) -> None:
    with site.visitor() as visitor:
        visitor.get("/mtracking.gif?page_url=a", headers={"referer": "https://shop.example/", **headers})
        reader = site.api.post("/api/contacts/new", json={"email": "reader@example.com"}).json()["contact"]["id"]
        made = site.api.post("/api/clickthroughs/new", json={"contact": reader}).json()["clickthrough"]
        visitor.get(made["pixelPath"], headers=headers)
    assert drops(site)[0]["path"] == "/email"
    newest = drops(site)[1]
    assert (newest["reason"], newest["page"], newest["address"], newest["user_agent"]) == (reason, "", "", "")


def test_drops_are_told_to_those_with_a_key_only(site: Site) -> None:
    url = f"{site.url}/v1/drops"
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, headers={"authorization": f"Bearer {WRITE_KEY}"}, trust_env=False).status_code == 200
    assert httpx.get(f"{url}?limit=x", auth=LOGIN, trust_env=False).status_code == 400
