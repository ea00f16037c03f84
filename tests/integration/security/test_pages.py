"""Whatever somebody is called, or says: no page of ours runs it, and none leads to where it says."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.integration.security.conftest import PASSWORD, Four
from tests.integration.site import BROWSER
from tests.processes import eventually

HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}${7*7}"
SCRIPT_ADDRESS = "javascript:alert(1)//https://x.org/"
MOST_PAGES = 150
LEADING = ("href", "src", "action", "formaction", "hx-get", "hx-post", "hx-delete", "data-href")
# Of each room of the API the bodies of things that have a text wherever one may stand.
THINGS = {
    "tags": {"tag": "{0}", "description": "{0}"},
    "stages": {"name": "{0}", "description": "{0}"},
    "segments": {"name": "{0}", "description": "{0}", "publicName": "{0}"},
    "campaigns": {"name": "{0}", "description": "{0}"},
    "categories": {"title": "{0}", "bundle": "global", "description": "{0}"},
    "emails": {"name": "{0}", "subject": "{0}", "customHtml": "<p>{0}</p>", "fromName": "{0}"},
    "forms": {"name": "{0}", "postAction": "message", "postActionProperty": "{0}",
              "fields": [{"label": "{0}", "alias": "mail", "type": "text"}]},
    "points": {"name": "{0}", "description": "{0}", "type": "url.hit", "delta": 1, "properties": {"page_url": "{0}"}},
    "points/groups": {"name": "{0}", "description": "{0}"},
    "points/triggers": {"name": "{0}", "description": "{0}", "points": 5, "color": "a0acb8"},
    "hooks": {"name": "{0}", "description": "{0}", "webhookUrl": "https://x.org/",
              "triggers": ["mautic.lead_post_save_new"]},
    "roles": {"name": "{0}", "description": "{0}", "isAdmin": True},
    "credentials": {"name": "{0}", "redirectUris": ["https://x.org/back"]},
    "fields/contact": {"label": "{0}", "type": "text", "group": "core"},
    "companies": {"companyname": "{0}", "companycity": "{0}"},
    "assets": {"title": "{0}", "file": "https://x.org/a.pdf"},
    "links": {"name": "{0}", "url": "https://x.org/"},
}  # fmt: skip


class Page(HTMLParser):
    """Where it leads, and what of it would run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.runs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.leads += [said[name].strip() for name in LEADING if name in said]
        self.runs += [f"{tag} {name}" for name in said if name.startswith("on") or name in ("style", "srcdoc")]
        if (tag == "script" and not said.get("src", "").startswith("/ui/")) or said.get("src") == "x":
            self.runs.append(tag)


@pytest.fixture(scope="module")
def contact_id(four: Four) -> int:
    """Of a contact whose every word is hostile, with a history that is."""
    api, mark = four.logged_in["contacts"], uuid.uuid4().hex[:8]
    for path, body in THINGS.items():
        api.post(f"/api/{path}/new", json=_filled(body, f"{HOSTILE}{mark}"))
    fields = api.get("/api/contacts/list/fields").json()
    texts = {one["alias"]: HOSTILE for one in fields if one["type"] in ("text", "textarea", "lookup", "html")}
    made = api.post("/api/contacts/new", json={**texts, "website": SCRIPT_ADDRESS, "tags": [f"{HOSTILE}{mark}"],
                                               "company": HOSTILE, "email": f"{mark}@x.org"})  # fmt: skip
    assert made.status_code == 201, made.text
    number = int(made.json()["contact"]["id"])
    api.post("/api/notes/new", json={"lead": number, "text": HOSTILE, "type": "general"})
    api.post(f"/api/contacts/{number}/dnc/email/add", json={"reason": 3, "comments": HOSTILE})
    said = {"email": f"{mark}@x.org", "page_url": SCRIPT_ADDRESS, "page_title": HOSTILE, "utm_source": HOSTILE,
            "page_referrer": SCRIPT_ADDRESS}  # fmt: skip
    for agent in (HOSTILE, f"{BROWSER} {HOSTILE}"):  # the first may be a bot
        four.http["ingest"].post("/mtc/event", data=said, headers={"user-agent": agent, "referer": SCRIPT_ADDRESS})
    eventually(lambda: "page.hit" in str(_history(api, number)), "the hit in the history")
    api.post("/api/imports/new?name=a.csv", content=f"email,{HOSTILE}\n{HOSTILE},{HOSTILE}\n".encode(),
             headers={"content-type": "text/csv"})  # fmt: skip
    return number


def test_nothing_that_anybody_said_runs_on_any_page_or_is_a_place_to_go_to(four: Four, contact_id: int) -> None:
    seen, shown = 0, 0
    with httpx.Client(base_url=four.http["contacts"].base_url, trust_env=False, timeout=30) as browser:
        browser.post("/ui/login", data={"username": "admin", "password": PASSWORD},
                     headers={"sec-fetch-site": "same-origin"})  # fmt: skip
        for path, text, page in _pages(browser, contact_id):
            seen += 1
            shown += "&lt;img src=x" in text
            assert page.runs == [], path
            odd = [one for one in page.leads if one.lower().startswith(("javascript:", "data:text", "vbscript:"))]
            assert odd == [], path
    assert seen > 30, "pages were found"
    assert shown > 10, "and showed what was said"


def test_a_page_of_the_list_that_was_searched_shows_the_search_as_text(four: Four) -> None:
    api = four.logged_in["contacts"]
    for path in ("/ui/contacts", "/ui/tags", "/ui/users", "/ui/live", "/ui/nothing"):
        page = api.get(path, params={"search": HOSTILE, "q": HOSTILE, "page": HOSTILE, "next": HOSTILE}).text
        assert Page(page).runs == [], path


def _pages(browser: httpx.Client, contact_id: int) -> Iterator[tuple[str, str, Page]]:
    """Of each kind three, but for what the browser shows in a frame where nothing runs."""
    waiting, known = ["/ui", f"/ui/contacts/{contact_id}", f"/ui/contacts/{contact_id}/edit"], set[str]()
    kinds: dict[str, int] = {}
    while waiting and len(known) < MOST_PAGES:
        path = waiting.pop(0)
        kind = re.sub(r"\d+", "0", path.partition("?")[0])
        if path in known or kinds.get(kind, 0) >= 3:
            continue
        known.add(path)
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = browser.get(path)
        is_page = answer.headers.get("content-type", "").startswith("text/html")
        if not is_page or answer.headers["content-security-policy"].startswith("sandbox;"):
            continue
        page = Page(answer.text)
        yield path, answer.text, page
        for said in page.leads:
            parts = urlsplit(urljoin(path, said))
            if not parts.netloc and parts.path.startswith("/ui") and "/assets/" not in parts.path:
                waiting.append(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _filled(body: object, text: str) -> object:
    if isinstance(body, dict):
        return {name: _filled(value, text) for name, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, text) for value in body]
    return body.replace("{0}", text) if isinstance(body, str) else body


def _history(api: httpx.Client, number: int) -> object:
    return api.get(f"/api/contacts/{number}/activity").json()
