"""Segments as conditions: what is refused, what is never text of a statement, and what needs no look at all."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common.documents import Segment, SegmentFilter
from services.common.queries.contact_query import Where
from services.common.queries.segment_fields import OPERATORS, SEGMENT_FIELDS
from services.common.queries.segment_query import MAX_CONDITIONS, MAX_DEPTH, FilterError, compile_segment, used_by

NOW = datetime(2024, 2, 28, 15, 4, 5, tzinfo=UTC)


def where(field: str, operator: str, value: Any = None, **more: Any) -> SegmentFilter:
    return SegmentFilter(field=field, operator=operator, value=value, **more)


def segment(*filters: SegmentFilter) -> Segment:
    return Segment(name="x", alias="x", filters=list(filters))


def compiled(*filters: SegmentFilter, **others: Segment) -> Where:
    more = {int(name.removeprefix("s")): one for name, one in others.items()}
    return compile_segment(1, {1: segment(*filters), **more}, NOW)


def test_without_filters_only_those_added_by_hand_are_in() -> None:
    found = compiled()
    assert found.condition.sides == ("has(segments_added, {s1p0:UInt64})", "0")
    assert found.parameters == {"s1p0": 1}


def test_by_hand_goes_before_the_filters() -> None:
    known, anonymous = compiled(where("city", "=", "Rome")).condition.sides
    assert known == (
        "((city ILIKE {s1p0:String} AND NOT has(segments_removed, {s1p1:UInt64}))"
        " OR has(segments_added, {s1p1:UInt64}))"
    )
    assert anonymous == "0"


def test_or_begins_another_group() -> None:
    a, b = where("city", "empty"), where("phone", "empty")
    known, _ = compiled(a, b, where("state", "empty", glue="or")).condition.sides
    assert known.startswith("((((city = '' AND phone = '') OR fields['state'] = '') AND NOT")
    first, _ = compiled(where("city", "empty", glue="or"), b).condition.sides
    assert first.startswith("(((city = '' AND phone = '') AND NOT"), "the first one's glue means nothing"


@pytest.mark.parametrize(
    ("said", "anonymous"),
    [
        (where("city", "empty"), "1"),
        (where("city", "!empty"), "0"),
        (where("city", "!=", "Rome"), "1"),
        (where("points", "gte", 0), "1"),
        (where("points", "gt", 0), "0"),
        (where("points", "!=", 3), "1"),
        (where("attribution", "lt", 5), "0"),
        (where("tags", "!in", ["a"]), "1"),
        (where("dnc_bounced", "=", 1), "0"),
        (where("dnc_bounced", "=", 0), "1"),
        (where("owner_id", "empty"), "1"),
        (where("companyname", "!=", "x", object="company"), "1"),
        (where("companyname", "like", "x", object="company"), "0"),
        (where("date_identified", "lt", "today"), "0"),
        (where("date_identified", "!between", ["2024-01-01", "2024-02-01"]), "0"),
        (where("date_identified", "empty"), "1"),
        (where("date_added", "empty"), "0"),
    ],
)
def test_of_a_visitor_all_fields_are_blank(said: SegmentFilter, anonymous: str) -> None:
    assert compiled(said).condition.anonymous == anonymous


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (where("nonsense", "=", "x"), "no field 'nonsense'"),
        (where("email", "in", ["x"]), "operator is one of"),
        (where("email", "drop", "x"), "operator is one of"),
        (where("email", "="), "value is needed"),
        (where("email", "=", ["a", "b"]), "not several"),
        (where("email", "regexp", "(a"), "no regular expression"),
        (where("email", "regexp", "(a{1000}){1000}"), "no regular expression"),
        (where("points", "gt", "many"), "must be a number"),
        (where("points", "gt", "nan"), "must be a number"),
        (where("owner_id", "=", "ada"), "must be an id"),
        (where("date_added", "gt", "soon"), "no date"),
        (where("date_added", "between", ["2024-01-01"]), "two ends"),
        (where("date_added", "in", ["today"]), "operator is one of"),
        (where("date_added", "date", "soon"), "no date"),
        (where("date_added", "gt", "anniversary"), "day of every year"),
        (where("country", "in", []), "values are needed"),
        (where("country", "in", ["x"] * 301), "values are needed"),
        (where("tags", "in", [3]), "by their names"),
        (where("dnc_bounced", "=", "maybe"), "1 or 0"),
        (where("page_id", "=", 1), "Nothing is stored yet"),
        (where("city", "=", "x", object="company"), "Companies have no field 'city'"),
        (where("email", "=", "x", object="else"), "An object is one of"),
        (where("leadlist", "in", [9]), "no segment 9"),
        (where("leadlist", "in", [1]), "made of itself"),
        (where("leadlist", "empty"), "one of !in, in"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_place(said: SegmentFilter, why: str) -> None:
    with pytest.raises(FilterError, match=why) as refused:
        compiled(where("city", "empty"), said)
    assert refused.value.position == 1


def test_segments_may_be_made_of_others_but_not_in_a_circle() -> None:
    other = segment(where("tags", "in", ["a"]))
    known, _ = compiled(where("leadlist", "!in", [2]), s2=other).condition.sides
    assert known.count("segments_added") == 2
    with pytest.raises(FilterError, match="made of itself"):
        compiled(where("leadlist", "in", [2]), s2=segment(where("leadlist", "in", "1")))
    assert used_by(segment(where("leadlist", "in", "2|3"), where("leadlist", "!in", [4]))) == {2, 3, 4}


def test_what_segments_are_made_of_is_bounded() -> None:
    chain = {number: segment(where("leadlist", "in", [number + 1])) for number in range(1, MAX_DEPTH + 2)}
    with pytest.raises(FilterError, match="nested deeper"):
        compile_segment(1, {**chain, MAX_DEPTH + 2: segment()}, NOW)
    doubling = {number: segment(*[where("leadlist", "in", [number + 1])] * 2) for number in range(1, 15)}
    with pytest.raises(FilterError, match=f"more than {MAX_CONDITIONS}"):
        compile_segment(1, {**doubling, 15: segment()}, NOW)


def test_a_question_about_one_contact_looks_at_its_events_only() -> None:
    found = compile_segment(1, {1: segment(where("hit_url", "contains", "x"))}, NOW, only=[7, 8])
    for side in found.condition.sides:
        assert len(re.findall(r"FROM events PREWHERE contact_id IN \{\w+:Array\(UInt64\)\} WHERE", side)) == 1
        assert side.count("PREWHERE") == 1
    assert [7, 8] in found.parameters.values()


BEEN_THERE, MAILED = where("hit_url", "=", "x"), where("email_id", "in", ["7"], glue="or")


@pytest.mark.parametrize(
    ("filters", "parts"),
    [
        ([BEEN_THERE], 1),
        ([where("city", "empty"), BEEN_THERE], 1),
        ([BEEN_THERE, MAILED], 2),
        ([where("hit_url", "!=", "x")], 0),
        ([where("hit_url", "empty")], 0),
        ([where("hit_url", "!empty")], 0),
        ([where("hit_url_count", "gte", 1)], 0),
        ([BEEN_THERE, where("city", "=", "Rome", glue="or")], 0),
        ([where("leadlist", "in", [2])], 1),
        ([], 0),
    ],
)
def test_what_whoever_fits_has_done_is_told_where_there_is_such_a_thing(
    filters: list[SegmentFilter], parts: int
) -> None:
    among = compiled(*filters, s2=segment(BEEN_THERE)).condition.among
    assert among.count("FROM events") == parts
    assert ("WHERE has(segments_added, " in among) is (parts > 0)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = scalars | st.lists(scalars, max_size=4) | st.dictionaries(st.sampled_from(["date_from", "date_to"]), scalars)
operators = st.sampled_from(sorted(set().union(*OPERATORS.values())))
fields = st.sampled_from(sorted(SEGMENT_FIELDS)) | st.text()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(fields, operators | st.text(), values, st.sampled_from(["lead", "behaviors", "company", ""]))
def test_anything_is_compiled_or_refused(field: str, operator: str, value: Any, object_name: str) -> None:
    try:
        found = compiled(where(field, operator, value, object=object_name))
    except FilterError:
        return
    for sql in found.condition:
        named = set(re.findall(r"\{(\w+):", sql))
        assert named <= set(found.parameters)
        assert set(re.sub(r"\{\w+:[\w()]+\}", "", sql)) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789 ()'=!<>.,[]+-:\"\n"
        )


MARK = "zq'\\\")--{s1p0:String}%_\x00"


@given(st.sampled_from(sorted(SEGMENT_FIELDS)), operators, st.text(max_size=20), st.booleans())
def test_no_value_is_text_of_the_statement(field: str, operator: str, text: str, is_list: bool) -> None:
    def sql(value: str) -> str | None:
        try:
            return "".join(compiled(where(field, operator, [value, value] if is_list else value)).condition)
        except FilterError:
            return None

    said = [one for one in (sql(MARK + text), sql("zq")) if one]
    assert len(set(said)) <= 1
    assert all("zq" not in one for one in said)
