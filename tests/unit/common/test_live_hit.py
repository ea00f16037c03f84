"""What of a page's address the live feed may have."""

from __future__ import annotations

import pytest

from services.common.live_hit import LiveHit, Page, decode_live_hit, encode_live_hit, read_page


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://Shop.example/a/b?email=ada@example.com#top", Page("https://shop.example/a/b", "shop.example")),
        ("https://ada:secret@shop.example:8443/", Page("https://shop.example:8443/", "shop.example")),
        ("http://[2001:db8::1]:80/x", Page("http://[2001:db8::1]:80/x", "2001:db8::1")),
        ("/only/a/path?x=1", Page("/only/a/path", "")),
        ("mailto:ada@example.com", Page()),
        ("javascript:alert(1)", Page()),
        ("https://shop.example:port/", Page()),
        ("http://[half", Page()),
        ("", Page()),
        ("https://shop.example/" + "x" * 900, Page("https://shop.example/" + "x" * 479, "shop.example")),
    ],
)
def test_a_page_is_its_address_without_query_and_login(url: str, page: Page) -> None:
    assert read_page(url) == page


def test_of_who_asks_not_to_be_tracked_a_page_is_its_host() -> None:
    assert read_page("https://shop.example:8443/ada?x=1", is_private=True) == Page("shop.example", "shop.example")
    assert read_page("/ada", is_private=True) == Page("", "")


def test_a_hit_comes_back_as_it_was_also_from_a_writer_that_knew_less() -> None:
    hit = LiveHit(1, "dropped", "dnt", "event", page="shop.example", has_cookie=True)
    assert decode_live_hit(encode_live_hit(hit)) == hit
    assert decode_live_hit(b"\x94\x01\xa7dropped\xa3dnt\xa5event") == LiveHit(1, "dropped", "dnt", "event")
