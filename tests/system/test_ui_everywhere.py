"""What holds on every page: nothing leaves the machine, nothing breaks, and everybody can use it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.system.conftest import LOGIN, Stack, log_in
from tests.system.pictures import take_picture

EVIL = "<img src=x onerror=alert(1)>'\"{{7*7}}"
# Beside those that the menu leads to; {contact} and {segment} are some.
MORE = (
    "/ui/contacts?search=(", "/ui/contacts/quick", "/ui/contacts/new", "/ui/contacts/{contact}",
    "/ui/contacts/{contact}?tab=notes", "/ui/contacts/{contact}?tab=audit", "/ui/contacts/{contact}/edit",
    "/ui/contacts/{contact}/erase", "/ui/segments/new", "/ui/segments/{segment}", "/ui/companies/new", "/ui/fields/new",
    "/ui/imports/new", "/ui/exports/new", "/ui/live/check?site=https://shop.example", "/ui/me", "/ui/nothing",
)  # fmt: skip


@pytest.fixture(scope="module")
def people(stack: Stack) -> dict[str, int]:
    """A contact whose every text is hostile, and a segment of it."""
    with httpx.Client(base_url=stack.url("contacts"), auth=LOGIN, trust_env=False, timeout=30) as api:
        said: dict[str, Any] = {"firstname": EVIL, "lastname": EVIL, "company": EVIL, "city": EVIL, "tags": [EVIL],
                                "email": f"evil-{uuid.uuid4().hex[:8]}@example.com", "twitter": EVIL}  # fmt: skip
        contact = api.post("/api/contacts/new", json=said).json()["contact"]["id"]
        api.post("/api/notes/new", json={"lead": contact, "text": EVIL, "type": "general"})
        segment = api.post("/api/segments/new", json={"name": EVIL, "description": EVIL}).json()["list"]["id"]
        api.post("/api/stages/new", json={"name": EVIL, "weight": 99})
    return {"contact": contact, "segment": segment}


@pytest.fixture(scope="module")
def seen(browser: Browser, stack: Stack) -> Iterator[tuple[Page, list[str]]]:
    """A page, and what went wrong on it."""
    context = browser.new_context(color_scheme="light")
    page, wrong = context.new_page(), list[str]()
    log_in(page, stack)
    page.on("request", lambda request: _note_host(request.url, stack, wrong))
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on("dialog", lambda dialog: (wrong.append(f"{page.url}: a dialog opens"), dialog.dismiss()))
    page.on("console", lambda said: _note_console(said.type, said.text, page.url, wrong))
    yield page, wrong
    context.close()


def _note_host(url: str, stack: Stack, wrong: list[str]) -> None:
    if not url.startswith((stack.url("contacts"), "data:")):
        wrong.append(f"a request leaves for {url}")


def _note_console(kind: str, text: str, url: str, wrong: list[str]) -> None:
    is_answer = "Failed to load resource" in text and ("404" in text or "422" in text)
    if kind in ("error", "warning") and not is_answer:
        wrong.append(f"{url}: {text}")


def places(page: Page, stack: Stack, people: dict[str, int]) -> list[str]:
    page.goto(stack.url("contacts", "/ui"))
    menu = page.eval_on_selector_all("nav a", "links => links.map(link => link.getAttribute('href'))")
    assert len(menu) > 12
    return [*menu, *(path.format(**people) for path in MORE)]


def test_every_page_is_whole_stays_on_the_machine_and_can_be_used_by_everybody(
    seen: tuple[Page, list[str]], stack: Stack, people: dict[str, int]
) -> None:
    page, wrong = seen
    axe, found = Axe(), []
    for path in places(page, stack, people):
        answer = page.goto(stack.url("contacts", path))
        assert answer is not None
        expected = {"/ui/nothing": 404, "/ui/contacts?search=(": 422}.get(path, 200)
        if answer.status != expected:
            wrong.append(f"{path} answers {answer.status}")
        if page.locator("h1").count() != 1:
            wrong.append(f"{path} has {page.locator('h1').count()} h1")
        expect(page.locator(".htmx-request")).to_have_count(0)
        violations = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).response
        found += [f"{path}: {one['id']} {one['nodes'][0]['html'][:160]}" for one in violations["violations"]
                  if one["impact"] in ("serious", "critical")]  # fmt: skip
        _rest(page)
    assert not [*wrong, *found], "\n".join([*wrong, *found])


def _rest(page: Page) -> None:
    """A request that is under way when a page is left is aborted, which htmx calls an error."""
    page.evaluate("document.addEventListener('htmx:beforeRequest', (event) => event.preventDefault())")
    expect(page.locator(".htmx-request")).to_have_count(0)


def test_every_page_fits_a_small_screen_and_is_readable_in_the_dark(
    browser: Browser, stack: Stack, people: dict[str, int]
) -> None:
    context = browser.new_context(color_scheme="dark", viewport={"width": 390, "height": 800})
    page, wrong, axe = context.new_page(), list[str](), Axe()
    log_in(page, stack)
    for path in places(page, stack, people):
        page.goto(stack.url("contacts", path))
        expect(page.locator(".htmx-request")).to_have_count(0)  # what is under way is pale
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 390:
            wrong.append(f"{path} is {width} wide")
        contrast = axe.run(page, options={"runOnly": ["color-contrast"]}).response["violations"]
        wrong += [f"{path}: {one['nodes'][0]['html'][:160]}" for one in contrast]
    take_picture(page, "small-and-dark")
    context.close()
    assert not wrong, "\n".join(wrong)


def test_the_pages_can_be_used_without_a_script(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, stack)
    page.goto(stack.url("contacts", "/ui/contacts?search=nobody-like-this"))
    expect(page.locator("#list")).to_contain_text("Nobody like that")
    page.click("text=look at all")
    expect(page).to_have_url(stack.url("contacts", "/ui/contacts"))
    page.click("th a:has-text('Points')")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Points")
    context.close()
