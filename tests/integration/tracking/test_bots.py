"""Bots' hits are kept apart as they came, and come back when they are judged to be people's."""

from __future__ import annotations

import subprocess
import sys
import uuid

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client

from tests.integration.site import ENVIRON, Site
from tests.processes import ROOT, eventually


def test_a_bots_hit_comes_back_under_its_id_when_it_is_none_any_more(
    site: Site, valkey_url: str, clickhouse_url: str
) -> None:
    agent = f"Googlebot/2.1 Shop-{uuid.uuid4().hex}"
    with site.visitor() as visitor:
        visitor.headers["user-agent"] = agent
        contact_id = visitor.get("/mtc/event?page_url=https://shop.example/bot").json()["id"]
    client = connect(clickhouse_url)

    def kept_apart() -> list[tuple[str, str]]:
        query = "SELECT toString(event_id), verdict FROM bot_events FINAL WHERE user_agent = {agent:String}"
        return list(client.query(query, parameters={"agent": agent}).result_rows)

    eventually(lambda: len(kept_apart()) == 1, "the bot's hit")
    [(event_id, verdict)] = kept_apart()
    assert "Googlebot" in verdict
    assert site.history(contact_id) == []
    told = site.api.get("/api/bothits", params={"search": agent}).json()
    assert (told["total"], told["verdicts"]) == (1, {verdict: 1})
    assert (told["hits"][0]["url"], told["hits"][0]["verdict"]) == ("https://shop.example/bot", verdict)

    environ = {**ENVIRON, "SPOOR_REDIS_URL": valkey_url, "SPOOR_CLICKHOUSE_URL": clickhouse_url, "SPOOR_SECRET": "x"}
    assert agent not in reclassify(environ), "the lists say what they said before"
    environ["SPOOR_NOT_BOTS"] = agent
    with site.resolver_with(SPOOR_NOT_BOTS=agent):
        assert agent in reclassify(environ, "--dry-run")
        assert len(kept_apart()) == 1
        assert "1  hits come back" in reclassify(environ)
        [event] = site.events(contact_id, 1, "page.hit")
    assert event["eventId"] == f"page.hit{event_id}"
    assert kept_apart() == []
    client.close()


def test_a_mail_that_gmail_shows_is_opened_and_comes_back_where_it_was_a_bots(
    site: Site, valkey_url: str, clickhouse_url: str
) -> None:
    agent = f"Mozilla/5.0 Firefox/11.0 (via ggpht.com GoogleImageProxy) {uuid.uuid4().hex}"
    answer = site.api.post("/api/contacts/new", json={"email": f"ada.{uuid.uuid4().hex[:12]}@example.com"})
    reader = answer.json()["contact"]["id"]
    said = site.api.post("/api/clickthroughs/new", json={"contact": reader, "channel": {"email": 9}}).json()
    pixel, client = said["clickthrough"]["pixelPath"], connect(clickhouse_url)

    def kept_apart() -> list[str]:
        query = "SELECT type FROM bot_events FINAL WHERE user_agent = {agent:String} ORDER BY type"
        return [kind for (kind,) in client.query(query, parameters={"agent": agent}).result_rows]

    with site.visitor() as proxy:
        proxy.headers["user-agent"] = agent
        with site.resolver_with(SPOOR_BOTS=agent):
            proxy.get(pixel)
            proxy.get("/mtc/event?page_url=https://shop.example/proxied")
            eventually(lambda: kept_apart() == ["email.read", "page.hit"], "the proxy's hits")
    with site.visitor() as proxy:
        proxy.headers["user-agent"] = agent
        proxy.get(pixel)
    site.events(reader, 1, "email.read")
    environ = {**ENVIRON, "SPOOR_REDIS_URL": valkey_url, "SPOOR_CLICKHOUSE_URL": clickhouse_url, "SPOOR_SECRET": "x"}
    assert agent in reclassify(environ)
    site.events(reader, 2, "email.read")
    assert kept_apart() == ["page.hit"], "a page that it fetches has no reader"
    client.close()


def connect(clickhouse_url: str) -> Client:
    url = httpx.URL(clickhouse_url)
    return clickhouse_connect.get_client(
        host=url.host, port=url.port or 0, username=url.username, password=url.password, database="spoor"
    )


def reclassify(environ: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "services.identity.tools.reclassify", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=True)
    return done.stderr + done.stdout
