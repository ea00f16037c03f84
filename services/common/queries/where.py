"""Conditions as clients write them in brackets, as a tree: `where[0][col]=email&where[0][expr]=eq&where[0][val]=a@b.c`.

Which columns there are is the query's business. Pure and bounded.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import NamedTuple

from services.common.php_query import Node
from services.common.queries.query_error import QueryError

MAX_DEPTH = 5
MAX_COMPARISONS = 100
MAX_VALUES = 1_000

GROUPS = {"andx": "AND", "orx": "OR"}
NO_VALUE = frozenset({"isnull", "isnotnull", "isempty", "isnotempty"})
SEVERAL_VALUES = frozenset({"in", "notin", "between", "notbetween"})
ONE_VALUE = frozenset({"eq", "neq", "lt", "lte", "gt", "gte", "like", "notlike"})
_EXPRESSIONS = (
    "eq neq lt lte gt gte like notLike in notIn between notBetween isNull isNotNull isEmpty isNotEmpty andX orX"
)


class Comparison(NamedTuple):
    """`expr` is in lower case; `place` is where the request says it."""

    column: str
    expr: str
    values: tuple[str, ...]
    place: str


class Group(NamedTuple):
    """`word` is AND or OR."""

    word: str
    parts: tuple[Comparison | Group, ...]


def read_where(node: Node | None) -> Group:
    """The conditions of a query's `where`, all of which must hold. Raises `QueryError`."""
    if node is None or node == "":
        return Group("AND", ())
    return _Reader().group(node, "AND", "where", 1)


class _Reader:
    def __init__(self) -> None:
        self._comparisons = 0

    def group(self, node: Node, word: str, place: str, depth: int) -> Group:
        if isinstance(node, str):
            raise QueryError(f"{place} must be a list of conditions.", place)
        if depth > MAX_DEPTH:
            raise QueryError(f"Conditions are nested deeper than {MAX_DEPTH}.", place)
        items = node.items() if isinstance(node, dict) else enumerate(node)
        return Group(word, tuple(self._part(item, f"{place}[{key}]", depth) for key, item in items))

    def _part(self, item: Node, place: str, depth: int) -> Comparison | Group:
        if not isinstance(item, dict):
            raise QueryError(f"{place} must have col, expr and val.", place)
        expr = _text(item, ("expr",), place).lower()
        value = item.get("val", item.get("value"))
        if expr in GROUPS:
            return self.group(value if value is not None else "", GROUPS[expr], f"{place}[val]", depth + 1)
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise QueryError(f"There are more than {MAX_COMPARISONS} conditions.", place)
        return Comparison(_text(item, ("col", "column"), place), expr, _values(expr, value, place), place)


def _text(item: Mapping[str, Node], names: tuple[str, ...], place: str) -> str:
    said = next((item[name] for name in names if name in item), "")
    if not isinstance(said, str) or not said.strip():
        raise QueryError(f"{place} has no {names[0]}.", f"{place}[{names[0]}]")
    return said.strip()


def _values(expr: str, said: Node | None, place: str) -> tuple[str, ...]:
    place = f"{place}[val]"
    if expr in NO_VALUE:
        return ()
    if expr in SEVERAL_VALUES:
        return _several(expr, said, place)
    if expr not in ONE_VALUE:
        raise QueryError(f"expr must be one of {_EXPRESSIONS}.", place.replace("[val]", "[expr]"))
    if not isinstance(said, str):
        raise QueryError(f"{place} must be one value.", place)
    return (said,)


def _several(expr: str, said: Node | None, place: str) -> tuple[str, ...]:
    listed = list(said.values()) if isinstance(said, dict) else _split(said, place) if isinstance(said, str) else said
    values = tuple(one for one in listed or () if isinstance(one, str))
    if not values or len(values) != len(listed or ()) or len(values) > MAX_VALUES:
        raise QueryError(f"{place} must be a list of 1 to {MAX_VALUES} values.", place)
    if expr.endswith("between") and len(values) != 2:
        raise QueryError(f"{place} must be two values.", place)
    return values


def _split(text: str, place: str) -> list[Node]:
    """Values with commas between them, in quotes where they hold one."""
    try:
        return [value for row in csv.reader([text], skipinitialspace=True) for value in row]
    except csv.Error:
        raise QueryError(f"{place} is no list with commas.", place) from None
