"""What the conditions of segments are made of: bound values, comparisons of texts, bounds of dates. Pure."""

from __future__ import annotations

import operator
import string
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from services.common.documents import SegmentFilter
from services.common.queries.contact_query import FALSE, TRUE, Condition, join_conditions
from services.common.queries.search_sql import exact_pattern, like_pattern
from services.common.queries.segment_dates import EachYear, Span, read_date, whole_days
from services.common.queries.segment_values import pair_of, pattern_of, text_of, texts_of

SIGNS = {"=": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
COMPARES: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le
}  # fmt: skip
PATTERNS = frozenset({"like", "regexp", "startsWith", "endsWith", "contains"})
NOBODY, ALL = Condition(FALSE, FALSE), Condition(TRUE, TRUE)
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def negated(condition: Condition) -> Condition:
    known, anonymous = ({TRUE: FALSE, FALSE: TRUE}.get(side) or f"NOT ({side})" for side in condition.sides)
    return Condition(known, anonymous)


def all_of(conditions: Sequence[Condition]) -> Condition:
    return join_conditions(list(conditions), "AND", TRUE, FALSE)


def any_of(conditions: Sequence[Condition]) -> Condition:
    return join_conditions(list(conditions), "OR", FALSE, TRUE)


def shown_time(time: str) -> str:
    """The text of a time, as patterns look at it."""
    return f"toString(toDateTime({time}, 'UTC'))"


class Terms:
    """`parameters` are the values by the names under which the statement has them, each with this prefix."""

    def __init__(self, prefix: str, now: datetime) -> None:
        self.parameters: dict[str, Any] = {}
        self._prefix, self._now = prefix, now

    def bind(self, value: Any, kind: str = "String") -> str:
        name = f"{self._prefix}{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def text(self, column: str, sign: str, said: SegmentFilter) -> str:
        """Whatever the case. A blank has no pattern and is smaller than nothing."""
        match sign:
            case "empty":
                return f"{column} = ''"
            case "=":
                return f"{column} ILIKE {self.bind(exact_pattern(text_of(said)))}"
            case "in":
                values = [_lower(text) for text in texts_of(said)]
                return f"lower({column}) IN {self.bind(values, 'Array(String)')}"
            case "regexp":
                return f"({column} != '' AND match({column}, {self.bind(pattern_of(said))}))"
            case "like":
                pattern = like_pattern(text_of(said), contains=True)
            case "startsWith":
                pattern = f"{exact_pattern(text_of(said))}%"
            case "endsWith":
                pattern = f"%{exact_pattern(text_of(said))}"
            case "contains":
                pattern = f"%{exact_pattern(text_of(said))}%"
            case "between":
                low, high = (self.bind(_lower(one)) for one in pair_of(said))
                return f"({column} != '' AND lower({column}) >= {low} AND lower({column}) <= {high})"
            case _:
                bound = self.bind(_lower(text_of(said)))
                return f"({column} != '' AND lower({column}) {SIGNS[sign]} {bound})"
        return f"({column} != '' AND {column} ILIKE {self.bind(pattern)})"

    def bounds(self, sign: str, said: SegmentFilter) -> tuple[datetime | None, datetime | None] | EachYear:
        """From when on and until when."""
        low, high = pair_of(said) if sign == "between" else (text_of(said),) * 2
        first, last = read_date(low, self._now), read_date(high, self._now)
        if isinstance(first, EachYear) or isinstance(last, EachYear):
            if sign not in ("=", "date") or not isinstance(first, EachYear):
                raise ValueError("A day of every year is compared by =, != and date.")
            return first
        return _bounds_of(sign, first, last)

    def on_day(self, time: str, day: EachYear) -> str:
        month, number = self.bind(day.month, "UInt8"), self.bind(day.day, "UInt8")
        return f"toMonth({time}) = {month} AND toDayOfMonth({time}) = {number}"

    def moment(self, time: datetime) -> str:
        return f"fromUnixTimestamp64Milli({self.bind(int(time.timestamp() * 1_000), 'Int64')}, 'UTC')"

    def told(self, time: datetime) -> str:
        """As contacts were told times: text, in an order of its own. A day alone is before all times of it."""
        text = time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        return self.bind(text.removesuffix(" 00:00:00"))


def _bounds_of(sign: str, first: Span, last: Span) -> tuple[datetime | None, datetime | None]:
    match sign:
        case "gt":
            return first.end, None
        case "gte":
            return first.start, None
        case "lt":
            return None, first.start
        case "lte":
            return None, first.end
        case "date":
            return whole_days(first)
    return first.start, last.end


def _lower(text: str) -> str:
    """As ClickHouse's lower does: the letters of ASCII."""
    return text.translate(_ASCII_LOWER)
