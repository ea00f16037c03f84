"""The tracking script in a real browser against the real ingest, which is another site: cookies, consent, privacy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from services.common import keys
from tests.integration.ingest.test_ingest import Door
from tests.processes import eventually, free_port
from tests.system.conftest import ARGUMENTS, CHROMIUM
from tests.system.sites import Shop, TlsDoor, make_certificate, running
from tests.system.tracker import snippet, wait


@dataclass(frozen=True)
class Site:
    """A shop and the tracker beside it, under one scheme."""

    shop: Shop
    url: str
    tracker: str


@dataclass(frozen=True)
class World:
    door: Door
    sites: dict[str, Site]

    def visit(self, context: BrowserContext, calls: str, site: str = "https") -> Page:
        """Opens a page of the site; its policy allows nothing but the tracker."""
        here = self.sites[site]
        script = snippet(f"{here.tracker}/mtc.js") + calls
        here.shop.page = f"<!doctype html><title>Shop</title><script nonce=n>{script}</script>"
        here.shop.policy = (
            f"default-src 'none'; script-src 'nonce-n' {here.tracker}; connect-src {here.tracker}; "
            f"img-src {here.tracker}"
        )
        page = context.new_page()
        page.goto(f"{here.url}/")
        return page

    def hits(self) -> list[dict[str, str]]:
        said = [(hit, dict(parse_qsl((hit.body or hit.query).decode()))) for hit in self.door.hits()]
        return [{**params, "device": hit.device_id} for hit, params in said if "left_event_id" not in params]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    tls = make_certificate(folder)
    plain, secure, refused, tracker = (free_port() for _ in range(4))
    origins = f"http://shop.test:{plain},https://shop.test:{secure}"
    with closing(Door(folder, SPOOR_CORS_ORIGINS=origins)) as door:
        sites = {
            "http": Site(Shop(plain), f"http://shop.test:{plain}", f"http://track.test:{door.port}"),
            "https": Site(Shop(secure, tls), f"https://shop.test:{secure}", f"https://track.test:{tracker}"),
            "refused": Site(Shop(refused, tls), f"https://other.test:{refused}", f"https://track.test:{tracker}"),
        }
        with running(TlsDoor(tracker, door.port, tls), *(site.shop for site in sites.values())):
            yield World(door, sites)


@pytest.fixture
def context(browser: Browser, world: World) -> Iterator[BrowserContext]:
    """As Chromium is today: another site's cookies are refused."""
    world.door.redis.delete(keys.hits(0))
    context = browser.new_context(ignore_https_errors=True)
    yield context
    context.close()


@pytest.fixture
def lenient(browser: Browser, world: World, tmp_path: Path) -> Iterator[BrowserContext]:
    """As browsers were: the tracker's cookies are taken on every site."""
    world.door.redis.delete(keys.hits(0))
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text('{"profile":{"cookie_controls_mode":0}}')
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=str(CHROMIUM), args=ARGUMENTS, ignore_https_errors=True
    )
    yield context
    context.close()


VIEW = "mt('send', 'pageview', {}, options('x'));"


def see(page: Page, *outcomes: str) -> None:
    wait(page, f"called.length == {len(outcomes)}")
    assert page.evaluate("called") == [f"x:{outcome}" for outcome in outcomes]


def tracker_cookies(context: BrowserContext) -> dict[str, Any]:
    return {one["name"]: one for one in context.cookies() if one["domain"] == "track.test"}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_visitor_is_known_again_where_the_trackers_cookies_are_refused(
    world: World, context: BrowserContext, scheme: str
) -> None:
    for _ in range(2):
        page = world.visit(context, VIEW, scheme)
        see(page, "onload")
    first, second = world.hits()
    assert page.evaluate("localStorage.mautic_device_id") == first["device"] == second["device"]
    assert ("mautic_device_id" in first, second["mautic_device_id"]) == (False, first["device"])
    assert f"mautic_device_id={first['device']}" in page.evaluate("document.cookie")
    assert tracker_cookies(context) == {}


def test_trackers_cookie_knows_the_visitor_on_other_sites(world: World, lenient: BrowserContext) -> None:
    see(world.visit(lenient, VIEW), "onload")
    cookie = tracker_cookies(lenient)["mautic_device_id"]
    assert (cookie["secure"], cookie["sameSite"]) == (True, "None") and cookie["expires"] > 0
    page = world.visit(lenient, VIEW + VIEW, "refused")
    see(page, "onload", "onload")
    assert page.evaluate("seen.map(function (one) { return !!one.image; })") == [True, True]
    assert [hit["device"] for hit in world.hits()] == [cookie["value"]] * 3


def test_who_asks_for_privacy_is_not_tracked_and_the_page_goes_on(world: World, lenient: BrowserContext) -> None:
    lenient.set_extra_http_headers({"Sec-GPC": "1"})
    lenient.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true});")
    page = world.visit(lenient, VIEW + VIEW)
    see(page, "onload", "onload")
    assert page.evaluate("JSON.stringify(localStorage) + document.cookie") == "{}"
    assert (world.hits(), lenient.cookies()) == ([], [])


def test_who_denies_is_dropped_on_every_site_until_there_is_a_grant(world: World, lenient: BrowserContext) -> None:
    page = world.visit(lenient, VIEW)
    see(page, "onload")
    page.evaluate("mt('consent', 'deny')")
    eventually(lambda: tracker_cookies(lenient).keys() == {"mautic_consent"}, "the no is remembered")
    other = world.visit(lenient, VIEW, "refused")
    see(other, "onload")
    assert len(world.hits()) == 1
    page.evaluate("mt('consent', 'grant'); mt('send', 'pageview', {}, options('x'))")
    see(page, "onload", "onload")
    first, second = world.hits()
    assert first["device"] != second["device"]
    assert tracker_cookies(lenient).keys() == {"mautic_device_id", "mtc_id"}


def test_without_cookies_no_credentials_are_sent(world: World, lenient: BrowserContext) -> None:
    see(world.visit(lenient, VIEW), "onload")
    before = tracker_cookies(lenient)
    lenient.clear_cookies(domain="shop.test")
    for site in ("https", "refused"):
        page = world.visit(lenient, f"mt('set', {{cookieless: true}}); {VIEW}", site)
        see(page, "onload")
        wait(page, "performance.now() > 300")
        page.evaluate("mt('send', 'pageview', {}, options('x'))")
        see(page, "onload", "onload")
        assert page.evaluate("document.cookie") == ""
    first, *readable_and_not = [hit["device"] for hit in world.hits()]
    assert first == before["mautic_device_id"]["value"] not in readable_and_not
    assert readable_and_not[0] == readable_and_not[1], "one page load is one visitor where its answers can be read"
    assert len(set(readable_and_not)) == 3
    assert tracker_cookies(lenient) == before
