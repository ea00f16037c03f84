"""The columns of an export, and how each is written for the file that it is for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

Kind = Literal["integer", "decimal", "text", "time", "texts"]
Cell = Callable[["Column", str], str]
KINDS: Mapping[str, Kind] = {"number": "decimal", "boolean": "decimal"}  # by the type of a field; others are texts

# What a spreadsheet runs: a formula in either width, behind whatever is blank or cannot be seen. In a million rows of 8
# cells the expression takes 0.4 s, where a look at the first character takes 0.2 s.
_FORMULA = r"^(?:[\t\r]|[\pZ\pC]*[-=+@＝＋－＠])".replace("\\", "\\\\")


class Column(NamedTuple):
    """SQL of one value of a row, and of a row of anonymous visitors, '' where these have none.

    Kinds: integer; decimal, a text with a number or ''; text; time, a DateTime64 that is 0 for never; texts, an array.
    """

    name: str
    label: str
    kind: Kind
    sql: str
    anonymous: str = ""

    @property
    def of_nobody(self) -> str:
        """What it is for a visitor who was told nothing."""
        return self.anonymous or {"integer": "0", "time": "toDateTime64(0, 3, 'UTC')", "texts": "[]"}.get(
            self.kind, "''"
        )


def no_rows(columns: Sequence[Column], cell: Cell) -> str:
    """A statement that finds nothing, and says of what type that is."""
    return f"SELECT {cells([one._replace(sql=one._replace(anonymous='').of_nobody) for one in columns], cell)} WHERE 0"


def cells(columns: Sequence[Column], cell: Cell) -> str:
    """What a statement selects, under names that no table has."""
    return ", ".join(f"{cell(column, column.sql)} AS c{place}" for place, column in enumerate(columns))


def text_cell(column: Column, sql: str) -> str:
    """A text for every kind: times in UTC to the second, nothing for never, several texts with commas."""
    match column.kind:
        case "integer":
            return f"toString({sql})"
        case "time":
            return f"if(toUnixTimestamp64Milli({sql}) = 0, '', toString(toDateTime({sql}, 'UTC')))"
        case "texts":
            return f"arrayStringConcat({sql}, ',')"
    return f"toString({sql})"


def typed_cell(column: Column, sql: str) -> str:
    """The same for whoever makes numbers of decimals: what is none is blank."""
    text = text_cell(column, sql)
    return f"if(isNull(toFloat64OrNull({text})), '', {text})" if column.kind == "decimal" else text


def harmless_cell(column: Column, sql: str) -> str:
    """The same for CSV: a text that a spreadsheet would run as a formula is led by an apostrophe. A number is none."""
    text = text_cell(column, sql)
    if column.kind in ("integer", "time"):
        return text
    runs = f"match({text}, '{_FORMULA}')"
    if column.kind == "decimal":
        runs += f" AND isNull(toFloat64OrNull({text}))"
    return f"if({runs}, concat('\\'', {text}), {text})"


def parquet_cell(column: Column, sql: str) -> str:
    """A value of Parquet as ClickHouse writes it: null for what is not there, but for texts, which are empty."""
    match column.kind:
        case "integer":
            return f"toInt64({sql})"
        case "decimal":
            return f"toFloat64OrNull(toString({sql}))"
        case "time":
            return f"if(toUnixTimestamp64Milli({sql}) = 0, NULL, toDateTime64(toDateTime({sql}, 'UTC'), 3, 'UTC'))"
    return text_cell(column, sql)


def harmless_name(name: str) -> str:
    """Of a column, in the first line of CSV: a label may have anything in it."""
    return "'" + name if name and name[0] in "=+-@\t\r" else name


def json_cell(column: Column, sql: str) -> str:
    """A value of JSON: numbers, ISO 8601, lists, and null for what is not there."""
    match column.kind:
        case "decimal":
            return f"toFloat64OrNull(toString({sql}))"
        case "time":
            return f"if(toUnixTimestamp64Milli({sql}) = 0, NULL, formatDateTime({sql}, '%Y-%m-%dT%H:%i:%SZ', 'UTC'))"
        case "text":
            return f"nullIf(toString({sql}), '')"
    return sql
