"""What the answers of every service say about themselves, to browsers and to whoever looks for a hole."""

from __future__ import annotations

import re
import uuid

import httpx
import pytest

from tests.integration.security.conftest import NAMES, ORIGIN, Four

PATHS = {
    "ingest": ["/livez", "/readyz", "/metrics", "/mtc.js", "/mtracking.gif", "/mtc", "/mtc/event", "/form/message",
               "/r/none", "/v1/drops", "/v1/batch", "/nothing", "/email/spoiled.gif", "/dwc/x"],
    "identity": ["/livez", "/readyz", "/metrics", "/openapi.json", "/v1/resolve", "/nothing"],
    "contacts": ["/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/api/contacts", "/api/contacts/0",
                 "/ui/login", "/ui", "/ui/nothing", "/oauth/v2/authorize", "/oauth/v2/token", "/nothing"],
    "export": ["/livez", "/readyz", "/metrics", "/openapi.json", "/exports", "/exports/none", "/nothing"],
}  # fmt: skip


def answers(four: Four, name: str) -> list[httpx.Response]:
    clients = [four.http[name], four.logged_in[name]]
    return [client.request(method, path) for path in PATHS[name] for client in clients for method in ("GET", "POST")]


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_has_its_type_guessed(four: Four, name: str) -> None:
    found = [str(one.url) for one in answers(four, name) if one.headers.get("x-content-type-options") != "nosniff"]
    redirects = [str(one.url) for one in answers(four, name) if one.is_redirect]
    assert set(found) <= set(redirects)


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_tells_a_version_of_its_server_or_a_traceback(four: Four, name: str) -> None:
    for answer in answers(four, name):
        assert not re.search(r"\d", answer.headers.get("server", "")), answer.url
        assert "x-powered-by" not in answer.headers
        assert "Traceback" not in answer.text
        assert answer.status_code != 500, answer.url


@pytest.mark.parametrize("name", NAMES)
def test_every_page_says_what_may_run_in_it(four: Four, name: str) -> None:
    pages = [one for one in answers(four, name) if one.headers.get("content-type", "").startswith("text/html")]
    assert bool(pages) is (name in ("ingest", "contacts"))
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy, page.url
        assert "'unsafe-eval'" not in policy and not re.search(r"script-src[^;]*'unsafe-inline'", policy), page.url


def test_pages_where_something_can_be_done_are_never_within_those_of_others(four: Four) -> None:
    for path in ("/ui/login", "/ui/contacts", "/ui/me", "/oauth/v2/authorize", "/docs"):
        page = four.logged_in["contacts"].get(path)
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], path


def test_only_named_origins_read_answers_of_the_door_and_none_those_behind_it(four: Four) -> None:
    for origin, may_read in ((ORIGIN, True), ("https://evil.example", False), ("null", False),
                             (f"{ORIGIN}.evil.example", False), ("https://evil-shop.example", False)):  # fmt: skip
        answer = four.http["ingest"].post("/mtc/event", headers={"origin": origin})
        assert ("access-control-allow-origin" in answer.headers) is may_read, origin
    for name in ("identity", "contacts", "export"):
        for method in ("OPTIONS", "GET", "POST"):
            answer = four.logged_in[name].request(method, PATHS[name][4], headers={"origin": ORIGIN})
            assert "access-control-allow-origin" not in answer.headers


def test_a_page_of_another_site_changes_nothing_by_a_remembered_login(four: Four) -> None:
    elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    name = f"forged-{uuid.uuid4().hex[:8]}"
    for service, path in (("contacts", "/api/contacts/new"), ("export", "/exports"), ("identity", "/v1/merge"),
                          ("ingest", "/v1/batch")):  # fmt: skip
        answer = four.logged_in[service].post(path, data={"firstname": name}, headers=elsewhere)
        assert answer.status_code == 403, service
        assert "remembers" in answer.text
    assert four.logged_in["contacts"].get("/api/contacts", params={"search": name}).json()["total"] == "0"
    assert four.logged_in["contacts"].post("/api/contacts/new", data={"firstname": name}).status_code == 201
