"""Files of contacts in the web pages, as somebody brings and takes them: in a real browser."""

from __future__ import annotations

import csv
import re
import uuid
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.system.conftest import Stack
from tests.system.pictures import take_picture

DONE_MS = 20_000


def test_a_file_is_uploaded_mapped_watched_and_its_failed_row_is_told(page: Page, stack: Stack, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex[:8]
    file = tmp_path / "people.csv"
    file.write_text(f"E-mail;Vorname;Note\nada-{mark}@example.com;Ada;x\nno address;Bob;y\n", encoding="utf-8")
    page.goto(stack.url("contacts", "/ui/imports/new"))
    page.set_input_files("#file", file)
    page.click("text=Upload")
    expect(page.locator("h1")).to_have_text("people.csv", timeout=DONE_MS)
    expect(page.locator("#column-0")).to_have_value("email")
    page.select_option("#column-1", "firstname")
    page.select_option("#column-2", "")
    page.fill("#tags", f"fair-{mark}")
    take_picture(page, "import-mapping")
    page.click("text=Start the import")
    expect(page.locator("#progress")).to_contain_text("imported", timeout=DONE_MS)
    expect(page.locator("#progress")).to_contain_text("This value is not a valid email address")
    take_picture(page, "import-done")
    with page.expect_download() as download:
        page.click("text=as a file to mend and import")
    assert "no address" in download.value.path().read_text()
    page.click("text=new contacts")
    expect(page.locator("table")).to_contain_text(f"ada-{mark}@example.com")


def test_an_export_is_asked_for_watched_and_downloaded(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/contacts?kind=known"))
    page.click("summary[aria-label=More]")
    page.click("text=Export this list")
    expect(page.locator("#export-search")).to_have_value("!is:anonymous")
    expect(page.locator("#since")).to_be_hidden()
    page.check("input[value=email]")
    page.click("text=Make it")
    expect(page.locator("tbody tr").first).to_contain_text("done", timeout=DONE_MS)
    take_picture(page, "exports")
    with page.expect_download() as download:
        page.click("text=Download >> nth=0")
    assert download.value.suggested_filename.endswith(".csv")
    rows = list(csv.reader(download.value.path().read_text().splitlines()))
    assert rows[0] == ["email"]
    page.locator("button[aria-label=Remove]").first.click()
    expect(page.locator("#notes")).to_contain_text("removed")


def test_an_export_that_cannot_be_made_says_why_beside_what_was_typed(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/exports/new?search=(ada"))
    page.click("text=Make it")
    expect(page.locator("[role=alert]").first).to_have_text(re.compile("."))
    expect(page.locator("#export-search")).to_have_value("(ada")
