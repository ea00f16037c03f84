"""The page of a contact in a real browser: it renews itself, is edited in place, shows places, merges and parts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from services.common.tables import EventRow, columns, encode_rows
from tests.integration.conftest import event_row
from tests.system.conftest import LOGIN, Stack
from tests.system.pictures import take_picture

SOON_MS = 15_000
WORST = ("serious", "critical")
NARROW = {"width": 390, "height": 800}


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url("contacts"), auth=LOGIN, trust_env=False, timeout=30) as client:
        yield client


def new(api: httpx.Client, **said: Any) -> int:
    said = {"email": f"c-{uuid.uuid4().hex[:8]}@x.org", **said}
    answer = api.post("/api/contacts/new", json=said)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["contact"]["id"])


def open_page(page: Page, stack: Stack, contact: int, rest: str = "") -> None:
    page.goto(stack.url("contacts", f"/ui/contacts/{contact}{rest}"))


def expect_accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert not [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in WORST]


def test_an_open_history_renews_itself_and_leaves_what_is_open_and_typed(
    page: Page, stack: Stack, api: httpx.Client
) -> None:
    contact = new(api, firstname="Ada", points=3)
    open_page(page, stack, contact)
    expect(page.locator("[data-chart] canvas")).to_be_visible()
    event = page.locator("#events li", has_text="Point gained")
    event.locator("summary").click()
    page.fill("#add-tag", "half typed")
    page.focus("#history-search")
    api.patch(f"/api/contacts/{contact}/edit", json={"firstname": "Augusta", "points": 8})
    expect(page.locator("#events li").first).to_contain_text("+5", timeout=SOON_MS)
    expect(page.locator("h1")).to_have_text("Augusta", timeout=SOON_MS)
    assert page.locator("#events li", has_text="API / +3").locator("details").get_attribute("open") is not None
    expect(page.locator("#add-tag")).to_have_value("half typed")
    expect(page.locator("#history-search")).to_be_focused()
    page.click(".history-filter summary:has-text('Include')")
    page.check(".kinds [name=include][value='lead.create']")
    expect(page.locator("#events > li")).to_have_count(1)
    expect_accessible(page)
    take_picture(page, "contact-history")


def test_a_value_is_edited_where_it_stands_with_the_keyboard_alone(page: Page, stack: Stack, api: httpx.Client) -> None:
    contact = new(api, city="Rome")
    open_page(page, stack, contact)
    page.focus("#value-city")
    page.keyboard.press("Enter")
    expect(page.locator("#field-city")).to_be_focused()
    page.keyboard.type("Nowhere")
    page.keyboard.press("Escape")
    expect(page.locator("#value-city")).to_have_text("Rome")
    expect(page.locator("#value-city")).to_be_focused()
    page.keyboard.press("Enter")
    page.fill("#field-city", "Paris")
    page.keyboard.press("Enter")
    expect(page.locator("#value-city")).to_have_text("Paris")
    page.click("#value-email")
    page.fill("#field-email", "no address")
    page.keyboard.press("Enter")
    expect(page.locator("#field-email-wrong")).to_be_visible()
    expect(page.locator("#field-email")).to_have_value("no address")
    take_picture(page, "contact-in-place")


def test_a_value_that_is_being_opened_is_not_lost_to_a_renewal(page: Page, stack: Stack, api: httpx.Client) -> None:
    contact = new(api, city="Rome")
    open_page(page, stack, contact)
    held: list[Route] = []
    page.route("**/fields/city", lambda route: held.append(route))
    page.click("#value-city")
    api.patch(f"/api/contacts/{contact}/edit", json={"firstname": "Augusta"})
    expect(page.locator("h1")).to_have_text("Augusta", timeout=SOON_MS)
    held[0].continue_()
    expect(page.locator("#field-city")).to_be_visible()


def test_places_are_on_a_map_and_no_request_leaves_the_machine(page: Page, stack: Stack, api: httpx.Client) -> None:
    contact = new(api)
    store_place(stack, contact)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, stack, contact)
    page.click("#tab-places")
    expect(page.locator("#map path.leaflet-interactive")).to_have_count(1, timeout=SOON_MS)
    expect(page.locator("#place-list")).to_contain_text("Berlin")
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {
        urlsplit(stack.url("contacts")).netloc
    }
    expect_accessible(page)
    take_picture(page, "contact-places")


def store_place(stack: Stack, contact: int) -> None:
    """As a hit from Berlin would have been stored."""
    row = event_row(uuid.uuid4().hex, contact, time.time(), {"url": "https://x.org/", "city": "Berlin"})
    row.latitude, row.longitude = 52.5, 13.4
    password = stack.folder / "data" / "clickhouse-password"
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=stack.ports["clickhouse"], username="spoor", database="spoor",
        password=password.read_text().strip(),
    )  # fmt: skip
    client.raw_insert("events", columns(EventRow), encode_rows([row]), fmt="JSONCompactEachRow")
    client.close()


def test_two_contacts_are_merged_and_parted_in_a_dialog(page: Page, stack: Stack, api: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    contact, other = new(api, firstname="Ada", lastname=mark), new(api, firstname="Augusta", lastname=mark)
    open_page(page, stack, contact)
    page.click("#head summary")
    page.click("#head a:has-text('Merge')")
    page.locator("#merge-search").press_sequentially(mark)
    page.click(f"#merge-found a:has-text('Augusta {mark}')")
    expect(page.locator("#dialog")).to_contain_text("Merged")
    expect_accessible(page)
    take_picture(page, "contact-merge")
    page.click("#dialog button:has-text('Merge')")
    expect(page.locator(".alert")).to_contain_text(str(other))
    page.click(".alert button:has-text('Undo')")
    expect(page.locator("#notes")).to_contain_text("undone")
    expect(page.locator("#aside")).not_to_contain_text(str(other))


def test_notes_switches_and_tags_work_without_leaving_the_page(page: Page, stack: Stack, api: httpx.Client) -> None:
    contact = new(api)
    segment = f"Segment {uuid.uuid4().hex[:8]}"
    api.post("/api/segments/new", json={"name": segment})
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    open_page(page, stack, contact)
    page.click("#tab-notes")
    page.click("text=Add a note")
    page.fill("#note-text", "Asked for an offer")
    page.select_option("#note-kind", "call")
    page.click("#dialog button:has-text('Save')")
    expect(page.locator("#note-list")).to_contain_text("Asked for an offer")
    page.click("#head summary")
    page.click("#head a:has-text('Segments')")
    page.get_by_role("switch", name=segment).check()
    expect(page.locator("#notes")).to_contain_text("Added.")
    page.click("#dialog [data-close]")
    page.fill("#add-tag", "vip")
    page.keyboard.press("Enter")
    expect(page.locator("#aside .tags")).to_contain_text("vip", timeout=SOON_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect_accessible(page)
    take_picture(page, "contact-narrow-dark")
