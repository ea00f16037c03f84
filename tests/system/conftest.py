"""The whole stack as `./just up` starts it, and a real browser."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.processes import Process, free_port
from tests.system.tracker import Tracker, run_tracker, snippet

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
PASSWORD = "system-tests"
LOGIN = ("admin", PASSWORD)
expect.set_options(timeout=30_000)  # a deadline that is met costs nothing on a slow machine


@dataclasses.dataclass(frozen=True)
class Stack:
    """Where a started stack listens; everything on 127.0.0.1."""

    folder: Path
    ports: dict[str, int]

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def environ(self) -> dict[str, str]:
        return {
            "SPOOR_DATA_DIR": str(self.folder / "data"),
            "SPOOR_ADMIN_PASSWORD": PASSWORD,
            **{f"SPOOR_{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
        }

    def start(self) -> Process:
        """`up`, ready for use."""
        log = self.folder / "up.log"
        log.unlink(missing_ok=True)
        process = Process("deploy.up", log, self.environ())
        process.wait_until(lambda: "Spoor runs" in process.said(), "up is ready", 90)
        return process


def new_stack(folder: Path) -> Stack:
    names = ("ingest", "identity", "contacts", "export", "demo", "redis", "clickhouse")
    return Stack(folder, {name: free_port() for name in names})


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = new_stack(tmp_path_factory.mktemp("stack"))
    with stack.start() as process:
        yield stack
        assert process.stop(signal.SIGINT, 60) == 0


@pytest.fixture(scope="module")  # as long as it is open, no other event loop can run
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail("chromium is missing; install it: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Logged in to the web pages."""
    context = browser.new_context()
    page = context.new_page()
    log_in(page, stack)
    yield page
    context.close()


def log_in(page: Page, stack: Stack) -> None:
    page.goto(stack.url("contacts", "/ui/login"))
    page.fill("#username", LOGIN[0])
    page.fill("#password", LOGIN[1])
    page.click("button")
    page.wait_for_url(lambda url: "/login" not in url)


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with run_tracker() as tracker:
        yield tracker


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, tracker: Tracker) -> Iterator[Visit]:
    """Opens a page with the snippet and these calls; `localhost` is another site than the tracker's 127.0.0.1."""
    context = browser.new_context(locale="en-GB", timezone_id="Europe/Berlin")

    def open_page(calls: str, html: str = "", name: str = "mt", path: str = "/mtc.js") -> Page:
        script = snippet(tracker.url + path, name) + calls
        tracker.page = f"<!doctype html><title>Blue shoes</title>{html}<script nonce=n>{script}</script>"
        page = context.new_page()
        page.goto(f"{tracker.site}/page?x=1")
        return page

    yield open_page
    context.close()
