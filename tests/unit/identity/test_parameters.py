"""The parameters of a hit: precedence, decoding, bounds."""

from __future__ import annotations

import base64
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.values import normalise_email, normalise_unique
from services.identity.parameters import (
    _OF_THE_DOOR,
    CACHED_PAIRS,
    MAX_PARAMETERS,
    MAX_VALUE_LENGTH,
    _seen_pairs,
    parameters_of,
    parse_query,
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30)


@given(st.dictionaries(texts, texts, max_size=10))
def test_what_was_encoded_is_decoded(parameters: dict[str, str]) -> None:
    said = {name: value for name, value in parameters.items() if name.encode() not in _OF_THE_DOOR}
    assert parse_query(urlencode(parameters).encode()) == said


@given(st.binary(max_size=2000))
def test_any_bytes_are_parsed_within_bounds(query: bytes) -> None:
    parameters = parse_query(query)
    assert len(parameters) <= MAX_PARAMETERS
    for name, value in parameters.items():
        assert len(value) <= MAX_VALUE_LENGTH
        (name + value).encode()  # no lone surrogates, so that it can be stored


def test_what_the_door_has_read_is_left_out_and_pushes_nothing_out_of_the_cache() -> None:
    cached = len(_seen_pairs)
    assert parse_query(b"mautic_device_id=0f2k&event_id=e&event_time=1&a=%20of+mine&event_id=f") == {"a": " of mine"}
    assert len(_seen_pairs) == cached + 1


def test_the_cache_of_pairs_is_bounded_and_changes_no_answer() -> None:
    queries = [b"n=" + b"%d" % number for number in range(CACHED_PAIRS + 100)]
    assert [parse_query(query)["n"] for query in queries + queries] == [str(n) for n in range(len(queries))] * 2
    assert len(_seen_pairs) <= CACHED_PAIRS


@given(st.binary(max_size=300), st.binary(max_size=300), st.text(max_size=100))
def test_any_hit_has_parameters(query: bytes, body: bytes, referer: str) -> None:
    parameters_of(query, body, referer)


def test_post_beats_get_beats_the_pages_own_query() -> None:
    page = "https://shop.example/?A=page&b=page&c=page"
    query = urlencode({"page_url": page, "b": "get", "c": "get"}).encode()
    found = parameters_of(query, b"c=post", "")
    assert (found["a"], found["b"], found["c"]) == ("page", "get", "post")


def test_names_in_the_pages_own_query_are_as_php_has_them() -> None:
    page = "https://shop.example/?UTM.source=a&utm+medium=b&left.event.id=x"
    found = parameters_of(urlencode({"page_url": page}).encode(), b"", "")
    assert found == {"page_url": page, "utm_source": "a", "utm_medium": "b"}, "nor is a dot a way to end a page view"


def test_the_referer_is_the_page_where_nothing_names_it() -> None:
    assert parameters_of(b"", b"", "https://shop.example/?utm_source=x")["utm_source"] == "x"
    assert parameters_of(b"page_url=cart_screen", b"", "https://shop.example/")["page_url"] == "cart_screen"


GUIDE = (
    b'a:5:{s:8:"page_url";s:35:"https://shop.example/?utm_source=pa";s:10:"page_title";s:9:"Caf\xc3\xa9 \xe2\x82\xac";'
    b's:5:"email";s:9:"ada@x.org";s:6:"points";i:-5;s:4:"list";a:1:{i:0;s:1:"x";}}'
)


def packed(data: bytes) -> bytes:
    return b"d=" + quote(base64.b64encode(data)).encode()


def test_what_a_php_page_packs_counts_less_than_what_is_said_beside_it() -> None:
    found = parameters_of(packed(GUIDE) + b"&page_title=said", b"", "https://referer.example/")
    assert found == {
        "page_url": "https://shop.example/?utm_source=pa",
        "page_title": "said",
        "email": "ada@x.org",
        "points": "-5",
        "utm_source": "pa",
    }
    assert parameters_of(packed(GUIDE), b"", "")["page_title"] == "Café €"


