"""What the begin of the list by id is put together from."""

from __future__ import annotations

import pytest

from services.common.php_query import parse_php_query
from services.contacts.people.contact_list import ListQuery, read_list_query
from services.contacts.people.first_ids import FirstIds, first_rows, first_statement


def query(**asked: str) -> ListQuery:
    return read_list_query({"limit": "1", **asked})


@pytest.fixture(autouse=True)
def size_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.contacts.people.first_ids._SLACK", 1)
    monkeypatch.setattr("services.contacts.people.first_ids._LEAST", 3)


def test_the_newest_version_counts_in_whatever_order_they_come() -> None:
    told = [(1, 5, 1), (1, 4, 0), (2, 7, 0)]
    assert first_rows(query(), FirstIds([], told, [])) == [(2, 1)]


def test_whoever_has_merged_or_ever_was_a_contact_is_no_visitor() -> None:
    first = FirstIds([1, 2, 3], [(2, 1, 1)], [3])
    assert first_rows(query(), first) == [(1, 0)]


def test_a_visitor_that_is_seen_in_several_parts_is_one() -> None:
    assert first_rows(query(), FirstIds([1, 1, 2], [], [])) == [(1, 0), (2, 0)]


def test_of_the_last_contact_there_may_be_a_newer_version() -> None:
    told = [(1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0)]
    assert first_rows(query(), FirstIds([], told, [])) == [(1, 1), (2, 1), (3, 1)]
    assert first_rows(query(orderByDir="DESC"), FirstIds([], told[::-1], [])) == [(4, 1), (3, 1), (2, 1)]


def test_what_lies_behind_the_end_of_the_other_table_is_not_told() -> None:
    contacts, visits = [(one, 1, 0) for one in (1, 2, 3, 4)], [2, 9]
    assert first_rows(query(), FirstIds(visits, contacts, [])) == [(1, 1), (2, 1), (3, 1)]
    assert first_rows(query(orderByDir="DESC"), FirstIds([9, 8, 7, 6], contacts[::-1], [])) == [(9, 0), (8, 0), (7, 0)]


def test_other_lists_are_not_its_business() -> None:
    narrowed = parse_php_query("where[0][col]=city&where[0][expr]=eq&where[0][val]=Rome")
    assert first_statement(query()) is not None
    for asked in ({"search": "ada"}, {"orderBy": "last_active"}, {"start": "1000"}, narrowed):
        assert first_statement(read_list_query({"limit": "1", **asked})) is None, asked
