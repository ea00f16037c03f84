"""The pure parts of ingest: addresses, refusals, origins, and the reading of requests."""

from __future__ import annotations

import itertools
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.device import DeviceCodec
from services.common.hit import decode_batch, encode_batch
from services.ingest import answers
from services.ingest.cors import Cors
from services.ingest.door import Admitted, Door, Dropped, read_consent, read_headers, too_large
from services.ingest.memory import room_bytes
from services.ingest.visitor import Visitors

NOW_US = time.time_ns() // 1_000


def make_door(**settings: Any) -> Door:
    visitors = Visitors(
        settings.get("trusted_proxies", ()),
        settings.get("blocked", ()),
        track_private_ip_ranges=settings.get("track_private_ip_ranges", False),
        anonymize_ip=settings.get("anonymize_ip", False),
    )
    ids = itertools.count(1)
    return Door(DeviceCodec(("secret",)), visitors, lambda: next(ids))


def scope(query: bytes = b"", *, peer: str = "203.0.113.9", method: str = "GET") -> dict[str, Any]:
    # 203.0.113.0/24 is documentation space, which Python calls private: use a public one unless told
    return {"query_string": query, "method": method, "client": (peer if peer != "203.0.113.9" else "8.8.8.8", 1)}


def admit(door: Door, query: bytes = b"", headers: dict[bytes, bytes] | None = None, **kwargs: Any) -> Any:
    body = kwargs.pop("body", b"")
    return door.admit(scope(query, **kwargs), headers or {}, body, 0, NOW_US)


def test_a_new_visitor_gets_a_device_and_is_told_so() -> None:
    admission = admit(make_door())
    assert isinstance(admission, Admitted)
    assert admission.is_news
    assert admission.hit.is_new_device
    assert len(admission.device.id) == 23


def test_a_returning_visitor_is_known_by_its_cookie_and_not_told_again() -> None:
    door = make_door()
    device = admit(door).device
    again = admit(door, headers={b"cookie": b"a=b; mautic_device_id=" + device.id.encode() + b"; c=d"})
    assert again.device == device
    assert not again.is_news


def test_a_good_device_is_found_behind_other_cookies_of_its_name() -> None:
    door = make_door()
    device, other = admit(door).device, admit(door).device
    names = ["", "undefined", "1" * 23, device.id, other.id]
    cookies = "; ".join(f"mautic_device_id={name}" for name in names).encode()
    again = admit(door, b"mautic_device_id=foreign-parameter", {b"cookie": cookies})
    assert (again.device, again.is_news, again.hit.is_new_device) == (device, False, False)


def test_of_cookies_that_are_not_ours_the_first_is_the_device() -> None:
    cookies = b"mautic_device_id=first-of-them; mautic_device_id=second-of-them"
    assert admit(make_door(), headers={b"cookie": cookies}).device.id == "first-of-them"


def test_a_foreign_device_is_the_same_however_it_is_escaped() -> None:
    door, escaped = make_door(), b"mautic_device_id=app%3A5f0c1a7e9d"
    plain = admit(door, b"mautic_device_id=app:5f0c1a7e9d").device
    assert plain.id == "app:5f0c1a7e9d"
    assert admit(door, escaped).device == admit(door, body=escaped).device == plain
    again = admit(door, headers={b"cookie": escaped})
    assert (again.device, again.is_news) == (plain, False)
    assert admit(door, b"mautic_device_id=%00%FF%3").hit.is_new_device, "no plausible id"


def test_lists_on_several_header_lines_are_one_list() -> None:
    lines = [(b"cookie", b"a=1"), (b"x-forwarded-for", b"1.2.3.4"), (b"dnt", b"0"), (b"cookie", b"b=2")]
    again = [(b"x-forwarded-for", b"9.9.9.9"), (b"dnt", b"1")]
    assert read_headers(lines + again) == {
        b"cookie": b"a=1; b=2",
        b"x-forwarded-for": b"1.2.3.4, 9.9.9.9",
        b"dnt": b"1",
    }


@pytest.mark.parametrize(
    ("body", "choice"),
    [
        (b"consent=deny", "deny"),
        (b"a=1&consent=grant&b=2", "grant"),
        (b"", ""),
        (b"consent=", ""),
        (b"consent=denyx", ""),
        (b"xconsent=deny", ""),
    ],
)
def test_a_choice_is_one_of_two_words(body: bytes, choice: str) -> None:
    assert read_consent(body) == choice