def test_a_packed_array_may_be_longer_than_other_values_and_come_with_its_plus_signs() -> None:
    long = b'a:2:{s:1:"a";s:5000:"' + b">" * 5000 + b'";s:1:"b";s:1:"?";}'
    text = b"d=" + base64.b64encode(long)
    assert b"+" in text
    found = parameters_of(text, b"", "")
    assert (len(found["a"]), found["b"]) == (MAX_VALUE_LENGTH, "?")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"a:1:{",
        b'O:8:"stdClass":0:{}',
        b'a:1:{i:0;O:8:"stdClass":0:{}}',
        b'a:1:{s:9:"a";i:1;}',
        b"a:1:{i:0;i:1;}more",
        b"a:999999:{}",
        b"a:1:{i:0;" * 9 + b"i:1;" + b"}" * 9,
    ],
)
def test_what_is_no_packed_array_is_kept_as_it_came(data: bytes) -> None:
    assert list(parameters_of(packed(data) + b"&email=a", b"", "")) == ["d", "email"]
    assert parameters_of(b"%64=x", b"", "") == {"d": "x"}


@given(st.binary(max_size=200))
def test_any_bytes_may_be_packed(data: bytes) -> None:
    parameters_of(packed(data), b"", "")
    parameters_of(packed(b"a:1:{" + data), b"", "")


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (b"tags[]=a&x=1&tags[]=b+c", b""),
        (b"tags=z&tags%5B0%5D=a", b"tags%5b%5d=a&tags%5b%5d=b%20c"),
        (packed(b'a:1:{s:4:"tags";a:2:{i:0;s:1:"a";i:1;s:3:"b c";}}'), b""),
        (b"tags=z", b'{"tags":["a","b c",null,["d"]]}'),
        (b"", b'{"tags":{"0":"a","1":"b c"}}'),
    ],
)
def test_tags_may_be_a_list(query: bytes, body: bytes) -> None:
    found = parameters_of(query, body, "")
    assert found["tags"] == "a,b c"
    assert [name for name in found if name.startswith("tags")] == ["tags"]


def test_a_list_in_the_pages_own_query_is_passed_over() -> None:
    assert "tags" not in parameters_of(b"page_url=https://x.org/?tags[]=a", b"", "")
    assert "tags" not in parameters_of(b"page_url=" + quote("https://x.org/?tags[]=a").encode(), b"", "")


def test_an_unfinished_address_is_still_a_page() -> None:
    assert parameters_of(b"page_url=http://[::1?utm_source=a", b"", "")["utm_source"] == "a"


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("  Ada@Example.ORG ", "ada@example.org"),
        ("ada+news@example.org", "ada+news@example.org"),
        ("a@b.com,", "a@b.com"),
        ("null", None),
        ("undefined", None),
        ("", None),
        ("not an address", None),
        ("a@b", None),
        ("@example.org", None),
        ("a@b@c.org", None),
        ("x" * 200 + "@example.org", None),
        ("\x00@\x00", None),
    ],
)
def test_addresses_are_compared_in_one_form(text: str, email: str | None) -> None:
    assert normalise_email(text) == email


@given(st.text(max_size=300))
def test_a_normalised_value_is_its_own_normal_form(text: str) -> None:
    for field in ("email", "customer"):
        value = normalise_unique(field, text)
        assert value is None or normalise_unique(field, value) == value


def test_an_app_may_send_an_object_instead_of_a_form() -> None:
    body = b'{"page_url":"cart","email":"ada@x.org","counter":1,"ok":true,"none":null,"list":[1],"a":"\\ud83d\\ude00"}'
    assert parameters_of(b"counter=0&x=1", body, "") == {
        "page_url": "cart", "email": "ada@x.org", "counter": "1", "ok": "1", "a": "😀", "x": "1",
    }  # fmt: skip
    for broken in (b"{", b"{}", b'{"a":', b"{" * 10_000, b'{"":"x"}', b'{"a":"\xff"}'):
        assert parameters_of(b"x=1", broken, "") == {"x": "1"}
