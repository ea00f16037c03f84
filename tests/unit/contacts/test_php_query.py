"""Queries with PHP's brackets."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.php_query import MAX_DEPTH, MAX_PAIRS, Node, PhpQueryError, as_list, parse_php_query


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": "2"}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[x]=1&a[y]=2", {"a": {"x": "1", "y": "2"}}),
        ("a[1]=x&a[]=y", {"a": {"1": "x", "2": "y"}}),
        ("a[b][]=1&a[b][]=2&a[c]=3", {"a": {"b": ["1", "2"], "c": "3"}}),
        ("filters%5BincludeEvents%5D%5B%5D=page.hit", {"filters": {"includeEvents": ["page.hit"]}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[b=1", {"a_b": "1"}),
        ("a[b]c=1", {"a": {"b": "1"}}),
        ("[a]=1&=2&&", {}),
        ("q=a+b%2Bc", {"q": "a b+c"}),
        ("q=%ff%", {"q": "\ufffd%"}),
        ("0=a&1=b", {"0": "a", "1": "b"}),
    ],
)
def test_brackets_become_a_tree(text: str, tree: dict[str, Node]) -> None:
    assert parse_php_query(text) == tree


@pytest.mark.parametrize("text", ["&" * MAX_PAIRS, "a" + "[b]" * MAX_DEPTH + "=1", "a" * 301 + "=1"])
def test_what_goes_beyond_the_bounds_is_refused(text: str) -> None:
    with pytest.raises(PhpQueryError):
        parse_php_query(text)


@given(st.dictionaries(st.text(st.characters(exclude_characters="[] ", exclude_categories=["Cs"]), min_size=1,
                               max_size=30), st.text(st.characters(exclude_categories=["Cs"]))))  # fmt: skip
def test_flat_pairs_come_through_unchanged(pairs: dict[str, str]) -> None:
    assert parse_php_query(urlencode(pairs)) == pairs


@given(st.one_of(st.binary(), st.text("ab[]=&%01+")))
def test_any_bytes_are_a_tree_or_refused(data: bytes | str) -> None:
    try:
        tree = parse_php_query(data)
    except PhpQueryError:
        return
    assert isinstance(tree, dict)
    for node in tree.values():
        assert all(isinstance(text, str) for text in as_list(node))
