"""What one filter of a segment means in ClickHouse, for known contacts and for anonymous visitors. Pure.

Negative operators are not in here: they are the contrary of the positive ones, so each condition must be true or false
and never NULL. Of an anonymous visitor all fields are blank; its visits are those of anybody else.
"""

from __future__ import annotations

from datetime import datetime

from services.common.documents import SegmentFilter
from services.common.queries.contact_query import ALIAS, FALSE, TRUE, Condition, field_sql, known_since
from services.common.queries.segment_behaviours import Behaviours
from services.common.queries.segment_dates import EachYear
from services.common.queries.segment_fields import COMPANY, SegmentField
from services.common.queries.segment_terms import ALL, COMPARES, PATTERNS, SIGNS, Terms, all_of, negated, shown_time
from services.common.queries.segment_values import clock_of, flag_of, id_of, ids_of, number_of, texts_of


class Conditions:
    def __init__(self, terms: Terms, behaviours: Behaviours) -> None:
        self._terms, self._behaviours = terms, behaviours

    def positive(self, field: SegmentField, said: SegmentFilter, sign: str) -> Condition:
        """`sign` is an operator without its !. Raises `ValueError` with what is wrong."""
        if field.source.startswith("event:"):
            return self._behaviours.positive(field, said, sign)
        if field.source.startswith(f"{COMPANY}:"):
            return _of_companies(self._positive(field, said, sign), sign)
        return self._positive(field, said, sign)

    def _positive(self, field: SegmentField, said: SegmentFilter, sign: str) -> Condition:
        source = field.source
        match field.kind:
            case "multiselect":
                return self._set(source, sign, said)
            case "lookup_id":
                known = f"{source} = {0 if sign == 'empty' else self._terms.bind(id_of(said), 'UInt64')}"
                return Condition(known, TRUE if sign == "empty" else FALSE)
            case "boolean":
                refused = Condition(f"has(dnc, {self._terms.bind(source)})", FALSE)
                return refused if flag_of(said) else negated(refused)
            case "told_boolean":
                said_yes = Condition(f"{_told(source)} = '1'", FALSE)
                return said_yes if flag_of(said) else negated(said_yes)
            case "told_multiselect":
                return self._choices(_told(source), sign, said)
            case "number":
                return self._number(source, sign, said)
            case "datetime" if sign in PATTERNS:
                return self._date_text(source, sign, said)
            case "datetime":
                return self._date(source, sign, said)
            case "told_datetime" if sign not in PATTERNS:
                return self._date(source, sign, said)
            case "told_time" if sign not in PATTERNS and sign != "empty":
                said = clock_of(said, is_range=sign == "between")
        return Condition(self._terms.text(_told(source), sign, said), TRUE if sign == "empty" else FALSE)

    def _number(self, alias: str, sign: str, said: SegmentFilter) -> Condition:
        """Points are always a number, 0 to begin with; other numbers may be blank."""
        text, is_counted = _told(alias), alias == "points"
        if sign == "empty":
            return Condition("points = 0" if is_counted else f"{text} = ''", TRUE)
        if sign in PATTERNS:
            return Condition(self._terms.text(text, sign, said), FALSE)
        number = number_of(said)
        compared = f"{SIGNS[sign]} {self._terms.bind(number, 'Float64')}"
        if is_counted:
            return Condition(f"points {compared}", TRUE if COMPARES[sign](0, number) else FALSE)
        return Condition(f"({text} != '' AND toFloat64OrZero({text}) {compared})", FALSE)

    def _set(self, column: str, sign: str, said: SegmentFilter) -> Condition:
        if sign == "empty":
            return Condition(f"empty({column})", TRUE)
        if column == "tags":
            if any(isinstance(one, (int, float)) for one in (said.value if isinstance(said.value, list) else ())):
                raise ValueError("Tags are given by their names.")
            return Condition(f"hasAny(tags, {self._terms.bind(texts_of(said), 'Array(String)')})", FALSE)
        return Condition(f"hasAny({column}, {self._terms.bind(ids_of(said), 'Array(UInt64)')})", FALSE)

    def _choices(self, text: str, sign: str, said: SegmentFilter) -> Condition:
        if sign == "empty":
            return Condition(f"{text} = ''", TRUE)
        chosen = self._terms.bind(texts_of(said), "Array(String)")
        return Condition(f"hasAny(splitByChar('|', {text}), {chosen})", FALSE)

    # Dates: a condition is made of "at or after this moment" and, where it may never have been, of "ever".

    def _date(self, source: str, sign: str, said: SegmentFilter) -> Condition:
        if sign == "empty":
            return negated(self._ever(source))
        bounds = self._terms.bounds(sign, said)
        if isinstance(bounds, EachYear):
            return self._each_year(source, bounds)
        start, end = bounds
        parts = [self._since(source, start) if start else self._ever(source)]
        if end:
            parts.append(negated(self._since(source, end)))
        return all_of(parts)

    def _date_text(self, source: str, sign: str, said: SegmentFilter) -> Condition:
        """A date by a pattern, as it is shown: what visits say of it counts too."""
        if source in ("date_identified", "date_modified"):
            found = self._terms.text(shown_time(source), sign, said)
            return Condition(f"({self._ever(source).known} AND {found})", FALSE)
        if source == "date_added":
            seen, known = "first_seen", shown_time(known_since("c.date_added", "s.first_seen"))
        else:
            seen = "last_active"
            active = f"if(toUnixTimestamp64Milli(s.last_active) = 0, '', {shown_time('s.last_active')})"
            known = f"greatest(c.fields['last_active'], {active})"
        found = self._behaviours.known(self._terms.text(known, sign, said))
        return Condition(f"id IN {found}", self._terms.text(shown_time(seen), sign, said))

    def _since(self, source: str, time: datetime) -> Condition:
        moment = self._terms.moment(time)
        match source:
            case "date_added":
                before = self._behaviours.seen(f"first_seen < {moment}")
                return Condition(f"(date_added >= {moment} AND id NOT IN {before})", f"first_seen >= {moment}")
            case "last_active":
                after, told = self._behaviours.seen(f"last_active >= {moment}"), self._terms.told(time)
                return Condition(f"(fields['last_active'] >= {told} OR id IN {after})", f"last_active >= {moment}")
            case "date_identified" | "date_modified":
                return Condition(f"{source} >= {moment}", FALSE)
        return Condition(f"{_told(source)} >= {self._terms.told(time)}", FALSE)

    def _ever(self, source: str) -> Condition:
        match source:
            case "date_added":
                return ALL
            case "last_active":
                return Condition(f"(fields['last_active'] != '' OR id IN {self._behaviours.seen(TRUE)})", TRUE)
            case "date_identified" | "date_modified":
                return Condition(f"toUnixTimestamp64Milli({source}) > 0", FALSE)
        return Condition(f"{_told(source)} != ''", FALSE)

    def _each_year(self, source: str, day: EachYear) -> Condition:
        if source in ("date_added", "last_active"):
            raise ValueError("This date has no day of every year.")
        if source in ("date_identified", "date_modified"):
            ever = self._ever(source).known
            return Condition(f"({ever} AND {self._terms.on_day(source, day)})", FALSE)
        return Condition(
            f"substring({_told(source)}, 6, 5) = {self._terms.bind(f'{day.month:02d}-{day.day:02d}')}", FALSE
        )


def _told(source: str) -> str:
    """The stored text of a field, of a contact or of a company."""
    alias = source.removeprefix(f"{COMPANY}:")
    if alias == source:
        return field_sql(source)
    assert ALIAS.fullmatch(alias)
    where = f"data, 'fields', '{alias}', 1"
    plain = f"transform(JSONExtractRaw({where}), ['true', 'false', 'null'], ['1', '0', ''], JSONExtractRaw({where}))"
    return f"if(JSONType({where}) = 'String', JSONExtractString({where}), {plain})"


def _of_companies(found: Condition, sign: str) -> Condition:
    """Who is in a company that it is true of; for a blank, who is in none that is told something. A set is looked up a
    hundred times as fast as an array."""
    is_blank = sign == "empty"
    such = f"NOT ({found.known})" if is_blank else found.known
    rows = f"SELECT toUInt64OrZero(id) FROM records FINAL WHERE kind = 'company' AND {such}"
    member = f"arrayExists(company_id -> company_id IN ({rows}), companies)"
    return Condition(f"NOT {member}", TRUE) if is_blank else Condition(member, FALSE)
