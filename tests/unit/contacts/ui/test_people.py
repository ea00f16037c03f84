"""Contacts in forms, what search boxes suggest, and what a batch tells at its end."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.envelope import ApiError
from services.contacts.ui.field_inputs import Input, as_typed, inputs_of, typed, with_values
from services.contacts.ui.form import Form, words_text
from services.contacts.ui.people.batch_page import DIALOGS, outcome
from services.contacts.ui.people.person_form import (
    NO_EXTRAS,
    Extras,
    Was,
    change_body,
    check_required,
    clashes,
    extras_clashes,
    new_body,
    read_extras,
    read_was,
    was_of,
    write_was,
)
from services.contacts.ui.people.search_help import asks_for, last_word, suggest

PAIRS = {"label": "x", "isPublished": True, "group": "core", "properties": [], "isRequired": False,
         "isUniqueIdentifier": False, "isShortVisible": False}  # fmt: skip


def field(alias: str, type_: str = "text", **said: Any) -> dict[str, Any]:
    return {**PAIRS, "alias": alias, "type": type_, "label": alias.title(), **said}


def form(*pairs: tuple[str, str]) -> Form:
    return Form(list(pairs))


@pytest.mark.parametrize(
    ("type_", "value", "kind", "shown"),
    [
        ("text", "Ada", "text", ["Ada"]),
        ("number", 1.5, "number", ["1.5"]),
        ("boolean", True, "choice", ["1"]),
        ("boolean", "0", "choice", ["0"]),
        ("multiselect", ["a", "b"], "choices", ["a", "b"]),
        ("multiselect", "a|b", "choices", ["a", "b"]),
        ("datetime", "2026-01-31 10:00:00", "datetime-local", ["2026-01-31T10:00"]),
        ("date", "2026-01-31 00:00:00", "date", ["2026-01-31"]),
        ("time", "09:05:00", "time", ["09:05"]),
        ("textarea", "a\nb", "area", ["a\nb"]),
        ("text", None, "text", []),
    ],
)
def test_a_field_is_typed_by_its_type(type_: str, value: Any, kind: str, shown: list[str]) -> None:
    [one] = inputs_of([field("one", type_)], {"one": value})
    assert (one.kind, list(one.values)) == (kind, shown)


def test_points_last_active_and_unpublished_fields_are_not_typed() -> None:
    assert inputs_of([field("points", "number"), field("last_active"), field("old", isPublished=False)], {}) == []


def test_choices_are_those_of_the_field() -> None:
    listed = {"list": [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]}
    select, yes = inputs_of([field("size", "select", properties=listed), field("ok", "boolean")], {})
    assert (select.choices, yes.choices) == ({"s": "Small", "l": "Large"}, {"1": "Yes", "0": "No"})


def test_a_form_says_what_it_has_and_what_it_has_not_stays() -> None:
    inputs = inputs_of([field("city"), field("at", "datetime"), field("sizes", "multiselect"), field("phone")], {})
    said = typed(form(("field.city", " Oslo "), ("field.at", "2026-01-31T10:00"), ("field.sizes.shown", "1")), inputs)
    assert said == {"city": "Oslo", "at": "2026-01-31 10:00", "sizes": []}
    assert [one.value for one in with_values(inputs, said)] == ["Oslo", "2026-01-31T10:00", "", ""]


def test_only_what_was_changed_is_said() -> None:
    [city, name] = inputs_of([field("city"), field("name")], {"city": "Oslo", "name": "Ada"})
    before = Extras("1", "2", ("a", "b"), ("7",))
    was = was_of([city, name], before)
    assert read_was(write_was(was), Was({}, NO_EXTRAS)) == was and was.extras == before
    assert change_body({"city": "Oslo", "name": "Ada"}, before, was, before) == {}
    body = change_body({"city": "", "name": "Ada"}, Extras("", "2", ("b", "c"), ("7", "8")), was, before)
    assert body == {"city": "", "owner": None, "tags": ["c", "-a"], "companies": ["7", "8"], "overwriteWithBlank": True}


def test_what_others_did_since_a_form_was_opened_stays() -> None:
    was = Was({}, Extras("1", "2", ("a",), ("7", "8")))
    now = Extras("3", "4", ("b",), ("8", "9"))
    assert change_body({}, Extras("1", "2", ("a",), ("7", "8")), was, now) == {}
    body = change_body({}, Extras("1", "2", ("a", "c"), ("7", "5")), was, now)
    assert body == {"tags": ["c"], "companies": ["9", "5"], "overwriteWithBlank": True}, "8 was taken away, 7 by them"


def test_two_people_clash_over_the_owner_and_the_stage() -> None:
    was, now = Was({}, Extras("1", "2")), Extras("3", "2")
    owners = {"1": "Ada", "3": "Bo", "5": "Cy"}
    found = extras_clashes(Extras("5", "9"), was, now, owners, {})
    assert [(one.label, one.theirs, one.mine) for one in found] == [("Owner", "Bo", "Cy")]
    assert extras_clashes(Extras("1", "2"), was, now, owners, {}) == extras_clashes(now, was, now, owners, {}) == []


@pytest.mark.parametrize("words", [[], ["vip"], ["two words", "a,b"], ['5" tall', 'x",y'], [",", '"', '""']])
def test_a_list_of_words_is_read_as_it_is_written(words: list[str]) -> None:
    assert form(("tags", words_text(words))).words("tags") == words


def test_two_people_clash_where_both_have_changed_a_field_to_something_else() -> None:
    fields = [field(name) for name in ("city", "phone", "name", "email", "notes")]
    was = was_of(inputs_of(fields, {"city": "Oslo", "phone": "1", "name": "Ada", "notes": "a" * 9_000}), NO_EXTRAS)
    now = inputs_of(fields, {"city": "Rome", "phone": "2", "name": "Bo", "notes": "a" * 9_000})
    said = {"city": "Bern", "phone": "1", "name": "Bo", "email": "a@x.org", "notes": "a" * 8_999}
    assert [(one.alias, one.theirs, one.mine) for one in clashes(now, said, was)] == [("city", "Rome", "Bern")]
    assert clashes(inputs_of(fields, {}), {"city": ""}, was) == [], "both have cleared it"


def test_long_values_do_not_make_a_form_long() -> None:
    inputs = inputs_of([field(f"f{number}") for number in range(14)], {f"f{n}": "x" * 16_000 for n in range(14)})
    assert len(write_was(was_of(inputs, NO_EXTRAS))) < 2_000


def test_where_it_is_not_known_what_a_form_was_rendered_with_all_that_differs_is_said() -> None:
    now = was_of(inputs_of([field("city"), field("name")], {"city": "Oslo", "name": "Ada"}), NO_EXTRAS)
    body = change_body({"city": "", "name": "Ada"}, NO_EXTRAS, read_was("x", now), NO_EXTRAS)
    assert body == {"city": "", "overwriteWithBlank": True}


@pytest.mark.parametrize("text", ["", "[]", "{", "1", "\ud800", '{"a":' * 20_000, '[{"a":5},["1","2",[],[]]]'])
def test_what_a_form_was_rendered_with_may_be_anything(text: str) -> None:
    otherwise = Was({"city": "Oslo"}, Extras("1"))
    assert read_was(text, otherwise) == otherwise


def test_blanks_say_nothing_of_a_new_contact() -> None:
    extras = read_extras(form(("tags", "a, b ,,a"), ("owner", "3"), ("stage", "")))
    assert new_body({"city": "", "sizes": [], "name": "Ada"}, extras) == {
        "name": "Ada", "owner": "3", "tags": ["a", "b"]
    }  # fmt: skip


def test_required_fields_are_needed_where_a_form_has_them() -> None:
    inputs = inputs_of([field("name", isRequired=True)], {})
    check_required(inputs, {})
    with pytest.raises(ApiError) as raised:
        check_required(inputs, {"name": ""})
    assert list(raised.value.details or {}) == ["name"]


def test_a_value_is_typed_as_it_is_compared() -> None:
    one = Input("at", "At", "datetime-local", "core", ["2026-01-31T10:00"], {}, False, False, False)
    assert as_typed(one) == "2026-01-31 10:00"
    assert as_typed(one._replace(kind="choices", values=["a"])) == ["a"]


@pytest.mark.parametrize(
    ("search", "word", "command"),
    [("ada seg", "seg", ""), ("ada segment:v", "segment:v", "segment"), ('a !tag:"two w', '!tag:"two w', "tag"),
     ("", "", ""), ("ada ", "", "")],
)  # fmt: skip
def test_the_word_that_is_being_typed(search: str, word: str, command: str) -> None:
    assert (last_word(search), asks_for(search)) == (word, command)


def test_a_search_box_suggests_commands_fields_and_what_is_behind_a_command() -> None:
    fields = {"shoe_size": "Shoe size", "city": "City"}
    assert [one.value for one in suggest("ada sh", {}, fields)] == ["shoe_size:"]
    assert [one.value for one in suggest("anon", {}, fields)] == ["is:anonymous ", "!is:anonymous "]
    assert 0 < len(suggest("", {}, fields)) <= 12
    odd = {"!urgent": '"!urgent"', "+plus": '"+plus"', "vip(gold)": '"vip(gold)"', 'say"hi"': '"say%hi%"'}
    suggested = [one.value for one in suggest("tag:", {"tag": [(tag, "") for tag in odd]}, fields)]
    assert suggested == [f"tag:{said} " for said in odd.values()]
    tags = {"tag": [("vip", "vip"), ("two words", "two words")]}
    assert [one.value for one in suggest("!tag:wo", tags, fields)] == ['!tag:"two words" ']
    assert suggest("city:o", tags, fields) == []


def test_what_begins_as_it_is_typed_is_suggested_first() -> None:
    tags = {"tag": [(f"a{number} vip", "x") for number in range(12)] + [("VIP", "x")]}
    found = [one.value for one in suggest('tag:"vi', tags, {})]
    assert (found[:2], len(found)) == (["tag:VIP ", 'tag:"a0 vip" '], 12)


def test_a_batch_tells_how_many_and_why_not_the_others() -> None:
    done = {"affected": 1, "details": {"1": {"success": True}, "2": {"success": False, "error": "Not yours."},
                                       "3": {"success": False, "error": "Not yours."}}}  # fmt: skip
    assert outcome(done) == "1 contact affected. 2 were not: Not yours. (2)"
    kept = {"affected": 2, "details": {"1": {"success": True, "unsubscribed": ["email"]}, "2": {"success": True}}}
    assert outcome(kept) == "2 contacts affected. 1 had unsubscribed themselves and stay so."


@pytest.mark.parametrize(
    ("action", "typed_text", "said"),
    [
        ("segments", "add=1&add=2&remove=3", {"add": [1, 2], "remove": [3]}),
        ("stages", "add=4&remove=", {"add": [4]}),
        ("tags", "add=vip,+two+words&remove=old", {"add": ["vip", "two words"], "remove": ["old"]}),
        ("owner", "owner=", {"owner": None}),
        ("owner", "owner=3", {"owner": 3}),
        ("owner", "owner=somebody", {"owner": "somebody"}),
        ("owner", f"owner={'9' * 5_000}", {"owner": "9" * 5_000}),
        ("dnc", "reason=asked", {"channel": "email", "reason": "asked"}),
        ("channels", "email.is=off&sms.is=on&web.is=&reason=asked",
         {"unsubscribe": ["email"], "subscribe": ["sms"], "reason": "asked"}),
        ("channels", "email.frequency_number=2&email.frequency_time=WEEK&preferred=email",
         {"frequencyRules": {"email": {"frequency_number": "2", "frequency_time": "WEEK", "preferred_channel": True}}}),
    ],
)  # fmt: skip
def test_what_a_dialog_says_to_the_api(action: str, typed_text: str, said: dict[str, Any]) -> None:
    pairs = [tuple(pair.split("=", 1)) for pair in typed_text.replace("+", " ").split("&")]
    assert DIALOGS[action].read(form(*pairs)) == said  # type: ignore[arg-type]
