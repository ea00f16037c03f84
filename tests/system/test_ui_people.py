"""The guide's chapter on working with contacts, in a real browser: searching, adding, many at once."""

from __future__ import annotations

import re
import uuid

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.system.conftest import LOGIN, Stack
from tests.system.pictures import take_picture


@pytest.fixture
def tag(stack: Stack) -> str:
    """Which three contacts carry."""
    mark = uuid.uuid4().hex[:8]
    with httpx.Client(base_url=stack.url("contacts"), auth=LOGIN, trust_env=False, timeout=30) as api:
        for number, name in enumerate(("Ada", "Grace", "Barbara")):
            said = {"firstname": name, "lastname": mark, "email": f"{name}-{mark}@example.com", "points": number}
            api.post("/api/contacts/new", json={**said, "tags": [f"t{mark}"]}).raise_for_status()
    return f"t{mark}"


def test_the_list_is_searched_while_somebody_types_with_help_by_keyboard(page: Page, stack: Stack, tag: str) -> None:
    page.goto(stack.url("contacts", "/ui/contacts"))
    page.keyboard.press("/")
    page.keyboard.type("tag")
    option = page.locator("#search-help [role=option]").first
    expect(option).to_contain_text("tag:")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#search")).to_have_value("tag:")
    page.keyboard.type(tag[:5])
    expect(page.locator("#search-help")).to_contain_text(tag)
    expect(page.locator("#search-help [role=option]")).to_have_count(1)
    take_picture(page, "search-help")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#list tbody tr")).to_have_count(3)
    expect(page).to_have_url(re.compile(tag))
    page.click("th a:has-text('Points')")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Points")
    expect(page.locator("#list tbody tr").first).to_contain_text("Barbara")
    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Last active")


def test_the_list_waits_for_the_value_of_a_command_unless_asked(page: Page, stack: Stack, tag: str) -> None:
    asked: list[str] = []
    page.clock.install()
    page.goto(stack.url("contacts", f"/ui/contacts?search=tag:{tag}"))
    page.on("request", lambda request: asked.append(request.url.partition("?")[0]))
    rows = page.locator("#list tbody tr")
    page.focus("#search")
    page.keyboard.press("End")
    page.keyboard.type(" !email:")
    page.clock.run_for(2_000)
    assert stack.url("contacts", "/ui/contacts") not in asked and stack.url("contacts", "/ui/contacts/help") in asked
    expect(rows).to_have_count(3)
    page.keyboard.type("ada")
    expect(rows).to_have_count(2)
    for _ in "ada":
        page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(page.locator("#list [role=alert]")).to_contain_text("Nothing stands behind email:")


def test_several_contacts_are_chosen_and_changed_in_a_dialog(page: Page, stack: Stack, tag: str) -> None:
    page.goto(stack.url("contacts", f"/ui/contacts?search=tag:{tag}"))
    expect(page.locator("[data-chosen]")).to_be_hidden()
    page.check("[data-all]")
    expect(page.locator("[data-chosen-count]")).to_have_text("3")
    page.uncheck("tbody tr >> nth=0 >> input[name=ids]")
    expect(page.locator("[data-chosen-count]")).to_have_text("2")
    page.click("summary:has-text('With these')")
    page.click("text=Change tags")
    expect(page.locator("dialog[open] h2")).to_have_text("Change tags")
    take_picture(page, "batch-dialog")
    page.fill("dialog #add", f"{tag}-new")
    page.click("dialog button:has-text('Change')")
    expect(page.locator("#notes")).to_contain_text("2 contacts affected")
    expect(page).to_have_url(stack.url("contacts", f"/ui/contacts?search=tag%3A{tag}"))
    page.goto(stack.url("contacts", f"/ui/contacts?search=tag:{tag}-new"))
    expect(page.locator("#list tbody tr")).to_have_count(2)


def test_quick_add_points_out_who_has_the_address_and_escape_leaves_it(page: Page, stack: Stack, tag: str) -> None:
    page.goto(stack.url("contacts", "/ui/contacts"))
    page.click("text=Quick add")
    expect(page.locator("dialog[open] h2")).to_have_text("Quick add")
    page.fill("dialog [name='field.email']", f"ada-{tag[1:]}@example.com")
    expect(page.locator("#duplicates a")).to_contain_text(f"Ada {tag[1:]}")
    take_picture(page, "quick-add")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    page.click("text=Quick add")
    page.fill("dialog [name='field.email']", f"new-{tag}@example.com")
    page.fill("dialog [name='field.firstname']", "Katherine")
    page.click("dialog button:has-text('Add')")
    expect(page.locator("h1")).to_contain_text("Katherine")


def test_a_new_contact_has_all_fields_in_tabs_and_an_error_opens_its_tab(page: Page, stack: Stack, tag: str) -> None:
    page.goto(stack.url("contacts", "/ui/contacts/new"))
    page.click("[role=tab]:has-text('Social')")
    expect(page.locator("[name='field.twitter']")).to_be_visible()
    expect(page.locator("[name='field.email']")).to_be_hidden()
    page.fill("[name='field.twitter']", "ada")
    page.click("[role=tab]:has-text('Core')")
    page.fill("[name='field.email']", "no address")
    page.click("[role=tab]:has-text('Social')")
    page.click("button:has-text('Save')")
    expect(page.locator("[name='field.email']")).to_be_visible()
    expect(page.locator("#field-email-wrong")).to_contain_text("not a valid email address")
    expect(page.locator("[name='field.twitter']")).to_have_value("ada")
    take_picture(page, "new-contact-error")
    page.fill("[name='field.email']", f"tabs-{tag}@example.com")
    page.click("button:has-text('Save')")
    expect(page.locator("h1")).to_contain_text(f"tabs-{tag}@example.com")


def test_columns_are_chosen_and_stay_chosen(page: Page, stack: Stack, tag: str) -> None:
    page.goto(stack.url("contacts", "/ui/contacts"))
    page.click("summary[aria-label=More]")
    page.click("text=Choose columns")
    page.check("dialog input[value=mobile]")
    page.click("text=Show these")
    expect(page.locator("th:has-text('Mobile')")).to_be_visible()
    page.reload()
    expect(page.locator("th:has-text('Mobile')")).to_be_visible()
