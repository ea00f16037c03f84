"""Changes: read from bodies, applied to profiles."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.folding import fold
from services.common.merging import freeze_into, take_in
from services.common.profile import Part, Profile, Stamped
from services.contacts.people.change import Change, InvalidChangeError, apply_change
from services.contacts.people.change_body import read_change

NOW = 1_800_000_000_000_000


def profile(**fields: str) -> Profile:
    return Profile(7, own=Part(added_us=1).with_fields(dict(fields), 2), version=3)


def applied(before: Profile, now_us: int = NOW, *, replaces: bool = False, **body: Any) -> Profile:
    return apply_change(before, read_change(body, replaces=replaces), now_us, "admin")


def test_values_are_trimmed_and_addresses_folded() -> None:
    change = read_change({"email": "  Ada@Example.ORG, ", "firstname": " Ada\x00 ", "unknown": 1})
    assert change.fields == {"email": "ada@example.org", "firstname": "Ada"}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("country", text) for text in ("Italy", "IT", "C\u00f4te d\u2019Ivoire", "\u65e5\u672c")),
        *(("country", text) for text in ("Bosnia & Herzegovina", "Korea, Republic of", "Micronesia (F.S.)")),
        *(("preferred_locale", text) for text in ("en", "en_GB", "pt-BR", "zh_Hans_CN", "es_419", "de_DE.UTF-8")),
        *(("timezone", text) for text in ("Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires")),
    ],
)  # fmt: skip
def test_what_could_be_one_is_one(field: str, text: str) -> None:
    assert read_change({field: text}).fields == {field: text}


def test_words_for_days_are_from_the_time_of_the_request_on() -> None:
    now_us = 1_769_612_645_000_000  # Wednesday, 28 January 2026, 15:04:05
    read = {text: read_change({"attribution_date": text}, now_us=now_us).fields["attribution_date"]
            for text in ("now", "tomorrow", "next monday", "-3 days")}  # fmt: skip
    assert read == {
        "now": "2026-01-28 15:04:05", "tomorrow": "2026-01-29 00:00:00", "next monday": "2026-02-02 00:00:00",
        "-3 days": "2026-01-25 15:04:05",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": ["a@b.org"]}, "email"),
        ({"firstname": "x" * 192}, "firstname"),
        ({"firstname": {"a": "b"}}, "firstname"),
        ({"points": "many"}, "points"),
        ({"points": 1e99}, "points"),
        ({"attribution": "1_000"}, "attribution"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"lastActive": "soon"}, "last_active"),
        ({"tags": 7}, "tags"),
        ({"tags": [["a"]]}, "tags"),
        ({"tags": ["x" * 192]}, "tags"),
        ({"stage": ["x"]}, "stage"),
        ({"stage": "x" * 192}, "stage"),
        ({"categories": ["x"]}, "categories"),
        ({"categories": 7}, "categories"),
        ({"country": "12"}, "country"),
        ({"country": "<b>"}, "country"),
        ({"preferred_locale": "english"}, "preferred_locale"),
        ({"preferred_locale": "en GB"}, "preferred_locale"),
    ],
)
def test_invalid_values_are_named(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidChangeError) as caught:
        read_change(body)
    assert field in caught.value.details


@pytest.mark.parametrize(
    "tags", [["a", "-b", " c "], "a,-b, c ", {"0": "a", "1": "-b", "2": "c"}, [{"tag": "a"}, "-b", "c"]]
)
def test_tags_come_as_list_or_text(tags: Any) -> None:
    assert read_change({"tags": tags}).tags == {"a": True, "b": False, "c": True}


def test_blank_values_change_nothing_unless_told() -> None:
    ada = profile(firstname="Ada")
    assert applied(ada, firstname="") is ada
    assert applied(ada, firstname=None) is ada
    assert applied(ada, firstname=" ", overwriteWithBlank="1").value("firstname") == ""


def test_zero_is_a_value() -> None:
    assert applied(profile(), attribution=0).value("attribution") == 0
    assert applied(profile(), zipcode="0").value("zipcode") == "0"


def test_put_blanks_what_it_does_not_name_but_keeps_points_and_tags() -> None:
    ada = applied(profile(firstname="Ada", lastname="Byron"), points=5, tags=["x"])
    after = fold(applied(ada, replaces=True, lastname="King"))
    assert (after.fields["firstname"], after.fields["lastname"]) == ("", "King")
    assert (after.points, after.tags) == (5, ["x"])


def test_an_api_write_is_newer_than_whatever_is_stored() -> None:
    own = Part(added_us=1, fields={"city": Stamped("Paris", NOW + 10)})
    assert applied(Profile(7, own=own), city="London").value("city") == "London"


def test_an_api_write_is_newer_than_what_a_merged_contact_brought() -> None:
    loser = freeze_into(Profile(8, own=Part(added_us=1, fields={"city": Stamped("Rome", NOW + 99)})), profile(), NOW)
    merged = take_in(profile(city="Paris"), loser)
    assert merged.value("city") == "Rome"
    assert applied(merged, city="Paris").value("city") == "Paris"
    assert applied(merged, city="", overwriteWithBlank=True).value("city") == ""


def test_points_are_set_for_all_parts_together() -> None:
    merged = Profile(7, own=Part(added_us=1, points=3), losers={8: Part(added_us=1, points=40)})
    assert fold(applied(merged, points=10)).points == 10


def test_tags_of_merged_contacts_can_be_removed() -> None:
    merged = take_in(profile(), freeze_into(applied(Profile(8), NOW + 50, tags=["old"]), profile(), NOW))
    assert fold(merged).tags == ["old"]
    assert fold(applied(merged, tags=["-old"])).tags == []


def test_an_address_is_added_once() -> None:
    first = applied(profile(), ipAddress="192.0.2.1")
    assert list(first.own.ips if first.own else ()) == ["192.0.2.1"]
    assert applied(first, ipAddress="192.0.2.1") is first
    assert applied(first, ipAddress="nonsense") is first


def test_an_empty_change_makes_a_contact_of_nobody() -> None:
    after = apply_change(Profile(9), Change(), NOW, "admin")
    assert after.is_known()
    assert after.own is not None
    assert (after.own.added_us, after.own.identified_us, after.own.modified_us) == (NOW, 0, 0)


def test_a_change_that_says_nothing_new_changes_nothing() -> None:
    ada = applied(profile(), firstname="Ada", tags=["a"], points=3)
    assert applied(ada, NOW + 5, firstname="Ada", tags="a", points=3) is ada


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
keys = st.sampled_from(
    ["email", "firstname", "points", "tags", "owner", "stage", "ipAddress", "overwriteWithBlank", "attribution",
     "timezone", "last_active", "lastActive", "website", "attribution_date"]
)  # fmt: skip


@given(st.dictionaries(keys, json), st.booleans())
def test_any_body_is_a_change_or_refused(body: dict[str, Any], replaces: bool) -> None:
    try:
        change = read_change(body, replaces=replaces)
    except InvalidChangeError:
        return
    after = apply_change(profile(firstname="Ada"), change, NOW, "admin")
    assert apply_change(after, change, NOW + 1, "admin") is after


def test_the_newest_word_by_hand_on_a_segment_counts() -> None:
    added = apply_change(profile(), Change(segments={3: True, 4: False}), NOW, "admin")
    assert fold(added).segments == {3: True, 4: False}
    assert apply_change(added, Change(segments={3: True}), NOW + 1, "admin") is added
    removed = apply_change(added, Change(segments={3: False}), NOW - 5, "admin")
    assert fold(removed).segments == {3: False, 4: False}, "whatever the clock says"
