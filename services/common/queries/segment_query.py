"""Who is in a segment, as conditions on contacts: its filters, but those removed, and those added by hand. Pure.

A segment is never stored as a list of contacts; whoever asks gets who fits now. Values travel as parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.common.documents import Segment, SegmentFilter
from services.common.queries.contact_query import FALSE, Condition, Where
from services.common.queries.segment_behaviours import Behaviours
from services.common.queries.segment_conditions import Conditions
from services.common.queries.segment_fields import check_operator, find_field
from services.common.queries.segment_terms import NOBODY, Terms, all_of, any_of, negated
from services.common.queries.segment_values import ids_of

MAX_FILTERS = 100  # of one segment
MAX_CONDITIONS = 150  # of one, with all those that it is made of: the statement must stay below 256 KiB
MAX_DEPTH = 20  # of segments in segments
GLUES = ("and", "or")

Segments = Mapping[int, Segment]


class FilterError(ValueError):
    """A filter that cannot be answered: which one, from 0, and why."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"filters[{position}]: {why}")
        self.position, self.why = position, why


def compile_segment(segment_id: int, segments: Segments, now: datetime, only: Sequence[int] = ()) -> Where:
    """Who is in it now. `only`: the ids that alone are asked about, or that whoever is in it is among, with all that
    merged with them. Raises `FilterError`."""
    compiler = _Compiler(f"s{segment_id}p", segments, now, only)
    return Where(compiler.membership(segment_id), compiler.terms.parameters)


def used_by(segment: Segment) -> set[int]:
    """The segments that its filters name."""
    found: set[int] = set()
    for said in segment.filters:
        if said.field == "leadlist" and said.operator in ("in", "!in"):
            found.update(ids_of(said))
    return found


class _Compiler:
    def __init__(self, prefix: str, segments: Segments, now: datetime, only: Sequence[int]) -> None:
        self.terms = Terms(prefix, now)
        self._conditions = Conditions(self.terms, Behaviours(self.terms, only))
        self._segments = segments
        self._path: list[int] = []  # of segments that are being compiled, each for the one before
        self._count = 0

    def membership(self, segment_id: int) -> Condition:
        segment = self._segments[segment_id]
        self._path.append(segment_id)
        found = self._filters(segment.filters)
        self._path.pop()
        number = self.terms.bind(segment_id, "UInt64")
        added = f"has(segments_added, {number})"
        known = added
        if found.known != FALSE:
            known = f"(({found.known} AND NOT has(segments_removed, {number})) OR {added})"
        among = f"{found.among} UNION ALL SELECT id FROM contacts WHERE {added}" if found.among else ""
        return Condition(known, found.anonymous, among)

    def _filters(self, filters: Sequence[SegmentFilter]) -> Condition:
        if not filters:
            return NOBODY
        groups: list[list[Condition]] = []
        for position, said in enumerate(filters):
            if said.glue == "or" or not groups:
                groups.append([])
            groups[-1].append(self._checked(position, said))
        return any_of([all_of(group) for group in groups])

    def _checked(self, position: int, said: SegmentFilter) -> Condition:
        try:
            return self._filter(said)
        except FilterError as error:
            raise FilterError(position, error.why) from error
        except ValueError as error:
            raise FilterError(position, str(error)) from error

    def _filter(self, said: SegmentFilter) -> Condition:
        self._count += 1
        if self._count > MAX_CONDITIONS:
            raise ValueError(f"The segment is made of more than {MAX_CONDITIONS} conditions.")
        field = find_field(said.field, said.object, said.custom_type)
        check_operator(field, said.operator)
        sign = said.operator.removeprefix("!") if said.operator != "!=" else "="
        if field.source == "segments":
            found = any_of([self._other(segment_id) for segment_id in ids_of(said)])
        else:
            found = self._conditions.positive(field, said, sign)
        if said.operator == "!between":  # what never was is not outside either
            return all_of([negated(found), negated(self._conditions.positive(field, said, "empty"))])
        return negated(found) if said.operator.startswith("!") else found

    def _other(self, segment_id: int) -> Condition:
        if segment_id in self._path:
            raise ValueError(f"Segment {segment_id} would be made of itself.")
        if segment_id not in self._segments:
            raise ValueError(f"There is no segment {segment_id}.")
        if len(self._path) >= MAX_DEPTH:
            raise ValueError(f"Segments are nested deeper than {MAX_DEPTH}.")
        return self.membership(segment_id)
