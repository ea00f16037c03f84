"""Segments in the web pages, as somebody makes one: in a real browser."""

from __future__ import annotations

import uuid

import httpx
from playwright.sync_api import Page, expect

from tests.system.conftest import LOGIN, Stack
from tests.system.pictures import take_picture

SOON_MS = 15_000


def test_a_segment_is_built_row_by_row_and_counted_while_it_is_made(page: Page, stack: Stack) -> None:
    city = f"City {uuid.uuid4().hex[:8]}"
    people = [{"firstname": f"Ada {n}", "city": city, "points": n, "tags": [city]} for n in range(3)]
    httpx.post(stack.url("contacts", "/api/contacts/batch/new"), json=people, auth=LOGIN, timeout=30).raise_for_status()
    page.goto(stack.url("contacts", "/ui/segments/new"))
    page.fill("#f-name", f"Of {city}")
    page.click("text=Add a filter")
    page.select_option("#f-0-what", "lead:city")
    page.fill("#f-0-value", city)
    expect(page.locator("#count")).to_contain_text("3 contacts, such as Ada 0", timeout=SOON_MS)
    page.click("button[value='add.and']")
    page.select_option("#f-1-what", "lead:points")
    page.select_option("#f-1-operator", "gte")
    page.fill("#f-1-value", "many")
    expect(page.locator("#count")).to_contain_text("Filter 2: The value must be a number", timeout=SOON_MS)
    page.fill("#f-1-value", "2")
    expect(page.locator("#count")).to_contain_text("1 contact, such as Ada 2", timeout=SOON_MS)
    page.click("button[value='add.or']")
    page.select_option("#f-2-what", "lead:tags")
    page.check(f"#filters input[value='{city}'][type=checkbox]")
    expect(page.locator("#count")).to_contain_text("3 contacts", timeout=SOON_MS)
    expect(page.locator("#f-0-value")).to_have_value(city)  # nothing that was typed is lost
    take_picture(page, "segment-builder")
    page.click("button[aria-label='Remove filter 3']")
    expect(page.locator("#count")).to_contain_text("1 contact,", timeout=SOON_MS)
    page.click("button.btn:has-text('Save')")
    expect(page.locator("h1")).to_have_text(f"Of {city}", timeout=SOON_MS)
    expect(page.locator(".filter-words")).to_contain_text("Points is at least 2")
    expect(page.locator(".facts dd").first).to_have_text("1", timeout=SOON_MS)
    take_picture(page, "segment")
    page.click("text=Delete its contacts")
    expect(page.locator("#dialog-title")).to_contain_text("Delete 1 contact of Of")
    page.click("#dialog button:has-text('Delete 1 contact')")
    page.wait_for_url("**/ui/jobs/*", timeout=SOON_MS)
    expect(page.locator("main")).to_contain_text("done", timeout=SOON_MS)
