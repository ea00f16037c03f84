"""What a hit says of a company, and how the words of many hits come together."""

from __future__ import annotations

import itertools

import pytest

from services.common.company import (
    Company,
    Mention,
    decode_company,
    encode_company,
    is_name,
    name_key,
    read_mention,
)

ACME = {"company": " Acme  Inc ", "city": "Rome", "country": "IT", "companycountry": "Italy"}


def read(**said: str) -> Mention:
    mention = read_mention(said, 5)
    assert mention is not None
    return mention


def test_a_name_is_compared_trimmed_case_folded_and_with_single_spaces() -> None:
    assert {name_key(name) for name in ("Straße  Nord", " STRASSE\tnord ", "strasse nord")} == {"strasse nord"}
    assert read(**ACME).key == "acme inc"


def test_short_names_of_fields_count_only_where_the_full_ones_are_not_given() -> None:
    assert read(**ACME).values == {"companyname": "Acme  Inc", "companycity": "Rome", "companycountry": "Italy"}
    assert read(company="a", companyname="b").key == "b"


@pytest.mark.parametrize("name", ["", "  ", "undefined", "NULL", "[object Object]", "a\ufffd", "\x00\x01"])
def test_what_is_no_name_names_no_company(name: str) -> None:
    assert read_mention({"company": name, "companycity": "Rome"}, 5) is None
    assert not is_name(name.strip("\x00\x01"))


def test_values_are_cut_or_left_out_like_those_of_a_contact() -> None:
    said = {"companyemail": "Info@Acme.ORG", "companydescription": "x" * 500, "companyphone": " ",
            "companynumber_of_employees": "250", "companyannual_revenue": "1.5"}  # fmt: skip
    values = read(company="a" * 500, **said).values
    assert values == {
        "companyname": "a" * 191, "companyemail": "info@acme.org", "companydescription": "x" * 191,
        "companynumber_of_employees": 250, "companyannual_revenue": 1.5,
    }  # fmt: skip
    wrong = {"companyemail": "nobody", "companynumber_of_employees": "many", "companyannual_revenue": "nan"}
    assert read(company="a", **wrong).values == {"companyname": "a"}


def test_the_newest_word_on_a_field_counts_in_whatever_order_they_come() -> None:
    words = [({"companycity": city, "companyname": "Acme"}, time) for time, city in ((1, "A"), (2, "B"), (3, "C"))]
    for order in itertools.permutations(words):
        company = Company(7)
        for values, time_us in order:
            company = company.told(values, time_us)
        assert company.value("companycity") == "C"


def test_a_word_that_came_already_or_is_older_or_is_shown_changes_nothing() -> None:
    company = Company(7).told({"companyname": "Acme", "companycity": "Rome"}, 5)
    assert company.told({"companycity": "Rome"}, 5) is company
    assert company.told({"companycity": "Oslo"}, 4) is company
    assert company.told({"companycity": "Rome"}, 6) is company
    assert company.told({"companyname": "ACME"}, 6) is company, "it keeps the spelling that it has"


def test_a_company_is_stored_as_it_is_and_a_deleted_one_has_its_time_from_its_version() -> None:
    company = Company(7, owner_id=1).told({"companyname": "Größe", "companynumber_of_employees": 3}, 5)
    stored = encode_company(company)
    assert b'"companyname":["Gr\xc3\xb6\xc3\x9fe",5]' in stored
    company.version = 9
    assert decode_company(7, 9, stored) == company
    assert decode_company(7, 9, encode_company(Company(7, deleted_us=1))).deleted_us == 9
