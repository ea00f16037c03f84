"""Conditions and orders in brackets: what they mean, and that nothing in them becomes SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.envelope import ApiError
from services.common.php_query import Node, PhpQueryError, parse_php_query
from services.common.queries.query_error import QueryError
from services.common.queries.where import MAX_COMPARISONS, MAX_DEPTH, Comparison, Group, read_where
from services.contacts.companies.company_list import page_statement as company_page
from services.contacts.companies.company_list import read_company_query
from services.contacts.list_parameters import Order, Shape, read_shape
from services.contacts.people.contact_list import count_statements, page_statements, read_list_query
from services.contacts.records.record_list import read_record_list

EXPRESSIONS = (
    "eq neq lt lte gt gte like notLike in notIn between notBetween isNull isNotNull isEmpty isNotEmpty andX orX".split()
)


def where(text: str) -> Group:
    return read_where(parse_php_query(text).get("where"))


def refused(text: str, read: Callable[[dict[str, Node]], Any] = read_list_query) -> QueryError:
    with pytest.raises(QueryError) as caught:
        read(parse_php_query(text))
    return caught.value


def test_conditions_are_read_as_node_mautic_sends_them() -> None:
    text = "where[0][col]=email&where[0][val]=a@b.c&where[0][expr]=eq"
    assert where(text) == Group("AND", (Comparison("email", "eq", ("a@b.c",), "where[0]"),))
    assert where(text.replace("[col]", "[column]").replace("[val]", "[value]")) == where(text)
    assert where("") == where("where=") == Group("AND", ())


def test_groups_nest() -> None:
    text = (
        "where[0][expr]=orX&where[0][val][0][col]=a&where[0][val][0][expr]=isNull"
        "&where[0][val][1][expr]=andX&where[0][val][1][val][0][col]=b&where[0][val][1][val][0][expr]=in"
        '&where[0][val][1][val][0][val]=x,"y, z"'
    )
    inner = Group("AND", (Comparison("b", "in", ("x", "y, z"), "where[0][val][1][val][0]"),))
    assert where(text).parts == (Group("OR", (Comparison("a", "isnull", (), "where[0][val][0]"), inner)),)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("where=x", "where"),
        ("where[0]=x", "where[0]"),
        ("where[0][expr]=eq&where[0][val]=1", "where[0][col]"),
        ("where[0][col]=email&where[0][val]=1", "where[0][expr]"),
        ("where[0][col]=email&where[0][expr]=eq", "where[0][val]"),
        ("where[0][col]=email&where[0][expr]=sounds&where[0][val]=1", "where[0][expr]"),
        ("where[0][col]=nothing&where[0][expr]=eq&where[0][val]=1", "where[0][col]"),
        ("where[0][col]=profile&where[0][expr]=eq&where[0][val]=1", "where[0][col]"),
        ("where[0][col]=id)%20OR%20(1&where[0][expr]=eq&where[0][val]=1", "where[0][col]"),
        ("where[0][col]=points&where[0][expr]=gt&where[0][val]=many", "where[0][val]"),
        ("where[0][col]=date_added&where[0][expr]=gt&where[0][val]=soon", "where[0][val]"),
        ("where[0][col]=id&where[0][expr]=in&where[0][val]=1,x", "where[0][val]"),
        ("where[0][col]=points&where[0][expr]=between&where[0][val]=1", "where[0][val]"),
        ("where[0][col]=points&where[0][expr]=eq&where[0][val][]=1", "where[0][val]"),
        ("where[0][expr]=orX&where[0][val][0][col]=x&where[0][val][0][expr]=isNull", "where[0][val][0][col]"),
        ("where[0][expr]=orX&where[0][val]=", "where[0][val]"),
        ("order=id", "order"),
        ("order[0][dir]=ASC", "order[0][col]"),
        ("order[0][col]=id&order[0][dir]=UP", "order[0][dir]"),
        ("order[0][col]=fields", "order[0][col]"),
        ("orderBy=email,now()", "orderBy"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, place: str) -> None:
    error = refused(text)
    assert error.details() == {place: [str(error)]}


def test_an_unknown_column_is_named() -> None:
    for read in (read_list_query, read_company_query, lambda query: read_record_list("form", query)):
        assert "'secret'" in str(refused("where[0][col]=secret&where[0][expr]=isNull", read))
        assert "'secret'" in str(refused("order[0][col]=secret", read))


def test_depth_and_number_are_bounded() -> None:
    def nested(depth: int) -> str:
        path = "where[0]" + "[val][0]" * depth
        groups = "&".join(f"where[0]{'[val][0]' * one}[expr]=andX" for one in range(depth))
        return f"{groups}&{path}[col]=id&{path}[expr]=isNotNull"

    assert where(nested(MAX_DEPTH - 1))
    with pytest.raises((QueryError, PhpQueryError)):
        where(nested(MAX_DEPTH))
    one = {"col": "id", "expr": "isNull"}
    with pytest.raises(QueryError):
        read_where([one] * (MAX_COMPARISONS + 1))  # type: ignore[list-item]


def test_orders_come_in_lists_and_with_commas_and_end_with_the_id() -> None:
    text = "order[0][col]=l.lastActive&order[0][dir]=DESC&order[1][col]=email&orderBy=city,%20email,points"
    assert read_list_query(parse_php_query(text)).orders == (
        Order("last_active", is_descending=True),
        Order("email", is_descending=False),
        Order("city", is_descending=False),
        Order("points", is_descending=False),
        Order("id", is_descending=True),
    )
    assert read_list_query({"orderBy": "id", "orderByDir": "DESC"}).orders == (Order("id", is_descending=True),)


def test_anonymous_visitors_are_not_read_when_a_condition_rules_them_out() -> None:
    def anonymous(text: str) -> str:
        return read_list_query(parse_php_query(text)).filter.condition.anonymous

    assert anonymous("where[0][col]=email&where[0][expr]=eq&where[0][val]=a@b.c") == "0"
    assert anonymous("where[0][col]=email&where[0][expr]=neq&where[0][val]=a@b.c") == "0"
    assert anonymous("where[0][col]=email&where[0][expr]=isNull") == "1"
    statements = page_statements(read_list_query(parse_php_query("where[0][col]=email&where[0][expr]=isNotNull")), 1)
    assert "activity" not in statements[-1].sql


def test_a_selection_shows_what_is_named_and_no_nulls() -> None:
    shown = {"id": 1, "isPublished": True, "owner": None, "fields": {"all": {"email": None, "city": "x"}, "core": []}}
    select = read_shape(parse_php_query("select[]=id&select[]=owner&select[]=fields"))
    assert select.of(shown) == {"id": 1, "fields": {"all": {"city": "x"}, "core": []}}
    assert read_shape(parse_php_query("select[]=is_published&minimal=1")).of(shown) == {}
    with pytest.raises(QueryError, match="There is no anything, nothing to select; there are id, isPublished, owner"):
        read_shape(parse_php_query("select[]=id&select[]=nothing&select[]=anything")).of(shown)
    assert read_shape({"minimal": "1"}).of(shown, ("id", "fields")) == {"id": 1, "fields": shown["fields"]}
    assert read_shape({"minimal": "true"}).of(shown) == {"id": 1, "owner": None, "fields": shown["fields"]}
    assert Shape().of(shown) == shown


texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
hostile = st.sampled_from(
    ["email", "id", "points", "date_added", "lastActive", "l.email", "attribution_date", "name", "score", "companyname",
     "') OR 1=1 --", "{w0:String}", "\\", "%", "1,2", "2024-01-01", "{p0", "fields['x']", "", "\0"]
)  # fmt: skip
pairs = st.tuples(
    st.sampled_from(
        ["where[0][col]", "where[0][expr]", "where[0][val]", "where[0][val][]", "where[0][val][0][col]",
         "where[0][val][0][expr]", "where[0][val][0][val]", "where[1][col]", "where[1][expr]", "where[1][val]",
         "where[a][internal]", "order[0][col]", "order[0][dir]", "order[][col]", "orderBy", "select[]", "minimal"]
    ),
    st.one_of(hostile, st.sampled_from(EXPRESSIONS), texts),
)  # fmt: skip


@given(st.lists(pairs, max_size=12))
def test_any_brackets_are_answered_or_refused(said: list[tuple[str, str]]) -> None:
    query = parse_php_query(urlencode(said))
    try:
        asked = read_list_query(query)
        statements = [*page_statements(asked, 10**6), *count_statements(asked)]
    except (ApiError, QueryError):
        return
    for statement in filter(None, statements):
        assert statement.sql.count("(") == statement.sql.count(")")
        assert set(re.findall(r"\{(\w+):", statement.sql)) <= set(statement.parameters)


def _statements(column: str, expr: str, value: str) -> list[tuple[str, dict[str, Any]]]:
    query: dict[str, Node] = {
        "where": [{"col": column, "expr": expr, "val": [value, value] if expr in ("in", "between") else value}]
    }
    pages = page_statements(read_list_query(query), 1)
    found = [(page.sql, page.parameters) for page in pages]
    records = read_record_list("form", {"where": [{"col": "name", "expr": expr, "val": value}]})
    companies = company_page(read_company_query({"where": [{"col": "companycity", "expr": expr, "val": value}]}))
    return [*found, (records.page, records.parameters), (companies.sql, companies.parameters)]


@given(
    texts.filter(lambda text: text.replace("\0", "")), st.sampled_from(["eq", "neq", "like", "notLike", "lt", "gte"])
)
def test_whatever_the_value_the_statement_is_the_same(value: str, expr: str) -> None:
    """What differs is in the parameters."""
    assert [sql for sql, _ in _statements("city", expr, value)] == [sql for sql, _ in _statements("city", expr, "x")]
    assert all(parameters["w0"] for _, parameters in _statements("city", expr, value))
