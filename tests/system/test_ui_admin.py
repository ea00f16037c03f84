"""Forms, users, tokens, templates and settings in the web pages, as whoever runs an installation uses them: in a real
browser."""

from __future__ import annotations

import re
import uuid

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.system.conftest import LOGIN, Stack
from tests.system.pictures import take_picture

SOON_MS = 15_000


def test_a_form_is_made_copied_into_a_page_submitted_and_its_submission_appears(
    browser: Browser, page: Page, stack: Stack
) -> None:
    page.goto(stack.url("contacts", "/ui/forms/new"))
    page.fill("#name", "Newsletter")
    page.click("text=Add a field")
    row = page.locator("fieldset", has_text="Field 2")
    row.get_by_label("Label").fill("Color")
    row.get_by_label("Type").select_option("radiogrp")
    row.locator("summary").click()
    row.get_by_label("Choices, one a line").fill("red\nblue")
    take_picture(page, "form-edit")
    page.click("text=Save the form")
    expect(page.locator("#form-html")).to_contain_text("mauticform[email]")
    take_picture(page, "form-html")
    html, form = page.locator("#form-html").inner_text(), page.url
    visitor = browser.new_context()
    shop = visitor.new_page()
    shop.set_content(html)
    email = f"{uuid.uuid4().hex[:8]}@forms.example"
    shop.get_by_label("Email").fill(email)
    shop.get_by_label("blue").check()
    shop.click("text=Submit")
    expect(shop.locator("body")).to_contain_text("Thank you")
    visitor.close()
    submission = page.locator("tbody tr", has_text=email)
    for _ in range(30):
        page.goto(f"{form}/submissions")
        if submission.count():
            break
        page.wait_for_timeout(500)
    expect(submission).to_contain_text("blue")
    take_picture(page, "form-submissions")
    submission.locator("a").first.click()
    expect(page.locator("h1").first).to_contain_text(email)


def test_a_form_asks_only_what_goes_with_the_type_that_is_chosen(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/fields"))
    page.click("[data-new]")
    choices, decimals = page.get_by_label("Choices"), page.get_by_label("Decimals")
    for kind, has_choices, has_decimals in (("text", False, False), ("select", True, False), ("number", False, True)):
        page.get_by_label("Type").select_option(kind)
        assert (choices.is_visible(), decimals.is_visible()) == (has_choices, has_decimals)
    take_picture(page, "field-new")
    page.goto(stack.url("contacts", "/ui/points/new"))
    expect(page.get_by_label("Address")).to_be_visible()
    page.get_by_label("For whoever").select_option("form.submit")
    expect(page.get_by_label("Address")).to_be_hidden()
    expect(page.get_by_label("Forms")).to_be_visible()
    page.goto(stack.url("contacts", "/ui/exports/new"))
    expect(page.get_by_label("Since")).to_be_hidden()
    page.select_option("#of", "events")
    expect(page.get_by_label("Since")).to_be_visible()


def test_a_role_is_ticked_and_a_user_of_it_sees_what_it_may(browser: Browser, page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/users/roles"))
    page.click("text=New role")
    page.get_by_label("Name").fill("Form keepers")
    page.get_by_label("Forms: everything").check()
    take_picture(page, "role")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("tbody")).to_contain_text("Form keepers")
    page.goto(stack.url("contacts", "/ui/users"))
    page.click("text=New user")
    dialog, name = page.locator("#dialog"), f"eve{uuid.uuid4().hex[:6]}"
    for label, text in (("User name", name), ("First name", "Eve"), ("Email", f"{name}@users.example"),
                        ("Password", "correct horse")):  # fmt: skip
        dialog.get_by_label(label).fill(text)
    dialog.get_by_label("Role").select_option(label="Form keepers")
    take_picture(page, "user-new")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("tbody")).to_contain_text(name)
    context = browser.new_context()
    hers = context.new_page()
    hers.goto(stack.url("contacts", "/ui/login?next=/ui/forms"))
    hers.fill("#username", name)
    hers.fill("#password", "correct horse")
    hers.click("button")
    expect(hers.locator("h1")).to_have_text("Forms")
    expect(hers.locator("#places a")).to_have_text(["Forms"])
    context.close()


def test_a_token_is_made_copied_used_and_revoked(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/me"))
    page.get_by_label("Name of the new token").fill("Nightly export")
    page.click("text=Make a token")
    token = page.locator("#new-token").inner_text()
    take_picture(page, "tokens")
    asked = {"Authorization": f"Bearer {token}"}
    assert httpx.get(stack.url("contacts", "/api/users/self"), headers=asked).status_code == 200
    page.get_by_role("link", name="Revoke Nightly export").click()
    page.locator("#dialog").get_by_role("button", name="Revoke it").click()
    expect(page.locator("#tokens")).to_contain_text("You have none.")
    page.wait_for_timeout(1_100)
    assert httpx.get(stack.url("contacts", "/api/users/self"), headers=asked).status_code == 401


def test_a_template_is_looked_at_where_its_scripts_do_not_run(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/emails/new"))
    page.get_by_label("Name").first.fill("Autumn news")
    page.get_by_label("HTML", exact=True).fill(
        "<h1>Autumn is here</h1><script>document.body.textContent = 'it ran'; top.location = '/ui/me'</script>"
        "<img src=x onerror=\"document.body.textContent = 'it ran'\"><a href='/ui/me' target=_top>out</a>"
    )
    page.get_by_role("button", name="Save").click()
    frame = page.frame_locator("iframe.mail-preview")
    expect(frame.locator("h1")).to_have_text("Autumn is here")
    frame.locator("a").click()
    page.wait_for_timeout(300)
    expect(frame.locator("body")).not_to_contain_text("it ran")
    assert re.search(r"/ui/emails/\d+$", page.url)
    take_picture(page, "email")


def test_settings_say_what_the_installation_runs_with_and_show_no_secret(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/settings"))
    expect(page.locator("#snippet")).to_contain_text("/mtc.js")
    expect(page.locator("#public-fields")).to_contain_text("Email")
    assert LOGIN[1] not in page.content()
    take_picture(page, "settings")
