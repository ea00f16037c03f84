"""What filters by behaviour mean in ClickHouse: who did it, of known contacts and of anonymous visitors. Pure.

An event is stored under the contact that its device was then; of known contacts the ids that merged are followed to the
one that survives.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.common.documents import SegmentFilter
from services.common.queries.contact_query import ALIASES, TRUE, Condition, seen
from services.common.queries.segment_dates import EachYear
from services.common.queries.segment_fields import SegmentField
from services.common.queries.segment_terms import COMPARES, PATTERNS, SIGNS, Terms, negated, shown_time
from services.common.queries.segment_values import flag_of, number_of, texts_of

SESSION_GAP_MS = 30 * 60 * 1_000  # a visit after a pause of this length is another session


class Behaviours:
    """With `only` the events of these contacts alone are looked at."""

    def __init__(self, terms: Terms, only: Sequence[int] = ()) -> None:
        self._terms = terms
        self._only = terms.bind(list(only), "Array(UInt64)") if only else ""

    def positive(self, field: SegmentField, said: SegmentFilter, sign: str) -> Condition:
        """`sign` is an operator without its !. Raises `ValueError` with what is wrong."""
        source = field.source.removeprefix("event:")
        match field.kind:
            case "datetime":
                return self._date(field, sign, said)
            case "count":
                return self._count(field, source, sign, said)
            case "multiselect" | "click":
                return self._ids(field, source, sign, said)
        return self._text(field, source, sign, said)

    def seen(self, where: str) -> str:
        """Those who were seen at such a time, under the ids that survive. Each row of `activity` is as good as all."""
        rows = f"SELECT DISTINCT contact_id FROM activity {self._among() or _KNOWN}{where}"
        return f"({_survivors(rows)})"

    def known(self, where: str) -> str:
        """Those known contacts of whose row `c`, and of whose first and last visit `s`, this is true."""
        among, ids = (f"c.id IN {self._only} AND ", f"SELECT arrayJoin({self._only})") if self._only else ("", "")
        return f"(SELECT c.id FROM contacts AS c FINAL LEFT JOIN {seen(ids)} AS s ON s.id = c.id WHERE {among}{where})"

    def _any(self, event_type: str, where: str) -> Condition:
        among, rows = self._among(), "SELECT DISTINCT contact_id FROM events"
        where = self._of_type(event_type) + where
        return Condition(
            f"id IN ({_survivors(f'{rows} {among or _KNOWN}{where}')})",
            f"id IN ({rows} {among or 'WHERE '}{where})",
            f"{rows} {among or 'WHERE '}{where}",
        )

    def _of_type(self, event_type: str) -> str:
        return f"type = {self._terms.bind(event_type)} AND " if event_type else ""

    def _among(self) -> str:
        return f"PREWHERE contact_id IN {self._only} WHERE " if self._only else ""

    def _text(self, field: SegmentField, column: str, sign: str, said: SegmentFilter) -> Condition:
        if sign == "empty":
            return negated(self._any(field.event_type, f"{column} != ''"))
        return self._any(field.event_type, self._terms.text(column, sign, said))

    def _ids(self, field: SegmentField, path: str, sign: str, said: SegmentFilter) -> Condition:
        """Ids are in what the event tells, as texts or as numbers."""
        thing, name = path.split(".")
        if sign in ("=", "empty"):
            found = self._any(field.event_type, f"JSONHas(query, '{thing}', '{name}')")
            return found if sign == "=" and flag_of(said) else negated(found)
        told = f"replaceAll(JSONExtractRaw(query, '{thing}', '{name}'), '\"', '')"
        return self._any(field.event_type, f"{told} IN {self._terms.bind(texts_of(said), 'Array(String)')}")

    def _date(self, field: SegmentField, sign: str, said: SegmentFilter) -> Condition:
        if sign == "empty":
            return negated(self._any(field.event_type, field.condition or TRUE))
        bounds = None if sign in PATTERNS else self._terms.bounds(sign, said)
        if bounds is None:
            parts = [self._terms.text(shown_time("time"), sign, said)]
        elif isinstance(bounds, EachYear):
            parts = [self._terms.on_day("time", bounds)]
        else:
            start, end = bounds
            parts = [f"time >= {self._terms.moment(start)}"] if start else []
            parts += [f"time < {self._terms.moment(end)}"] if end else []
        return self._any(field.event_type, " AND ".join([*parts, *([field.condition] if field.condition else [])]))

    def _count(self, field: SegmentField, what: str, sign: str, said: SegmentFilter) -> Condition:
        """Who has no such event is in no row: where 0 is asked for, everybody but those who have another number."""
        number = 0.0 if sign == "empty" else number_of(said)
        compared = f"{SIGNS.get(sign, '=')} {self._terms.bind(number, 'Float64')}"
        has_none = COMPARES["=" if sign == "empty" else sign](0, number)
        having = f"NOT (total {compared})" if has_none else f"total {compared}"
        among, where = self._among(), f"{self._of_type(field.event_type)}{TRUE} GROUP BY contact_id"
        each, total, alone = _COUNTS[what]
        rows = f"SELECT contact_id, {each} AS n FROM events"
        survivors = (
            f"SELECT {_SURVIVOR}, {total} AS total FROM ({rows} {among or _KNOWN}{where}) AS e {_JOIN}"
            f" GROUP BY survivor HAVING {having}"
        )
        visitors = f"SELECT contact_id, {alone} AS total FROM ({rows} {among or 'WHERE '}{where}) WHERE {having}"
        found = Condition(f"id IN (SELECT survivor FROM ({survivors}))", f"id IN (SELECT contact_id FROM ({visitors}))")
        return negated(found) if has_none else found


# Who can be a known contact, or has merged into one. As PREWHERE it goes before the texts: 0.42 instead of 0.58 s for
# the addresses of 5 million events, a tenth of them of known contacts. Where most are known it costs more than it
# saves: a comparison of two counts, made beforehand, then leaves it out.
_MOST_ARE_KNOWN = "(SELECT count() FROM contacts) > intDiv((SELECT count() FROM activity), 2)"
_CAN_BE_KNOWN = "contact_id IN (SELECT id FROM contacts UNION ALL SELECT loser FROM aliases)"
_KNOWN = f"PREWHERE ({_MOST_ARE_KNOWN} OR {_CAN_BE_KNOWN}) WHERE "


def _sessions(times: str) -> str:
    """Not every build of the engine has arrayDifference."""
    return (
        "arrayMap(times -> 1 + arrayCount((one, next) -> next - one > "
        f"{SESSION_GAP_MS}, arrayPopBack(times), arrayPopFront(times)), [arraySort(arrayDistinct({times}))])[1]"
    )


# Of the events of one id, of several ids together, of one alone. An array of hashes that is counted at the end takes a
# third of the time of uniqExact: 1.3 against 3.9 s for 5 million events of a million visitors.
_COUNTS = {
    "count": ("arrayUniq(groupArray(cityHash64(event_id, time)))", "sum(n)", "n"),
    "sessions": ("groupArray(toUnixTimestamp64Milli(time))", _sessions("arrayFlatten(groupArray(n))"), _sessions("n")),
}
_SURVIVOR = "if(a.winner = 0, e.contact_id, a.winner) AS survivor"
_JOIN = f"LEFT ANY JOIN {ALIASES} AS a ON a.loser = e.contact_id"


def _survivors(rows: str) -> str:
    return f"SELECT {_SURVIVOR} FROM ({rows}) AS e {_JOIN}"
