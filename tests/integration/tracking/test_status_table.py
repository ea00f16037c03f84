"""The table of statuses, bodies and cookies in the README of ingest, row by row against a real one."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
import pytest

from services.common.clickthrough import UNSUBSCRIBE_SALT, VIEW_SALT, Clickthrough, Clickthroughs
from services.ingest.answers import GIF
from tests.integration.site import BROWSER, WRITE_KEY, Site
from tests.processes import ROOT

README = ROOT / "services" / "ingest" / "README.md"
_ROW = re.compile(r"^\| `([A-Z]+) (\S+)` \| (.*?) ?\| (\d{3}) \| ([\w' ]+) \| ([\w ]+) \|$", re.MULTILINE)
COOKIES = {
    "both": {"mautic_device_id", "mtc_id"},
    "none": set(),
    "a no": {"mautic_consent", "mautic_device_id", "mtc_id"},
    "a yes": {"mautic_consent"},
}
PATHS = (
    "/mtc.js", "/mtc/event", "/mtc", "/mtracking.gif", "/r/", "/asset/", "/email/", "/video/hit", "/form/submit",
    "/form/message", "/dwc/", "/v1/batch", "/v1/drops",
    "/mtc/consent",
)  # fmt: skip


class Row(NamedTuple):
    method: str
    path: str
    given: str  # words of `GIVEN` and headers, separated by commas
    status: int
    body: str  # a word of `BODIES`
    cookies: str


def section() -> str:
    return README.read_text(encoding="utf-8").partition("## Which status when\n")[2].partition("\n## ")[0]


def rows() -> list[Row]:
    return [Row(*found[:3], int(found[3]), *found[4:]) for found in _ROW.findall(section())]


def _json(said: dict[str, Any]) -> Callable[[httpx.Response], bool]:
    """It is JSON with at least this in it."""
    return lambda answer: said.items() <= answer.json().items()


def _is_identity(answer: httpx.Response) -> bool:
    said = answer.json()
    return said["id"] > 0 and said["sid"] == said["device_id"] and set(said) == {"id", "sid", "device_id"}


def _is_hit(answer: httpx.Response) -> bool:
    said = answer.json()
    return said["id"] > 0 and said["success"] == 1 and said["device_id"] == said["sid"] and said["events"] == []


def _is_error(answer: httpx.Response) -> bool:
    [error] = answer.json()["errors"]
    return bool(error["code"] == answer.status_code and error["message"])


def _is(content_type: str) -> Callable[[httpx.Response], bool]:
    return lambda answer: answer.headers["content-type"].startswith(content_type) and bool(answer.content)


BODIES: dict[str, Callable[[httpx.Response], bool]] = {
    "empty": lambda answer: answer.content == b"",
    "GIF": lambda answer: answer.content == GIF and answer.headers["content-type"] == "image/gif",
    "script": _is("application/javascript"),
    "text": _is("text/plain"),
    "page": _is("text/html"),
    "error": _is_error,
    "hit": _is_hit,
    "nobody's hit": _json({"success": 1, "id": 0, "sid": None, "device_id": None, "events": []}),
    "identity": _is_identity,
    "nobody's identity": _json({"id": 0, "sid": None, "device_id": None}),
    "success": lambda answer: answer.json()["success"] in (1, True),
    "failure": lambda answer: answer.json()["success"] in (0, False),
    "report": lambda answer: set(answer.json()) == {"accepted", "dropped", "errors"},
    "drops": lambda answer: set(answer.json()) == {"counts", "drops"},
    "readiness": _json({"ready": True}),
}


@pytest.fixture(scope="module")
def made(site: Site) -> dict[str, str]:
    """What paths and bodies name: a link, a download, a form, a signed token."""

    def make(plural: str, **body: Any) -> dict[str, Any]:
        answer = site.api.post(f"/api/{plural}/new", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()[plural.removesuffix("s")]
        return found

    fields = [{"label": "E-mail", "alias": "email", "type": "email", "mappedField": "email", "isRequired": True}]
    contact_id = make("contacts", email=f"reader.{uuid.uuid4().hex}@example.com")["id"]
    return {
        "link": str(make("links", url="https://shop.example/")["id"]),
        "asset": str(make("assets", title="Prices", file="https://files.example/p.pdf")["id"]),
        "form": str(make("forms", name="News", fields=fields)["id"]),
        "token": make("clickthroughs", contact=contact_id)["ct"],
        "unsubscribe": Clickthroughs(("integration-tests",), salt=UNSUBSCRIBE_SALT).sign(
            Clickthrough(contact_id, 1 << 33)
        ),
        "view": Clickthroughs(("integration-tests",), salt=VIEW_SALT).sign(
            Clickthrough(contact_id, 1 << 33, {"email": make("emails", name="News", customHtml="<p>Hi</p>")["id"]})
        ),
    }


def given(site: Site, made: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What a request comes with, by the table's words: arguments of httpx."""
    form, email = {"mauticform[formId]": made["form"]}, {"mauticform[email]": f"{uuid.uuid4().hex}@example.com"}
    event = {"type": "page.hit", "email": f"{uuid.uuid4().hex}@example.com", "url": "https://shop.example/"}
    form_type = {"content-type": "application/x-www-form-urlencoded"}
    with httpx.Client(base_url=site.url, trust_env=False) as client:
        etag = client.get("/mtc.js").headers["etag"]
        cookie = f"mautic_device_id={client.get('/mtc').json()['device_id']}"
    texts = {
        "a page view": urlencode({"page_url": "https://shop.example/"}),
        "a no": "consent=deny",
        "a yes": "consent=grant",
        "a video": urlencode({"guid": "g", "url": "https://shop.example/f.mp4", "duration": 10, "total_watched": 5}),
        "a submission": urlencode({**form, **email}),
        "a submission without an address": urlencode(form),
        "a submission in a frame": urlencode({**form, **email, "mauticform[messenger]": "1"}),
        "70 KB": "a=" + "x" * 70_000,
    }
    batches = {"events": [event, event], "a bad event": [event, {"type": "no.such"}], "2001 events": [event] * 2_001}
    return {
        **{word: {"content": text, "headers": form_type} for word, text in texts.items()},
        **{word: {"content": json.dumps(events)} for word, events in batches.items()},
        "a key": {"headers": {"authorization": f"Bearer {WRITE_KEY}"}},
        "its ETag": {"headers": {"if-none-match": etag}},
        "our cookie": {"headers": {"cookie": cookie}},
        "a spoiled ct": {"params": {"ct": "garbage"}},
        "a foreign device": {"params": {"mautic_device_id": f"app-{uuid.uuid4().hex[:8]}"}},
        "a query of 17 KB": {"params": {"page_title": "x" * 17_000}},
        "headers of 33 KB": {"headers": {f"x-{number}": "x" * 3_300 for number in range(10)}},
    }  # fmt: skip


