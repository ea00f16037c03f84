"""Values that identify people: one form for each, and nobody's are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.values import clean, normalise_unique, read_tag


@pytest.mark.parametrize(
    ("text", "value"),
    [(" Ada@X.org ", "ada@x.org"), ("ada@x.org,", "ada@x.org"), ("ada+shop@x.co.uk", "ada+shop@x.co.uk")],
)
def test_an_address_has_one_form(text: str, value: str) -> None:
    assert normalise_unique("email", text) == value


@pytest.mark.parametrize(
    "text", ["", "null", "{{email}}", "a@b", "a b@x.org", "@x.org", "m\ufffdller@x.org", "a@@x.org"]
)
def test_what_identifies_nobody_is_refused(text: str) -> None:
    assert normalise_unique("email", text) is None


@given(st.text())
def test_a_form_is_its_own_form(text: str) -> None:
    value = normalise_unique("email", text)
    assert value is None or normalise_unique("email", value) == value


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("-<b>new</b>", ("new", False)),
        ("&lt;i&gt;a &amp; b&lt;/i&gt;", ("a & b", True)),
        ("<b>-old", ("old", False)),
        ("I <3 you", ("I <3 you", True)),
        ("<img src=x ", ("", True)),
    ],
)
def test_a_tag_is_text(text: str, tag: tuple[str, bool]) -> None:
    assert read_tag(text) == tag


@given(st.text() | st.text(st.characters(categories=("Cc", "Zs", "Ll"))))
def test_what_is_cleaned_has_no_control_characters_but_tabs_and_new_lines(text: str) -> None:
    assert clean(text) == "".join(one for one in text if (one >= " " and one != "\x7f") or one in "\t\n").strip()