def test_a_client_that_sends_an_id_and_a_time_is_taken_at_its_word() -> None:
    event_id = "0123456789abcdef0123456789abcdef"
    sent_ms = NOW_US // 1000 - 5_000
    query = f"event_id={event_id}&event_time={sent_ms}".encode()
    hit = admit(make_door(), query).hit
    assert (hit.event_id.hex(), hit.time_us) == (event_id, sent_ms * 1000)
    again = admit(make_door(), query).hit
    assert again.device_id == hit.device_id, "the answer may have been lost: the hit sent again has the same device"


@pytest.mark.parametrize(
    "query",
    [
        b"event_id=zz&event_time=1",
        b"event_id=0123456789abcdef0123456789abcdef",
        b"event_id=0123456789abcdef0123456789abcdef&event_time=99999999999999",
        b"event_id=------------------------------------&event_time=1700000000000",
    ],
)
def test_without_a_plausible_pair_the_door_names_the_hit(query: bytes) -> None:
    assert admit(make_door(), query).hit.time_us == NOW_US


@pytest.mark.parametrize(
    ("headers", "method", "reason"),
    [
        ({b"sec-gpc": b"1"}, "GET", "gpc"),
        ({b"dnt": b"1"}, "GET", "dnt"),
        ({b"sec-purpose": b"prefetch;prerender"}, "GET", "prefetch"),
        ({b"purpose": b"prefetch"}, "GET", "prefetch"),
        ({}, "HEAD", "head"),
        ({b"cookie": b"a=1; mautic_consent=deny; b=2"}, "GET", "consent_withdrawn"),
        ({b"cookie": b"mautic_consent=grant"}, "GET", None),
        ({b"dnt": b"0"}, "GET", None),
    ],
)
def test_who_asks_not_to_be_tracked_is_not(headers: dict[bytes, bytes], method: str, reason: str | None) -> None:
    assert Visitors((), (), track_private_ip_ranges=False).refusal(headers, method) == reason


def test_a_signal_that_the_settings_ignore_is_no_reason() -> None:
    visitors = Visitors((), (), track_private_ip_ranges=False, privacy_signals=["gpc"])
    assert visitors.refusal({b"dnt": b"1"}, "GET") is None
    assert visitors.refusal({b"dnt": b"1", b"sec-gpc": b"1"}, "GET") == "gpc"
    assert visitors.refusal({b"dnt": b"1", b"purpose": b"prefetch"}, "GET") == "prefetch"


def test_an_anonymized_address_is_cut_before_it_is_stored_and_judged_whole() -> None:
    door = make_door(anonymize_ip=True, blocked=("8.8.4.7",))
    stored = {ip: admit(door, peer=ip).hit.ip for ip in ("8.8.4.8", "2a00:1450:4001:80b::1", "::ffff:8.8.4.8")}
    assert list(stored.values()) == ["8.8.4.0", "2a00:1450:4001::", "8.8.4.0"]
    assert admit(door, peer="8.8.4.7") == Dropped("blocked_address")


def test_the_address_of_a_kiosk_is_nobodys() -> None:
    ips = [
        make_door().submitted(scope(), {}, b"", b"{}", NOW_US, is_remembered=is_remembered).hit.ip
        for is_remembered in (True, False)
    ]
    assert ips == ["8.8.8.8", ""]


@pytest.mark.parametrize("peer", ["10.0.0.1", "192.168.1.1", "127.0.0.1", "::1", "fe80::1", "::ffff:10.0.0.1"])
def test_private_addresses_are_dropped_unless_told(peer: str) -> None:
    assert admit(make_door(), peer=peer) == Dropped("private_address")
    assert isinstance(admit(make_door(track_private_ip_ranges=True), peer=peer), Admitted)


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy() -> None:
    headers = {b"x-forwarded-for": b"1.2.3.4, 9.9.9.9"}
    assert admit(make_door(), headers=headers).hit.ip == "8.8.8.8"
    trusting = make_door(trusted_proxies=("8.8.8.0/24",))
    assert admit(trusting, headers=headers).hit.ip == "9.9.9.9"
    chain = make_door(trusted_proxies=("8.8.8.0/24", "9.9.9.9"))
    assert admit(chain, headers=headers).hit.ip == "1.2.3.4"


