"""What stays of a note's HTML, and what does not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.harmless_html import harmless_html


@pytest.mark.parametrize(
    "text", ["", "Called her.\n\nShe was out.", "a < b & c", "1 <2", "I <3 you", "&lt;b&gt;", "a > b", "5 < 6 > 4"]
)
def test_text_without_a_tag_stays_as_it_is(text: str) -> None:
    assert harmless_html(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<p>She <b>likes</b> it &amp; more</p>", "<p>She <b>likes</b> it &amp; more</p>"),
        ("<ul><li>one</li></ul>", "<ul><li>one</li></ul>"),
        ("<b>x</b><script>alert(1)</script>", "<b>x</b>"),
        ('<img src="x.png" onerror="alert(1)">', '<img src="x.png">'),
        ('<a href="javascript:alert(1)">k</a>', '<a rel="noopener noreferrer">k</a>'),
        ("<iframe src=//evil.example></iframe>y", "y"),
        ("<svg><script>alert(1)</script></svg>z", "z"),
        ("<img src=x onerror=alert(1) ", "&lt;img src=x onerror=alert(1) "),
        ("x <y", "x &lt;y"),
    ],
)
def test_what_runs_is_taken_out(text: str, kept: str) -> None:
    assert harmless_html(text) == kept


WORDS = ("script", "img", " onerror=", "alert(1)", "svg", "javascript:", "iframe", "style", "&lt;", "<!--")
pieces = st.sampled_from([*WORDS, *"<>\"'/ a"]) | st.text(max_size=3)
RUNS = re.compile(r"<\s*(script|svg|iframe|style)|\son\w+\s*=|javascript:", re.IGNORECASE)


@given(st.lists(pieces, max_size=30).map("".join))
def test_nothing_hostile_is_left_and_nothing_is_changed_twice(text: str) -> None:
    once = harmless_html(text)
    assert harmless_html(once) == once
    tags = [re.sub(r'"[^"]*"', "", tag) for tag in re.findall(r"<[a-zA-Z/!?][^>]*", once)]
    assert not any(RUNS.search(tag) for tag in tags), once
