"""What happens now, in the web pages: hits as they arrive, the check of a site, the dashboard. In a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.processes import eventually
from tests.system.conftest import Stack
from tests.system.pictures import take_picture

SOON_MS = 15_000


def visit_shop(browser: Browser, stack: Stack, *paths: str) -> None:
    """Somebody else, in a browser of their own."""
    context = browser.new_context()
    shop = context.new_page()
    for path in paths:
        shop.goto(stack.url("demo", path))
        expect(shop.locator("#sent li").first).to_contain_text(stack.url("demo", path), timeout=SOON_MS)
    context.close()


def send_until_shown(page: Page, send: Callable[[], object], *selectors: str) -> None:
    """Again and again: services learn within a second or so that somebody watches, and tell of no hit before that."""

    def is_shown() -> bool:
        send()
        page.wait_for_timeout(1_000)
        return all(page.locator(selector).count() for selector in selectors)

    eventually(is_shown, f"the hits show: {selectors}", 30)


def test_hits_show_as_they_arrive_with_their_contact_and_why_one_was_dropped(
    browser: Browser, page: Page, stack: Stack
) -> None:
    page.goto(stack.url("contacts", "/ui/live"))

    def send() -> None:
        visit_shop(browser, stack, "/satchel")
        url = stack.url("ingest", "/mtracking.gif?page_url=https://shop.example/secret")
        httpx.get(url, headers={"Sec-GPC": "1"}, timeout=30)

    send_until_shown(page, send, "#hits li.stored", "#hits li.dropped")
    stored = page.locator("#hits li.stored").first
    expect(stored).to_contain_text("/satchel", timeout=SOON_MS)
    expect(stored.locator("a")).to_have_attribute("href", re.compile(r"^/ui/contacts/\d+$"))
    dropped = page.locator("#hits li.dropped").first
    expect(dropped).to_contain_text("Global Privacy Control", timeout=SOON_MS)
    expect(dropped).not_to_contain_text("secret")
    take_picture(page, "live")
    page.click("text=Hold")
    expect(page.locator("#poller.htmx-request")).to_have_count(0)  # what was asked before still comes
    before = page.locator("#hits li").count()
    visit_shop(browser, stack, "/pricing")
    page.wait_for_timeout(1_500)
    assert page.locator("#hits li").count() == before


def test_a_page_that_renews_itself_says_once_that_the_server_is_away_and_goes_on(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/live"))
    page.route("**/ui/live?*", lambda route: route.abort())
    note = page.get_by_text("The server does not answer.")
    expect(note).to_be_visible(timeout=SOON_MS)
    page.wait_for_timeout(2_500)
    assert note.count() == 1
    page.unroute("**/ui/live?*")
    with page.expect_response("**/ui/live?*") as renewed:
        pass
    assert renewed.value.ok


def test_the_check_of_a_site_waits_for_its_hits_and_says_that_all_is_well(
    browser: Browser, page: Page, stack: Stack
) -> None:
    page.goto(stack.url("contacts", "/ui/live/check"))
    expect(page.locator("#snippet")).to_contain_text("/mtc.js")
    page.fill("#site", stack.url("demo"))
    page.click("text=Wait for its hits")
    expect(page.locator("#steps")).to_contain_text("Waiting for the first hit")
    send_until_shown(page, lambda: visit_shop(browser, stack, "/satchel", "/pricing"), "#steps >> text=has arrived")
    expect(page.locator("#steps")).to_contain_text("A hit has arrived and is stored", timeout=SOON_MS)
    expect(page.locator("#steps h2")).to_contain_text("all is well", timeout=SOON_MS)
    take_picture(page, "check-site")


def test_the_check_of_a_site_says_that_its_origin_is_not_allowed(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/live/check?site=https://unknown.example"))
    headers, data = {"Origin": "https://unknown.example"}, {"page_url": "https://unknown.example/"}
    url = stack.url("ingest", "/mtc/event")
    send_until_shown(page, lambda: httpx.post(url, data=data, headers=headers, timeout=30), "#steps .wrong")
    expect(page.locator("#steps .wrong").first).to_contain_text("SPOOR_CORS_ORIGINS", timeout=SOON_MS)


def test_the_dashboard_counts_visitors_contacts_and_hits(browser: Browser, page: Page, stack: Stack) -> None:
    visit_shop(browser, stack, "/satchel")
    page.goto(stack.url("contacts", "/ui"))
    expect(page.locator("#numbers .number-card strong").first).to_have_text(re.compile("^[1-9]"), timeout=SOON_MS)
    expect(page.locator("svg.bars")).to_have_attribute("aria-label", re.compile("^[1-9].* hits accepted"))
    take_picture(page, "dashboard")
