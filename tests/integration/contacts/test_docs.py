"""The page about the API, and the document that it is made of, as the running service gives them to anybody."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from services.contacts.docs.not_served import NOT_SERVED


@pytest.fixture
def anybody(api: httpx.Client) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.base_url, trust_env=False, timeout=30) as client:
        yield client


def test_anybody_reads_the_page_and_it_runs_no_script(anybody: httpx.Client) -> None:
    answer = anybody.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert f"export SPOOR={str(anybody.base_url).rstrip('/')} " in answer.text
    assert "<script" not in answer.text
    assert not re.search(r'(src|href)="https?://', answer.text)
    assert not re.search(r"\sstyle=", answer.text)


def test_its_style_is_served_beside_it(anybody: httpx.Client) -> None:
    answer = anybody.get("/docs.css")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in answer.text


def test_it_names_every_path_and_every_resource_that_is_not_served(anybody: httpx.Client) -> None:
    page = html.unescape(anybody.get("/docs").text)
    paths = anybody.get("/openapi.json").json()["paths"]
    assert [path for path in paths if f">{path}</code>" not in page] == []
    assert [name for name in NOT_SERVED if f"/api/{name}</code>" not in page] == []


def test_a_newcomer_finds_how_to_log_in_page_search_and_read_errors(anybody: httpx.Client) -> None:
    page = html.unescape(anybody.get("/docs").text)
    start = page.partition('<section id="start">')[2].partition("</section>")[0]
    for word in ("HTTP Basic", "Authorization: Bearer", "#post_tokens_new", "#post_oauth_v2_token", "start=30",
                 "search=email:", "orderBy", "Retry-After", '"details"'):  # fmt: skip
        assert word in start


def test_every_link_leads_somewhere(anybody: httpx.Client) -> None:
    page = anybody.get("/docs").text
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
