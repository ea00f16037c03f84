"""Pictures told by their content, social profiles as links, ids in other systems."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.contact_fields import FIELDS, Field
from services.common.folding import fold
from services.common.profile import Part, Profile
from services.contacts.people.change import Change, apply_change
from services.contacts.people.links import LinkChange
from services.contacts.presence.picture import MAX_SIDE, Picture, read_picture
from services.contacts.presence.social import social_profiles


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)


def jpeg(width: int, height: int) -> bytes:
    """With a segment before its frame, and a filler."""
    head = b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"ab"
    return head + b"\xff\xff\xc2" + struct.pack(">HBHH", 11, 8, height, width)


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 100) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


PICTURES = [
    (png(3, 5), Picture("image/png", 3, 5)),
    (jpeg(640, 480), Picture("image/jpeg", 640, 480)),
    (b"GIF89a" + struct.pack("<HH", 7, 9) + b"...", Picture("image/gif", 7, 9)),
    (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 0x4000 | 30, 20)), Picture("image/webp", 30, 20)),
    (webp(b"VP8L", b"\x2f" + struct.pack("<I", 29 | 19 << 14)), Picture("image/webp", 30, 20)),
    (
        webp(b"VP8X", b"\0\0\0\0" + (29).to_bytes(3, "little") + (19).to_bytes(3, "little")),
        Picture("image/webp", 30, 20),
    ),
]


@pytest.mark.parametrize(("data", "picture"), PICTURES)
def test_a_picture_is_told_by_its_content(data: bytes, picture: Picture) -> None:
    assert read_picture(data) == picture
    for length in range(len(data) - 4):
        with pytest.raises(ValueError, match=r"picture|PNG"):
            read_picture(data[:length] if length > 10 else data[: length // 2])


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"BM" + b"\0" * 40, b"\xff\xd8\xff" + b"\0" * 30,
     png(0, 5), png(MAX_SIDE + 1, 5), png(5, MAX_SIDE + 1), webp(b"VP9 ", b"\0" * 20)],
)  # fmt: skip
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"picture|PNG"):
        read_picture(data)


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF1234WEBPVP8 "]),
    st.binary(max_size=80),
)
def test_any_bytes_are_a_picture_or_refused(head: bytes, rest: bytes) -> None:
    try:
        picture = read_picture(head + rest)
    except ValueError:
        return
    assert 0 < picture.width <= MAX_SIDE and 0 < picture.height <= MAX_SIDE


@pytest.mark.parametrize(
    ("network", "said", "url"),
    [
        ("twitter", "@ada", "https://twitter.com/ada"),
        ("facebook", "ada.lovelace", "https://www.facebook.com/ada.lovelace"),
        ("instagram", "https://www.instagram.com/ada/", "https://www.instagram.com/ada/"),
        ("linkedin", "ada", "https://www.linkedin.com/in/ada"),
        ("linkedin", "www.linkedin.com/in/ada", "https://www.linkedin.com/in/ada"),
        ("foursquare", "ada", "https://foursquare.com/ada"),
        ("skype", "ada.l", "skype:ada.l?chat"),
        ("twitter", "javascript:alert(1)", None),
        ("twitter", "two words", None),
        ("mastodon", "ada", None),
        ("mastodon", "https://example.social/@ada", "https://example.social/@ada"),
    ],
)
def test_a_social_profile_is_a_link(network: str, said: str, url: str | None) -> None:
    fields = {**FIELDS, "mastodon": Field(101, "mastodon", "Mastodon", "text", "social", is_fixed=False)}
    shown = social_profiles(fields, {network: said, "firstname": "Ada", "skype" if network != "skype" else "x": ""})
    assert shown == {network: {"label": fields[network].label, "value": said, "url": url}}


def test_the_newest_id_of_a_system_takes_the_place_of_others() -> None:
    profile = Profile(1, own=Part(added_us=1), version=1)
    for time_us, change in enumerate(
        [LinkChange("crm", "1", "https://crm/1", 5), LinkChange("shop", "1"), LinkChange("crm", "2")], 10
    ):
        profile = apply_change(profile, Change(link=change), time_us, "admin")
    assert set(fold(profile).links) == {"crm:2", "shop:1"}
    again = apply_change(profile, Change(link=LinkChange("crm", "2")), 20, "admin")
    assert again is profile
    back = apply_change(profile, Change(link=LinkChange("crm", "1")), 20, "admin")
    assert set(fold(back).links) == {"crm:1", "shop:1"}
    gone = apply_change(back, Change(link=LinkChange("crm")), 30, "admin")
    assert set(fold(gone).links) == {"shop:1"}


def test_what_merged_contacts_were_known_by_is_kept() -> None:
    def known_as(contact_id: int, external_id: str) -> Part:
        part = apply_change(
            Profile(contact_id, own=Part(added_us=1)), Change(link=LinkChange("crm", external_id)), 5, ""
        )
        assert part.own
        return part.own

    merged = Profile(1, own=known_as(1, "a"), losers={2: known_as(2, "b")}, version=1)
    assert set(fold(merged).links) == {"crm:a", "crm:b"}
    ended = apply_change(merged, Change(link=LinkChange("crm", "b")), 1, "admin")
    assert set(fold(ended).links) == {"crm:b"}, "also of who merged into it, though that was said at an older time"