def test_blocked_networks_are_dropped() -> None:
    assert admit(make_door(blocked=("8.8.0.0/16",))) == Dropped("blocked_address")


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=100), st.binary(max_size=100))
def test_any_bytes_become_a_hit_that_survives_the_wire(query: bytes, body: bytes, cookie: bytes, agent: bytes) -> None:
    headers = {b"cookie": cookie, b"user-agent": agent, b"referer": agent, b"x-forwarded-for": cookie}
    hit = admit(make_door(trusted_proxies=("8.8.8.8",), track_private_ip_ranges=True), query, headers, body=body)
    if isinstance(hit, Admitted):
        assert decode_batch(encode_batch([hit.hit])) == [hit.hit]
    else:
        assert hit == Dropped("consent_withdrawn" if b"mautic_consent=deny" in cookie else "bad_address")


def test_origins_are_exact_or_patterns_and_nothing_else() -> None:
    cors = Cors(("https://shop.example", "https://*.shop.example", "http://localhost:*"))
    for origin in (
        b"https://shop.example",
        b"https://eu.shop.example",
        b"HTTPS://EU.SHOP.EXAMPLE",
        b"http://localhost:3000",
    ):
        assert dict(cors.headers(origin))[b"access-control-allow-origin"] == origin
    for origin in (b"https://shop.example.evil.example", b"null", b"http://shop.example", b"https://evilshop.example",
                   b"https://evil.example/.shop.example", b""):  # fmt: skip
        assert b"access-control-allow-origin" not in dict(cors.headers(origin))
    assert all(b"vary" in dict(cors.headers(origin)) for origin in (None, b"null", b"https://shop.example"))


def test_sites_that_are_refused_are_told_of_and_bounded() -> None:
    cors = Cors(("https://shop.example",))
    for origin in (b"https://shop.example", b"null", b"", b"https://<script>"):
        cors.headers(origin)
    assert cors.refused() == []
    for number in range(10, 100):
        cors.headers(b"https://first.example")
        cors.headers(b"https://%d.example" % number)
    assert cors.refused() == [*(f"https://{number}.example" for number in range(81, 100)), "https://first.example"]


def test_closed_cors_lets_nobody_in() -> None:
    assert Cors(()).headers(b"https://shop.example") == [(b"vary", b"Origin")]


def test_long_heads_are_refused() -> None:
    assert too_large(b"x" * 20_000, []) == 414
    assert too_large(b"", [(b"x", b"y" * 40_000)]) == 431
    assert too_large(b"", [(b"x", b"y" * 5_000)] * 10) == 431
    assert too_large(b"", [(b"x" * 900, b"y")] * 60) == 431
    assert too_large(b"x" * 2_000, [(b"x", b"y" * 2_000)]) is None


def test_every_error_has_its_word_and_a_busy_door_says_when_to_come_again() -> None:
    for status in answers.ERRORS:
        headers, body = answers.error(status)
        assert str(status).encode() in body
        assert (b"retry-after" in dict(headers)) == (status in (429, 503))


@pytest.mark.parametrize(
    ("pattern", "origin", "is_allowed"),
    [
        ("*.shop.example", b"https://eu.shop.example", True),
        ("*.shop.example", b"http://eu.shop.example", True),
        ("*.shop.example", b"https://shop.example.evil.example", False),
        ("shop.example", b"https://shop.example", True),
        ("*", b"https://any.example:8443", True),
        ("*", b"null", False),
    ],
)
def test_an_origin_without_a_scheme_is_one_of_either(pattern: str, origin: bytes, is_allowed: bool) -> None:
    assert ((b"access-control-allow-origin", origin) in Cors((pattern,)).headers(origin)) is is_allowed


def test_room_ends_where_the_first_node_has_reached_its_share() -> None:
    small, large = {"used_memory": 20, "maxmemory": 100}, {"used_memory": 800, "maxmemory": 1_200}
    assert room_bytes([small, large], 0.8) == 60
    assert room_bytes([large], 0.5) == -200
    assert room_bytes([{"used_memory": 20, "maxmemory": 0}], 0.75) == math.inf
