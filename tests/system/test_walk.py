"""The README's walk in a real browser: one person, one history."""

from __future__ import annotations

import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.processes import Process, eventually
from tests.system.conftest import PASSWORD, Stack, new_stack

LOGIN = ("admin", PASSWORD)
DIGITS = re.compile(r"^\d+$")


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = browser.new_context(http_credentials={"username": LOGIN[0], "password": LOGIN[1]})
    yield context.new_page()
    context.close()


def visit(page: Page, stack: Stack, path: str) -> None:
    page.goto(stack.url("demo", path))
    expect_delivered(page, stack, path)


def expect_delivered(page: Page, stack: Stack, path: str) -> None:
    """The shop's panel shows the hit only when the tracking server has answered it."""
    expect(page.locator("#sent li").first).to_contain_text(stack.url("demo", path), timeout=10_000)
    expect(page.locator("#contact-id")).to_have_text(DIGITS)


def log_in(page: Page, email: str) -> None:
    page.fill("#email", email)
    page.click("#login button")
    expect(page.locator("#login-result a")).to_be_visible(timeout=10_000)


def test_anonymous_pages_and_a_new_name_are_one_history(page: Page, stack: Stack) -> None:
    email = f"ada-{uuid.uuid4().hex[:8]}@example.com"
    visit(page, stack, "/")
    anonymous = page.inner_text("#contact-id")
    page.click("text=Satchel Postbote")
    expect_delivered(page, stack, "/satchel")
    visit(page, stack, "/rucksack?utm_source=newsletter&utm_campaign=autumn")
    log_in(page, email)
    page.goto(stack.url("contacts", f"/history/{anonymous}"))
    for text in (email, "/satchel", "/rucksack", "newsletter"):
        expect(page.locator("body")).to_contain_text(text, timeout=15_000)


def test_a_second_visitor_with_the_same_address_joins_the_same_history(page: Page, stack: Stack) -> None:
    email = f"ada-{uuid.uuid4().hex[:8]}@example.com"
    visit(page, stack, "/satchel")
    first = page.inner_text("#contact-id")
    log_in(page, email)
    with page.expect_navigation():  # home again, as somebody new
        page.click("#forget")
    visit(page, stack, "/pricing")
    second = page.inner_text("#contact-id")
    assert second != first
    log_in(page, email)
    page.goto(stack.url("contacts", f"/history/{second}"))
    for text in (email, "/satchel", "/pricing"):
        expect(page.locator("body")).to_contain_text(text, timeout=15_000)


def test_what_was_seen_is_still_there_after_a_restart(tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    with stack.start() as process:
        answer = httpx.get(stack.url("ingest", "/mtc/event?page_url=before&email=ada@example.com"), trust_env=False)
        assert process.stop(signal.SIGINT, 60) == 0
    contact = answer.json()["id"]

    def pages() -> list[str]:
        url = stack.url("contacts", f"/api/contacts/{contact}/activity?filters[includeEvents][]=page.hit")
        body = httpx.get(url, auth=LOGIN, trust_env=False).json()
        return [event["details"]["hit"]["url"] for event in body.get("events", [])]

    with stack.start() as process:
        eventually(lambda: pages() == ["before"], "the hit of before the restart")
        assert process.stop(signal.SIGTERM, 60) == 0


def test_two_at_once_are_refused_with_one_clear_line(stack: Stack, tmp_path: Path) -> None:
    with Process("deploy.up", tmp_path / "second.log", stack.environ()) as second:
        assert second.wait(60) == 1
    assert "is in use" in second.said()
    assert len(second.said().strip().splitlines()) == 1
