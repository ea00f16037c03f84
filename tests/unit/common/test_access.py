"""What a request shows of whoever makes it, whose address it has, and how secrets are compared."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.access import MAX_CREDENTIALS_LENGTH, Shown
from services.common.peer import address_of, network_of, read_networks
from services.common.secret_tokens import digest, id_of, is_secret, new_secret, personal_token, secret_of


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        (basic("ada:secret"), ("ada", "secret")),
        (basic("ada:a:b"), ("ada", "a:b")),
        (basic("ädä:pässwörd"), ("ädä", "pässwörd")),
        (basic("ada"), None),
        ("Basic %%%", None),
        ("Basic /w==", None),
        ("Bearer x", None),
        ("", None),
        (basic("a:" + "x" * MAX_CREDENTIALS_LENGTH), None),
    ],
)
def test_a_login_is_read(authorization: str, said: tuple[str, str] | None) -> None:
    assert Shown(authorization).basic() == said


def test_a_header_counts_before_a_parameter() -> None:
    assert Shown("Bearer  a ", "b").bearer() == "a"
    assert Shown("", "b").bearer() == "b"
    assert Shown("", "x" * (MAX_CREDENTIALS_LENGTH + 1)).bearer() == ""


@given(st.text(max_size=80))
def test_whatever_is_shown_is_read_or_refused(text: str) -> None:
    shown = Shown(text, text)
    assert shown.basic() is None or all(isinstance(one, str) for one in shown.basic() or ())
    assert isinstance(shown.bearer(), str) and isinstance(id_of(text), str)


def test_a_personal_token_names_its_record() -> None:
    secret = new_secret()
    token = personal_token("17", secret)
    assert (id_of(token), secret_of(token)) == ("17", secret)
    assert is_secret(secret, digest(secret)) and not is_secret(secret + "x", digest(secret)) and not is_secret("", "")
    assert [id_of(one) for one in ("", "spt", "spt_", "spt_x_y", "spt_1", "spt_²_y")] == [""] * 6


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_trusted_proxies_say_whose_a_request_is(peer: str, forwarded: str, address: str) -> None:
    assert address_of(peer, forwarded, read_networks(["10.0.0.0/8"])) == address
    assert address_of(peer, forwarded, ()) == peer


def test_addresses_of_one_place_count_together() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("203.0.113.9") == "203.0.113.9" and network_of("") == ""
