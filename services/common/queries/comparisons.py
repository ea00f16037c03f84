"""What conditions and orders mean in ClickHouse, on columns from a whitelist; values travel as parameters. Pure.

A blank is what a database calls null: it equals only '' and is found by `isNull`; no other comparison holds for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.common.field_values import FIRST_YEAR, read_boolean, read_number, read_time
from services.common.queries.contact_query import FALSE, TRUE, Condition, join_conditions
from services.common.queries.query_error import QueryError
from services.common.queries.search_sql import exact_pattern
from services.common.queries.where import Comparison, Group

MAX_ID = 2**64 - 1
_SIGNS = {"eq": "=", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "in": "IN", "notin": "NOT IN"}
_BIND = {"text": "String", "email": "String", "number": "Float64", "boolean": "Float64", "time": "Int64",
         "reference": "UInt64"}  # fmt: skip
_NULLABLE = frozenset({"number", "boolean"})
_BLANKS = {"text": "''", "email": "''"}  # 0 of all others


class Column(NamedTuple):
    """SQL of a value: of a known contact (or record), and of an anonymous visitor, '' where it has none.

    Kinds: text and email, blank when empty; number and boolean (1 and 0), blank when NULL; time in milliseconds since
    1970 and reference (an id), blank when 0.
    """

    kind: str
    known: str
    anonymous: str = ""


class Columns:
    """A whitelist of columns by name, and how clients may spell these."""

    def __init__(self, columns: Mapping[str, Column], also: Mapping[str, str] | None = None) -> None:
        self._columns, self._also = columns, also or {}

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def find(self, said: str, place: str) -> str:
        """The column's name, said in snake_case or camelCase, with or without a table's alias. Raises `QueryError`."""
        bare = re.sub(r"^[a-z]{1,5}\.", "", said)
        snake = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", bare).lower()
        for name in (bare, snake):
            name = self._also.get(name, name)
            if name in self._columns:
                return name
        known = ", ".join(self._columns)
        raise QueryError(f"There is no column {said[:60]!r}; there are {known}.", place)


class Filter(NamedTuple):
    """Compiled conditions, their parameters, and the columns that they look at."""

    condition: Condition
    parameters: dict[str, Any]
    columns: frozenset[str]


def compile_where(where: Group, columns: Columns) -> Filter:
    """Raises `QueryError`."""
    compiler = _Compiler(columns)
    condition = compiler.condition(where)
    return Filter(condition, compiler.parameters, frozenset(compiler.used))


def order_keys(column: Column) -> tuple[str, str]:
    """What is sorted by, known and anonymous: blanks are the smallest, letters count without their case."""
    blank = "-inf" if column.kind in _NULLABLE else _BLANKS.get(column.kind, "0")
    match column.kind:
        case "text" | "email":
            known = f"lower({column.known})"
        case "number" | "boolean":
            known = f"ifNull({column.known}, -inf)"
        case _:
            known = column.known
    return known, column.anonymous or blank


class _Compiler:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.parameters: dict[str, Any] = {}
        self.used: set[str] = set()

    def condition(self, where: Group | Comparison) -> Condition:
        if isinstance(where, Group):
            neutral = (TRUE, FALSE) if where.word == "AND" else (FALSE, TRUE)
            if not where.parts:
                return Condition(TRUE, TRUE)
            return join_conditions([self.condition(part) for part in where.parts], where.word, *neutral)
        name = self._columns.find(where.column, f"{where.place}[col]")
        self.used.add(name)
        column = self._columns[name]
        values = [_read(column.kind, value, where) for value in where.values]
        known = self._compare(column.kind, column.known, where.expr, values)
        if column.anonymous:
            return Condition(known, self._compare(column.kind, column.anonymous, where.expr, values))
        holds_for_blank = where.expr in ("isnull", "isempty") or (where.expr in ("eq", "in") and "" in where.values)
        return Condition(known, TRUE if holds_for_blank else FALSE)

    def _compare(self, kind: str, sql: str, expr: str, values: Sequence[Any]) -> str:
        blank = f"isNull({sql})" if kind in _NULLABLE else f"{sql} = {_BLANKS.get(kind, '0')}"
        if expr in ("isnull", "isempty") or (expr == "eq" and values[0] is None):
            return blank
        if expr in ("isnotnull", "isnotempty") or (expr == "neq" and values[0] is None):
            return f"NOT {blank}"
        said = [value for value in values if value is not None]
        compared = self._said(kind, sql, expr, said) if said else TRUE if expr == "notin" else FALSE
        if None in values and expr == "in":
            return f"({blank} OR {compared})"
        return compared if expr == "eq" else f"(NOT {blank} AND {compared})"

    def _said(self, kind: str, sql: str, expr: str, values: Sequence[Any]) -> str:
        if expr in ("like", "notlike"):
            return f"{_as_text(kind, sql)} {'NOT ' * (expr == 'notlike')}ILIKE {self._bind(values[0], 'String')}"
        if kind == "text" and expr in ("eq", "neq"):
            return f"{sql} {'NOT ' * (expr == 'neq')}ILIKE {self._bind(exact_pattern(values[0]), 'String')}"
        left = f"lower({sql})" if kind == "text" else f"intDiv({sql}, 1000)" if kind == "time" else sql
        if expr in ("between", "notbetween"):
            low, high = (self._bind(value, _BIND[kind]) for value in values)
            return f"{'NOT ' * (expr == 'notbetween')}({left} >= {low} AND {left} <= {high})"
        bound = self._bind(values if expr in ("in", "notin") else values[0], _bound_type(kind, expr))
        return f"{left} {_SIGNS[expr]} {bound}"

    def _bind(self, value: Any, kind: str) -> str:
        name = f"w{len(self.parameters)}"
        self.parameters[name] = list(value) if isinstance(value, (list, tuple)) else value
        return f"{{{name}:{kind}}}"


def _bound_type(kind: str, expr: str) -> str:
    return f"Array({_BIND[kind]})" if expr in ("in", "notin") else _BIND[kind]


def _as_text(kind: str, sql: str) -> str:
    if kind in ("text", "email"):
        return sql
    return f"toString(toDateTime64({sql} / 1000, 0, 'UTC'))" if kind == "time" else f"toString({sql})"


def _read(kind: str, said: str, where: Comparison) -> Any:
    """A value as it is compared, None for a blank. Raises `QueryError`."""
    said = said.replace("\0", "")
    if where.expr in ("like", "notlike"):
        return said.replace("\\", "\\\\").replace("_", "\\_")  # only % is special
    if said == "" and where.expr in ("eq", "neq", "in", "notin"):
        return None
    try:
        return _typed(kind, said, where.expr)
    except ValueError:
        place = f"{where.place}[val]"
        raise QueryError(f"{said[:60]!r} is no value of {where.column[:60]}.", place) from None


def _typed(kind: str, said: str, expr: str) -> Any:
    match kind:
        case "email":
            return said.casefold()
        case "text":
            return said if expr in ("eq", "neq") else _lower(said)
        case "boolean":
            return read_boolean(said.strip())
        case "number":
            return read_number(said.strip())
        case "time":
            return int(read_time(said.strip(), FIRST_YEAR).timestamp())
    number = int(said) if re.fullmatch(r"\s*[0-9]{1,20}\s*", said, re.ASCII) else -1
    if not 0 <= number <= MAX_ID:
        raise ValueError
    return number


def _lower(text: str) -> str:
    """As ClickHouse's `lower`, which knows ASCII only."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
