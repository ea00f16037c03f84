"""Fields that people make: what may be said of them, and what their values may be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.contact_fields import FieldRules
from services.common.documents import CustomField, FieldRegistry
from services.common.field_registry import field_of, rules_of
from services.common.field_values import label_of, read_value
from services.common.profile import Part, Profile
from services.contacts.fields.custom_field import RESERVED, TYPES, free_alias, read_custom_field
from services.contacts.people.change import InvalidChangeError, apply_change
from services.contacts.people.change_body import read_change
from services.contacts.people.contact_columns import contact_columns

LIST = {"list": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]}


def made(**said: Any) -> CustomField:
    return read_custom_field({"label": "Size", **said}, None, None)


def refused(**said: Any) -> list[str]:
    with pytest.raises(InvalidChangeError) as caught:
        made(**said)
    return list(caught.value.details)


@pytest.mark.parametrize(
    ("kind", "properties", "said", "value", "label"),
    [
        ("text", None, " a\x00b ", "ab", "ab"),
        ("lookup", None, "x", "x", "x"),
        ("textarea", None, "x" * 5_000, "x" * 5_000, "x" * 5_000),
        ("html", None, "<b>x</b>", "<b>x</b>", "<b>x</b>"),
        ("select", LIST, "s", "s", "Small"),
        ("multiselect", LIST, ["l", "s"], "l|s", "Large|Small"),
        ("multiselect", LIST, "l|s|l", "l|s", "Large|Small"),
        ("multiselect", LIST, "l, s", "l|s", "Large|Small"),
        ("multiselect", LIST, {"0": "s"}, "s", "Small"),
        ("boolean", {"yes": "Aye", "no": "Nay"}, "off", 0, "Nay"),
        ("boolean", {"yes": "Aye", "no": "Nay"}, True, 1, "Aye"),
        ("boolean", None, False, 0, "No"),
        ("number", None, "3.7", 4, 4),
        ("number", {"scale": 2}, "3.14159", 3.14, 3.14),
        ("number", None, 0, 0, 0),
        ("date", None, "1985-03-04T10:00:00", "1985-03-04", "1985-03-04"),
        ("datetime", None, "1985-03-04T10:00:00+02:00", "1985-03-04 08:00:00", "1985-03-04 08:00:00"),
        ("date", None, "4 March 1985", "1985-03-04", "1985-03-04"),
        ("datetime", None, "03/04/1985 10:00 pm", "1985-03-04 22:00:00", "1985-03-04 22:00:00"),
        ("time", None, "09:30", "09:30:00", "09:30:00"),
        ("time", None, "9:30 pm", "21:30:00", "21:30:00"),
        ("timezone", None, "Europe/Rome", "Europe/Rome", "Europe/Rome"),
        ("email", None, "A@B.org,", "a@b.org", "a@b.org"),
        ("tel", None, "+49 (40) 1-2", "+49 (40) 1-2", "+49 (40) 1-2"),
        ("url", None, "https://x.org/a?b=c", "https://x.org/a?b=c", "https://x.org/a?b=c"),
        ("select", LIST, "", "", ""),
    ],
)
def test_a_value_is_read_and_called(kind: str, properties: Any, said: Any, value: Any, label: Any) -> None:
    field = field_of(made(type=kind, properties=properties))
    assert read_value(field, said) == value
    assert type(read_value(field, said)) is type(value)
    assert label_of(field, value) == label


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("text", "x" * 192), ("select", "m"), ("multiselect", "s|m"), ("boolean", "maybe"), ("number", "many"),
        ("number", "nan"), ("number", "18446744073709551616"),
        ("number", "-1e30"), ("date", "soon"),
        ("date", "1799-01-01"), ("date", "31/12/1985"), ("date", "today"), ("datetime", "1"), ("time", "25:00"),
        ("timezone", "Mars/Base"), ("email", "a@b"), ("tel", "call me"), ("url", "javascript:1"), ("url", "https:///x"),
        ("textarea", "x" * 65_536), ("text", ["a"]),
    ],
)  # fmt: skip
def test_a_value_that_its_type_cannot_have_is_refused(kind: str, said: Any) -> None:
    field = field_of(made(type=kind, properties=LIST if "select" in kind else None))
    with pytest.raises(ValueError, match="This value is"):
        read_value(field, said)


def test_what_may_be_said_of_a_field() -> None:
    assert refused(label="") == ["label"]
    assert refused(type="password") == ["type"]
    assert refused(group="secret") == ["group"]
    assert refused(alias="Email") == refused(alias="owner_id") == refused(alias="class") == ["alias"]
    assert refused(alias="1x") == refused(alias="a b") == refused(alias="x" * 26) == refused(alias="a'--") == ["alias"]
    assert refused(type="select") == refused(type="select", properties={"list": []}) == ["properties"]
    assert refused(type="select", properties={"list": ["a|b"]}) == ["properties"]
    assert refused(type="boolean", properties={"yes": ""}) == ["properties"]
    assert refused(type="number", properties={"scale": 99}) == ["properties"]
    assert refused(type="number", defaultValue="x") == ["defaultValue"]
    assert refused(type="boolean", isUniqueIdentifer=1) == ["isUniqueIdentifer"]
    assert made(type="select", properties={"list": "a|b"}).choices == made(
        type="select", properties={"list": [{"label": "a", "value": "a"}, "b"]}
    ).choices  # fmt: skip


def test_alias_and_type_never_change() -> None:
    old = made(alias="size", type="text", isRequired=1)
    for body in ({"alias": "other"}, {"type": "number"}):
        with pytest.raises(InvalidChangeError):
            read_custom_field(body, old, old)
    patched = read_custom_field({"label": "Width", "alias": "size", "type": "text"}, old, old)
    assert (patched.label, patched.is_required) == ("Width", True)
    assert not read_custom_field({"label": "Width"}, old, None).is_required, "PUT replaces"


def test_an_alias_is_made_of_the_label() -> None:
    assert free_alias(made(label="Größe in cm!"), ()) == "grosse_in_cm"
    assert free_alias(made(label="Email"), ()) == "email1"
    assert free_alias(made(label="Size"), {"size", "size1"}) == "size2"
    assert free_alias(made(label="2nd name"), ()) == "field_2nd_name"
    assert free_alias(made(label="ё"), ()) == "field1"
    assert free_alias(made(label="x" * 60), {"x" * 25}) == "x" * 24 + "1"


def test_fields_that_are_not_published_are_nobodys() -> None:
    registry = FieldRegistry(
        publicly_updatable=["city"],
        custom=[
            CustomField(id=101, label="A", alias="a", is_public=True, is_unique=True),
            CustomField(id=102, label="B", alias="b", is_public=True, is_unique=True, is_published=False),
        ],
    )
    rules = rules_of(registry, FieldRules(("email",), ("email",)))
    assert (rules.public, rules.unique) == (("city", "a"), ("email", "a"))
    assert "a" in rules.fields and "b" not in rules.fields and "email" in rules.fields


def test_defaults_fill_what_is_blank_on_post_and_put_and_never_on_patch() -> None:
    custom = [CustomField(id=101, label="Size", alias="size", default_value="7", type="number")]
    registry = rules_of(FieldRegistry(custom=custom), FieldRules((), ())).fields

    def after(before: Any, body: dict[str, Any], **how: bool) -> Any:
        return apply_change(before, read_change(body, registry=registry, **how), 5, "admin").value("size")

    new = Profile(7, own=Part(added_us=1), version=3)
    told = apply_change(new, read_change({"size": 3}, registry=registry), 4, "admin")
    assert after(new, {"firstname": "Ada"}, is_new=True) == 7
    assert after(new, {"size": 0}, is_new=True) == 0
    assert after(told, {"firstname": "Ada"}, is_new=True) == 3
    assert after(new, {"firstname": "Ada"}) is None
    assert after(told, {"firstname": "Ada"}, replaces=True) == 7
    assert after(told, {"size": ""}, replaces=True) == ""
    assert after(told, {"size": ""}) == 3
    assert after(told, {"size": "0"}) == 0


@given(st.text(), st.sampled_from(TYPES), st.lists(st.text()) | st.text())
def test_any_field_is_made_under_a_harmless_alias_or_refused(label: str, kind: str, choices: Any) -> None:
    try:
        field = read_custom_field({"label": label, "type": kind, "properties": {"list": choices}}, None, None)
    except InvalidChangeError:
        return
    alias = free_alias(field, ())
    assert alias.isascii() and alias.isidentifier() and len(alias) <= 25 and alias not in RESERVED
    field.alias = alias
    columns = contact_columns({alias: field_of(field)})
    assert f"fields['{alias}']" in columns[alias].known
