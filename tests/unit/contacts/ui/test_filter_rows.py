"""The rows of the builder of filters, and what the catalogue offers for them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from services.common.queries.segment_fields import OPERATORS, SEGMENT_FIELDS
from services.contacts.ui.form import Form
from services.contacts.ui.segments.catalogue import WORDS, catalogue
from services.contacts.ui.segments.filter_rows import Row, changed, filters_of, groups_of, read_rows, rows_of, shown


def told(alias: str, kind: str, *, is_fixed: bool = True) -> dict[str, Any]:
    return {"alias": alias, "label": alias.title(), "type": kind, "isFixed": is_fixed, "properties": []}


FIELDS = catalogue([told("city", "text"), told("points", "number")], [told("companycity", "text")])


def form(query: str) -> Form:
    return Form(parse_qsl(query, keep_blank_values=True))


def test_every_operator_has_its_words() -> None:
    assert {one for allowed in OPERATORS.values() for one in allowed} == WORDS.keys()


def test_all_that_can_be_asked_for_beside_fields_is_offered() -> None:
    offered = {key.partition(":")[2] for key in FIELDS}
    own = {"title", "firstname"}  # stand for those that the API tells
    assert {name for name, one in SEGMENT_FIELDS.items() if name != one.source or name.startswith("date_")} <= offered
    assert not own & offered


def test_rows_keep_their_order_whatever_their_numbers() -> None:
    said = "f.7.what=lead:city&f.7.operator==&f.7.value=x&f.2.glue=or&f.2.what=lead:points&f.2.operator=gt&f.2.value=5"
    assert read_rows(form(said), FIELDS) == [
        Row("and", "lead:city", "=", ["x"]), Row("or", "lead:points", "gt", ["5"]),
    ]  # fmt: skip


def test_the_end_of_a_range_that_is_there_keeps_its_place() -> None:
    said = "f.0.what=lead:date_added&f.0.operator=between&f.0.value=&f.0.value=today"
    assert read_rows(form(said), FIELDS)[0].values == ["", "today"]


def test_an_operator_that_the_field_has_not_becomes_its_first() -> None:
    [row] = read_rows(form("f.0.what=lead:dnc_bounced&f.0.operator=regexp&f.0.value=1"), FIELDS)
    assert row == Row("and", "lead:dnc_bounced", "=", ["1"])


@pytest.mark.parametrize(
    ("do", "left"),
    [
        ("remove.0", ["b"]),
        ("remove.1", ["a"]),
        ("remove.x", ["a", "b"]),
        ("remove.9", ["a", "b"]),
        (f"remove.{'9' * 5_000}", ["a", "b"]),
        ("", ["a", "b"]),
    ],
)
def test_a_row_is_removed_by_its_place(do: str, left: list[str]) -> None:
    rows = [Row("and", "lead:city", "=", [one]) for one in "ab"]
    assert [row.values[0] for row in changed(rows, do)] == left


def test_rows_are_added_to_a_bound() -> None:
    assert [row.glue for row in changed(changed([], "add.and"), "add.or")] == ["and", "or"]
    full = [Row("and", "lead:city", "=")] * 100
    assert changed(full, "add.or") == full


def test_what_the_api_tells_comes_back_as_it_was() -> None:
    filters = [
        {"glue": "and", "object": "lead", "field": "city", "operator": "=", "properties": {"filter": "x"}},
        {"glue": "or", "object": "lead", "field": "tags", "operator": "in", "properties": {"filter": ["a", "b"]}},
        {"glue": "and", "object": "lead", "field": "gone", "operator": "in", "properties": {"filter": "a|b"}},
        {"glue": "and", "object": "lead", "field": "points", "operator": "empty", "properties": {"filter": None}},
    ]
    back = filters_of(rows_of(filters), FIELDS)
    assert [one["properties"]["filter"] for one in back] == ["x", ["a", "b"], "a|b", None]
    assert [(one["glue"], one["field"]) for one in back] == [(one["glue"], one["field"]) for one in filters]
    groups = groups_of(shown(rows_of(filters), FIELDS, {}))
    assert [[one.row.key for one in group] for group in groups] == [
        ["lead:city"], ["lead:tags", "lead:gone", "lead:points"],
    ]  # fmt: skip