def answer_to(site: Site, row: Row, made: dict[str, str]) -> httpx.Response:
    headers, arguments = {"user-agent": BROWSER}, {}
    known = given(site, made)
    for word in filter(None, row.given.split(", ")):
        if word.startswith("`"):
            name, _, value = word.strip("`").partition(": ")
            headers[name] = value
        else:
            more = dict(known[word])
            headers |= more.pop("headers", {})
            arguments |= more
    path = re.sub(r"\{(\w+)\}", lambda found: made[found[1]], row.path)
    with httpx.Client(base_url=site.url, trust_env=False, timeout=15) as client:
        return client.request(row.method, path, headers=headers, **arguments)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.method} {row.path} {row.given}"[:80])
def test_a_row_says_what_is_answered(site: Site, made: dict[str, str], row: Row) -> None:
    answer = answer_to(site, row, made)
    assert answer.status_code == row.status, answer.text
    assert BODIES[row.body](answer), (row.body, answer.headers, answer.text)
    named = {line.partition("=")[0] for line in answer.headers.get_list("set-cookie")}
    assert named == COOKIES[row.cookies]


def test_no_row_is_overlooked_and_no_path_left_out() -> None:
    lines = [line for line in section().splitlines() if line.startswith("| ")]
    assert len(lines) - 1 == len(rows()) > 70, "all but the head"
    for path in PATHS:
        assert any(row.path.startswith(path) for row in rows()), path
