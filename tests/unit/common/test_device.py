"""Device ids: nobody can forge one, and everything that is no id is told apart."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.device import HASHED_BASE, MAX_CONTACT_ID, DeviceCodec

codec = DeviceCodec(("secret",))
contact_ids = st.integers(1, MAX_CONTACT_ID)


@given(contact_ids)
def test_a_minted_id_says_which_contact_it_was_born_as(contact_id: int) -> None:
    device_id = codec.mint(contact_id)
    assert len(device_id) == 23
    device = codec.read_minted(device_id)
    assert device is not None
    assert (device.contact_id, device.is_minted) == (contact_id, True)


@given(contact_ids, st.integers(0, 22), st.sampled_from("0123456789abcdefghijklmnopqrstuvwxyz"))
def test_a_changed_character_is_noticed(contact_id: int, position: int, character: str) -> None:
    device_id = codec.mint(contact_id)
    forged = device_id[:position] + character + device_id[position + 1 :]
    assert forged == device_id or codec.read_minted(forged) is None


@given(contact_ids, contact_ids, st.integers(1, 22))
def test_two_halves_of_two_ids_are_worth_nothing(first: int, second: int, cut: int) -> None:
    one, other = codec.mint(first), codec.mint(second)
    spliced = one[:cut] + other[cut:]
    assert spliced in (one, other) or codec.read_minted(spliced) is None


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    for device in (codec.read_minted(text), codec.read_foreign(text)):
        assert device is None or 0 < device.contact_id <= MAX_CONTACT_ID


def test_a_foreign_id_maps_to_one_contact_above_all_minted_ones() -> None:
    foreign = "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(23))
    first, second = codec.read_foreign(foreign), DeviceCodec(("newer", "secret")).read_foreign(foreign)
    assert first == second
    assert first is not None
    assert first.contact_id >= HASHED_BASE


def test_a_newcomer_who_sends_a_hit_again_is_the_same_device() -> None:
    first, again = codec.newcomer(b"0123456789abcdef", 7), DeviceCodec(("secret",)).newcomer(b"0123456789abcdef", 7)
    assert first == again == codec.read_minted(first.id)
    assert first.contact_id >= HASHED_BASE
    assert codec.newcomer(b"0123456789abcdef", 8).contact_id != first.contact_id
    assert DeviceCodec(("other",)).newcomer(b"0123456789abcdef", 7).contact_id != first.contact_id


def test_ids_signed_with_an_older_secret_are_still_good() -> None:
    rotated = DeviceCodec(("newer", "secret"))
    assert rotated.read_minted(codec.mint(7)) == codec.read_minted(codec.mint(7))
    assert codec.read_minted(rotated.mint(7)) is None


@pytest.mark.parametrize("junk", ["", "null", "undefined", "anonymous", "z" * 500, "a b c d e f g h"])
def test_junk_names_no_device(junk: str) -> None:
    assert codec.choose(junk, junk) is None


def test_the_parameter_beats_the_cookie_only_with_a_good_mac() -> None:
    own, cookie, foreign = codec.mint(1), codec.mint(2), "f" * 23
    assert _chosen(own, cookie) == own
    assert _chosen(foreign, cookie) == cookie
    assert _chosen(foreign, "") == foreign
    assert _chosen("", foreign) == foreign


def _chosen(parameter: str, cookie: str) -> str:
    device = codec.choose(parameter, cookie)
    assert device is not None
    return device.id
