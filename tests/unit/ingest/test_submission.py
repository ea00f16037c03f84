"""What strangers put into forms is read or told what is wrong, and every answer is safe to show."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.documents import Form, FormAction, FormField
from services.common.php_query import parse_php_query
from services.common.queries.statement import decode_statement, encode_statement
from services.ingest import form_answers
from services.ingest.form_answers import Outcome
from services.ingest.submission import (
    Answer,
    clean_return,
    read_answer,
    read_submission,
    redirect_url,
    statement_of,
    utm_of,
)


def field(alias: str, kind: str = "text", *, is_required: bool = False, to: str = "", choices: str = "") -> FormField:
    return FormField(
        id=1, label=alias.title(), alias=alias, type=kind, is_required=is_required, contact_field=to,
        choices=choices.split(),
    )  # fmt: skip


FORM = Form(
    name="News", alias="news",
    fields=[field("mail", "email", is_required=True, to="email"), field("name", to="firstname"),
            field("size", "select", choices="S M L"), field("extras", "checkboxgrp", choices="a b"),
            field("phone", "tel"), field("site", "url"), field("age", "number"), field("born", "date")],
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from([one.alias for one in FORM.fields]) | st.text(), st.text() | st.lists(st.text()))
)
def test_any_values_are_results_or_errors(said: dict[str, str | list[str]]) -> None:
    submission = read_submission(FORM, said)
    assert set(submission.errors) <= set(submission.results) == {one.alias for one in FORM.fields}
    statement = statement_of("3", FORM, submission.results, {}, "", 10**15)
    assert decode_statement(encode_statement(statement)) == statement


@pytest.mark.parametrize(
    ("alias", "good", "bad"),
    [
        ("mail", "Ada@X.org", "ada"),
        ("size", "M", "XXL"),
        ("extras", ["a", "b"], ["a", "c"]),
        ("phone", "+49 (30) 123-45 ext. 6", "call me"),
        ("site", "https://x.org/", "javascript:alert(1)"),
        ("age", "41,5", "old"),
        ("born", "1815-12-10", "yesterday"),
        ("born", "10.12.1915", "31/12/1915"),
    ],
)
def test_values_are_checked_by_the_fields_type(alias: str, good: str | list[str], bad: str | list[str]) -> None:
    whole: dict[str, str | list[str]] = {"mail": "ada@x.org"}
    assert read_submission(FORM, {**whole, alias: good}).errors == {}  # type: ignore[arg-type]
    assert list(read_submission(FORM, {**whole, alias: bad}).errors) == [alias]  # type: ignore[arg-type]


def test_what_is_required_must_be_there_and_the_form_may_say_so_itself() -> None:
    strict = Form(name="f", alias="f", fields=[field("mail", is_required=True)])
    strict.fields[0].validation_message = "Your address, please."
    assert read_submission(strict, {"mail": "  "}).errors == {"mail": "Your address, please."}


def test_several_choices_are_one_value() -> None:
    said = parse_php_query(b"mauticform[mail]=ada@x.org&mauticform[extras][]=a&mauticform[extras][]=b")["mauticform"]
    assert isinstance(said, dict)
    assert read_submission(FORM, said).results["extras"] == "a, b"


@given(st.text())
def test_a_return_address_is_a_web_address_or_nothing(text: str) -> None:
    cleaned = clean_return(text)
    assert cleaned == "" or re.match(r"https?://\S+$", cleaned)


def test_an_earlier_answer_is_taken_out_of_the_return_address() -> None:
    said = {"formId": "3", "return": "https://x.org/p?a=1&mauticError=old&mauticMessage=old#form", "messenger": "1"}
    assert read_answer(said, "https://y.org/") == Answer("3", "https://x.org/p?a=1", "", True)
    assert read_answer({"formId": "3"}, "https://y.org/?b=2#c").return_url == "https://y.org/?b=2"


@pytest.mark.parametrize(("text", "is_messenger"), [("1", True), ("0", False), ("", False), (" 0 ", False)])
def test_a_zero_is_no(text: str, is_messenger: bool) -> None:
    assert read_answer({"formId": "3", "messenger": text}, "").is_messenger is is_messenger


def test_of_two_inputs_for_one_field_the_filled_one_counts() -> None:
    form = Form(name="f", alias="f", fields=[field("a", to="phone"), field("b", to="phone")])
    assert statement_of("3", form, {"a": "123", "b": ""}, {}, "", 10**15).fields == {"phone": "123"}


def test_a_choice_may_have_a_comma() -> None:
    form = Form(name="f", alias="f", fields=[field("agree", "checkboxgrp")])
    form.fields[0].choices = ["Yes, please", "No"]
    assert read_submission(form, {"agree": ["Yes, please", "No"]}).errors == {}
    assert list(read_submission(form, {"agree": ["Yes", "please"]}).errors) == ["agree"]


def test_utm_comes_from_the_request_and_else_from_the_page() -> None:
    assert utm_of("utm_source=a&utm_medium=", "https://x.org/?utm_source=b") == {"utm_source": "a"}
    assert utm_of("formId=3", "https://x.org/?utm_source=b&utm_term=c") == {"utm_source": "b", "utm_term": "c"}
    assert utm_of("", "") == {}


def test_a_redirect_carries_what_it_asks_for_and_no_more() -> None:
    form = Form(name="f", alias="f", post_action="redirect",
                post_action_property="https://x.org/?m={formfield=mail}&n={formfield=none}")  # fmt: skip
    assert redirect_url(form, {"mail": "a&b=c@x.org"}) == "https://x.org/?m=a%26b%3Dc%40x.org&n="


def test_tags_of_the_forms_actions_are_added_and_removed() -> None:
    action = FormAction(id=1, type="lead.changetags", add_tags=["new"], remove_tags=["old"])
    statement = statement_of("3", Form(name="f", alias="f", actions=[action]), {}, {}, "", 10**15)
    assert statement.tags == ["new", "-old"]


@given(st.text())
def test_nothing_typed_ends_the_script_of_a_messenger_page(text: str) -> None:
    page, headers = form_answers.messenger_page({"success": 1, "results": {"a": text}})
    script = page.partition("<script>")[2]
    assert script.count("<") == 1
    digest = base64.b64encode(hashlib.sha256(script.removesuffix("</script>").encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in headers["content-security-policy"]
    literal = script.removeprefix("parent.postMessage(").partition(", '*')</script>")[0]
    assert json.loads(json.loads(literal)) == {"success": 1, "results": {"a": text}}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("<p>Thank <b>you</b> &amp; bye</p>", "<p>Thank <b>you</b> &amp; bye</p>"),
        ("<b>Thanks</b><script>alert(1)</script>", "<b>Thanks</b>"),
        ("Done & dusted\n1 < 2", "Done &amp; dusted<br />1 &lt; 2"),
        ("1 <x", "1 &lt;x"),
        ("", "Thank you."),
    ],
)
def test_the_message_of_a_form_is_html_of_which_nothing_runs(message: str, shown: str) -> None:
    form = Form(name="f", alias="f", fields=[field("mail")], post_action_property=message)
    answer = Answer("3", "https://x.org/", "", False)
    said = form_answers.as_object(Outcome(form, {"mail": "<b>a</b>"}), answer)
    assert said["successMessage"] == shown
    wrong = Outcome(form, {}, {"mail": "<b>no</b>"})
    assert form_answers.as_wrapped_object(wrong, answer)["message"] == "Mail: &lt;b&gt;no&lt;/b&gt;"


def test_an_error_goes_back_to_the_page_with_the_forms_anchor() -> None:
    outcome = Outcome(FORM, {}, {"mail": "<b>no</b>"})
    target = urlsplit(form_answers.plain_target(outcome, Answer("3", "https://x.org/p?a=1", "", False)))
    assert (target.fragment, parse_qs(target.query)["mauticError"]) == ("news", ["Mail: &lt;b&gt;no&lt;/b&gt;"])
