"""What requests may say: lists, timelines, bodies, logins, paths."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.access import Access
from services.common.door import new_path, tidy_path
from services.common.envelope import ApiError, parse_object
from services.common.php_query import PhpQueryError, parse_php_query
from services.common.queries.query_error import QueryError
from services.contacts.list_parameters import Order
from services.contacts.people.contact_list import MAX_LIMIT, count_statements, page_statements, read_list_query
from services.contacts.timeline.timeline_query import Moment, read_timeline_query, timeline_statements


def test_the_list_is_thirty_by_id_unless_said() -> None:
    query = read_list_query({})
    assert (query.limit, query.start, query.orders) == (30, 0, (Order("id", is_descending=False),))
    assert read_list_query({"limit": "0"}).limit == MAX_LIMIT
    assert read_list_query({"limit": "99999"}).limit == MAX_LIMIT


@pytest.mark.parametrize(
    ("name", "column"),
    [("lastActive", "last_active"), ("last_active", "last_active"), ("dateAdded", "date_added"), ("points", "points")],
)
def test_order_is_in_snake_or_camel_case(name: str, column: str) -> None:
    assert read_list_query({"orderBy": name, "orderByDir": "desc"}).orders[0] == Order(column, is_descending=True)


@pytest.mark.parametrize(
    "query",
    [{"orderBy": "id; DROP TABLE"}, {"orderBy": ["id"]}, {"orderByDir": "UP"}, {"limit": "-1"}, {"start": "x"},
     {"start": "9" * 15}, {"search": ["a"]}, {"limit": "٣"}],
)  # fmt: skip
def test_a_bad_list_query_is_400(query: dict[str, Any]) -> None:
    with pytest.raises((ApiError, QueryError)):
        read_list_query(query)


def test_a_timeline_query_may_come_in_brackets_or_flat() -> None:
    nested = read_timeline_query(
        parse_php_query(
            "filters[search]=x&filters[includeEvents][]=page.hit&order[]=timestamp&order[]=ASC&page=2&limit=5"
        )
    )
    flat = read_timeline_query(
        parse_php_query("search=x&includeEvents[]=page.hit&orderBy=timestamp&orderByDir=ASC&page=2&limit=5")
    )
    assert nested == flat
    assert nested.kinds == ["page.hit"]
    assert not nested.is_descending


@pytest.mark.parametrize(
    "query",
    [
        "filters=x",
        "filters[dateFrom]=soon",
        "order[]=url",
        "order[]=timestamp&order[]=x",
        "page=x",
        "filters[search][]=x",
    ],
)
def test_a_bad_timeline_query_is_400(query: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_timeline_query(parse_php_query(query))
    assert caught.value.status == 400


READS: list[Callable[[str], object]] = [
    lambda text: (page_statements(query := read_list_query(parse_php_query(text)), 10**6), count_statements(query)),
    lambda text: timeline_statements(read_timeline_query(parse_php_query(text)), [1], [Moment("lead.create", 5)]),
]
pairs = st.tuples(
    st.sampled_from(
        ["search", "limit", "start", "orderBy", "orderByDir", "filters[search]", "filters[dateTo]", "order[]",
         "filters[includeEvents][]", "excludeEvents", "page", "filters"]
    ),
    st.text("ab01- :()%!+'\"\\é\0") | st.sampled_from(["timestamp", "DESC", "email", "page.hit", "2024-01-01", "30"]),
)  # fmt: skip


@pytest.mark.parametrize("read", READS)
@given(st.lists(pairs))
def test_any_query_is_answered_or_refused(read: Callable[[str], object], said: list[tuple[str, str]]) -> None:
    try:
        read("&".join(f"{name}={value}" for name, value in said))
    except (ApiError, PhpQueryError, QueryError):
        return


@given(
    st.binary(),
    st.sampled_from(
        ["", "application/json", "application/x-www-form-urlencoded", "text/plain; x", "multipart/form-data"]
    ),
)
def test_any_body_is_an_object_or_refused(body: bytes, kind: str) -> None:
    try:
        assert isinstance(parse_object(body, kind), dict)
    except (ApiError, PhpQueryError):
        return


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"7", b'"x"', b"null", b'{"a":1e999}', b"\xff"])
def test_strange_json_is_400(body: bytes) -> None:
    with pytest.raises(ApiError):
        parse_object(body, "application/json")


def _basic(login: bytes) -> str:
    return "Basic " + base64.b64encode(login).decode()


def test_only_the_login_is_let_in() -> None:
    auth = Access("admin", "pässwörd")
    assert auth.who(_basic("admin:pässwörd".encode()))
    assert auth.who(_basic("admin:pässwörd".encode()).replace("Basic", "bASIC"))
    for wrong in ("", "Basic", "Basic !!!", _basic(b"admin:"), _basic(b"admin"), "Bearer x", _basic(b"x" * 9_000)):
        assert not auth.who(wrong)
    with pytest.raises(ValueError, match="empty password"):
        Access("admin", "")


@given(st.text())
def test_any_authorization_is_judged(text: str) -> None:
    assert not Access("admin", "secret-of-this-test").who(text)


@pytest.mark.parametrize(
    ("path", "tidy"),
    [("//api///contacts/", "/api/contacts"), ("/api/ contacts /%", "/api/contacts/%"), ("/", "/"), ("", "/"),
     ("/api/contacts/7 ", "/api/contacts/7"), ("/api/a b", "/api/a b")],
)  # fmt: skip
def test_slashes_and_blanks_around_the_parts_of_a_path_mean_nothing(path: str, tidy: str) -> None:
    assert tidy_path(path) == tidy


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("/api/leads", "/api/contacts"),
        ("/api/leads/7", "/api/contacts/7"),
        ("/api/leadsx", "/api/leadsx"),
        ("/x", "/x"),
    ],
)
def test_old_names_become_new_ones(path: str, new: str) -> None:
    assert new_path(path, {"/api/leads": "/api/contacts"}) == new


@given(st.text("/ab "))
def test_paths_are_tidied_once(path: str) -> None:
    tidy = tidy_path(path)
    assert tidy_path(tidy) == tidy
    assert "//" not in tidy
    assert tidy == "/" or not re.search("/$", tidy)
