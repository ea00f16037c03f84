"""The page about the API in a real browser: by keyboard, from a link, in the dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.conftest import Stack

OPERATION = "#post_contacts_id_dnc_channel_add"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    yield page
    assert said == []  # nor did the policy refuse anything
    context.close()


def test_operations_open_by_keyboard(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/docs"))
    first = page.locator("details").first
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(first.locator("pre").first).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('details') !== null")


def test_the_first_tab_leads_to_the_operations(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/docs"))
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()


def test_a_link_to_an_operation_opens_it(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", f"/docs{OPERATION}"))
    expect(page.locator(OPERATION)).to_be_visible()


def test_it_is_dark_for_those_who_want_it_so(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/docs"))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 27, 32)"
