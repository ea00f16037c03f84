"""The search language: what a text means, and that no text breaks it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.queries.contact_query import COMMANDS, compile_search
from services.common.queries.search import EVERYTHING, And, Node, Not, Or, SearchError, Term, parse_search
from services.common.queries.search_sql import exact_pattern, like_pattern

a, b, c = Term("", "a"), Term("", "b"), Term("", "c")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("", EVERYTHING),
        ("  ", EVERYTHING),
        ("a", a),
        ("a b", And((a, b))),
        ("a and b", And((a, b))),
        ("a OR b", Or((a, b))),
        ("a or b c", Or((a, And((b, c))))),
        ("(a or b) c", And((Or((a, b)), c))),
        ("!(a or b)", Not(Or((a, b)))),
        ("!a", Not(a)),
        ("+a", Term("", "a", is_strict=True)),
        ('"ada byron"', Term("", "ada byron")),
        ("email:Ada@x.org", Term("email", "Ada@x.org")),
        ("email:+ada+tag@x.org", Term("email", "ada+tag@x.org", is_strict=True)),
        ("+email:ada@x.org", Term("email", "ada@x.org", is_strict=True)),
        ("!email:ada", Not(Term("email", "ada"))),
        ("email:!ada", Not(Term("email", "ada"))),
        ("email:+!ada", Not(Term("email", "ada", is_strict=True))),
        ('name:"van der"', Term("name", "van der")),
        ("EMAIL:x", Term("email", "x")),
        ("phone:+49", Term("phone", "49", is_strict=True)),
        ("https://x.org/a", Term("", "https://x.org/a", is_strict=True)),
        ("!12:30", Not(Term("", "12:30"))),
        ("or or", EVERYTHING),
        ("a or", a),
        ("()", EVERYTHING),
        ("() ()", EVERYTHING),
        ('"" +', EVERYTHING),
        ('"open', Term("", "open")),
        ("o'neil", Term("", "o'neil")),
    ],
)
def test_a_text_means(text: str, node: Node) -> None:
    assert parse_search(text, COMMANDS) == node


@pytest.mark.parametrize("text", ["(a", "a)", "((a)", "(" * 20 + "a" + ")" * 20, "a " * 101, "x" * 2_001])
def test_what_cannot_be_answered_is_refused(text: str) -> None:
    with pytest.raises(SearchError):
        parse_search(text, COMMANDS)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("ada (b", 4),
        ("ada b) c", 5),
        ("(" * 10 + "(a", 10),
        ("a " * 101, 200),
        ("x" * 2_001, 2_000),
        ("ada lang:de", 4),
        ("a\0 ( is:nonsense )", 5),
        ("!company_id:x", 0),
        ("ada !page_id:5", 4),
        ("ada !email:", 4),
        ('ada tag:""', 4),
        ("ids:+ ada", 0),
        ("segment: vip", 0),
        ("ada ! tag:x", 4),
        ("! (a b)", 0),
        ('!""', 0),
        ("!!a", 0),
        ("ada !tag:!x", 4),
        ("ada !ids:abc", 4),
        ("ids:1,1O", 0),
        ("ids:" + "9" * 20, 0),
        ("!ids:,", 0),
    ],
)
def test_an_error_points_at_the_character(text: str, at: int) -> None:
    with pytest.raises(SearchError) as caught:
        compile_search(text)
    assert caught.value.at == at
    assert caught.value.details() == {"search": [str(caught.value)], "character": [str(at + 1)]}


@pytest.mark.parametrize("text", ["segment:x", "is:nonsense", "owner:ada", "ids:" + "1," * 900 + "1" * 1])
def test_what_is_not_available_is_refused_and_not_ignored(text: str) -> None:
    if text.startswith("ids:"):
        assert compile_search(text).parameters
    else:
        with pytest.raises(SearchError):
            compile_search(text)


words = st.sampled_from(
    ["ada", "email:x", "!tag:y", "or", "and", "(", ")", '"', "+", "!", "%", "ip:10.", "is:anonymous", "ids:1,2",
     "city:'; DROP", "\\", "name:{p0:String}", "x:y:z", "owner:a", "stage:x", "company:y", "company_id:7",
     "email_read:9"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(words).map(" ".join), st.lists(words).map("".join)))
def test_any_text_is_compiled_or_refused(text: str) -> None:
    try:
        where = compile_search(text, "admin")
    except SearchError:
        return
    for sql in where.condition:
        assert sql.count("(") == sql.count(")")
        assert set(re.findall(r"\{(\w+):", sql)) <= set(where.parameters)


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])))
def test_values_travel_as_parameters(value: str) -> None:
    """Whatever is searched for, the statement is one of few; what differs is in the parameters."""
    try:
        where = compile_search("email:+" + value)
    except SearchError:
        return
    assert re.fullmatch(r"[a-zA-Z0-9_ ={}:()%.,\->\[\]']*", where.condition.known)


@given(st.text())
def test_only_percent_is_special_in_a_pattern(value: str) -> None:
    def matches(pattern: str, text: str) -> bool:
        regex, position = "", 0
        while position < len(pattern):
            char = pattern[position]
            if char == "\\":
                position += 1
                regex += re.escape(pattern[position])
            else:
                regex += {"%": ".*", "_": "."}.get(char, re.escape(char))
            position += 1
        return re.fullmatch(regex, text, re.DOTALL) is not None

    assert matches(exact_pattern(value), value)
    assert matches(like_pattern(value), value + ("" if "%" in value else "more"))
    assert matches(like_pattern(value, contains=True), value)
    assert not matches(exact_pattern(value), value + "x")


def test_anonymous_visitors_are_not_read_when_they_cannot_match() -> None:
    assert compile_search("email:ada").condition.anonymous == "0"
    assert compile_search("!email:ada").condition.anonymous == "1"
    assert compile_search("email:ada or is:anonymous").condition.anonymous == "1"
    assert compile_search("email:ada !is:anonymous").condition.anonymous == "0"
    assert compile_search("").condition.sides == ("1", "1")


def test_the_rarest_word_is_looked_for_first() -> None:
    found = compile_search("is:unowned of last 15345 companies")
    assert list(found.parameters.values()) == ["%15345%", "%companies%", "%last%", "%of%"]
    assert found.condition.known.endswith("owner_id = 0)")
