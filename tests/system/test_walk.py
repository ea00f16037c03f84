"""The README's walk in a real browser: one person, one history."""

from __future__ import annotations

import re
import uuid

from playwright.sync_api import Page, expect

from tests.system.conftest import Stack

DIGITS = re.compile(r"^\d+$")


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
    page.goto(stack.url("contacts", f"/ui/contacts/{anonymous}"))
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
    page.goto(stack.url("contacts", f"/ui/contacts/{second}"))
    for text in (email, "/satchel", "/pricing"):
        expect(page.locator("body")).to_contain_text(text, timeout=15_000)


def test_another_address_on_the_same_device_leads_to_another_history(page: Page, stack: Stack) -> None:
    his, hers = (f"{name}-{uuid.uuid4().hex[:8]}@example.com" for name in ("bob", "ada"))
    visit(page, stack, "/satchel")
    log_in(page, his)
    first = page.inner_text("#contact-id")
    log_in(page, hers)
    expect(page.locator("#contact-id")).not_to_have_text(first, timeout=15_000)
    page.click("#login-result a")
    expect(page.locator("body")).to_contain_text(hers, timeout=15_000)
    expect(page.locator("body")).not_to_contain_text(his)
