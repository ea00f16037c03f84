"""What rows become: columns by their headers, cells by their columns, and all that is wrong told by its column."""

from __future__ import annotations

import re

import pytest

from services.common.contact_fields import FIELDS, Field
from services.common.field_values import read_value
from services.contacts.imports.mapping import propose, targets
from services.contacts.imports.row_change import Constants, RowChange, RowError, RowReader, told
from services.contacts.imports.special_columns import Names, Person
from services.contacts.people.change import Origin
from services.contacts.people.do_not_contact import CONTACTABLE, MANUAL

NOW_US = 1_780_000_000_000_000
MADE = {
    **FIELDS,
    "size": Field(41, "size", "T-Shirt size", "select", "core", is_fixed=False, choices={"s": "Small", "l": "Large"},
                  default="l"),
    "born": Field(42, "born", "Birthday", "date", "core", is_fixed=False),
}  # fmt: skip
KNOWN, NONE = targets(MADE), Constants()
NAMES = Names({"ada": Person(7, "ada"), "bob@x.org": Person(8, "bob")}, {"lead": 3})


def row(constants: Constants = NONE, **cells: str) -> RowChange:
    reader = RowReader(list(cells), KNOWN, constants)
    return reader.read(list(cells.values()), NAMES, NOW_US)


@pytest.mark.parametrize(
    ("headers", "columns"),
    [
        (["E-Mail", "First Name", "lastname", "Zip Code"], ["email", "firstname", "lastname", "zipcode"]),
        (["Email address", "Surname", "Street", "Postal code"], ["email", "lastname", "address1", "zipcode"]),
        (["id", "points", "tags", "date_added", "date_identified", "last_active", "owner", "stage", "ips"],
         ["id", "points", "tags", "dateAdded", "dateIdentified", "lastActive", "ownerusername", "stage", "ip"]),
        (["Company name"], ["company"]),
        (["companyname", "companycity"], ["companyname", "companycity"]),
        (["T-shirt SIZE", "what?", ""], ["size", "", ""]),
        (["email", "E-Mail"], ["email", ""]),
    ],
)  # fmt: skip
def test_headers_propose_fields(headers: list[str], columns: list[str]) -> None:
    assert propose(headers, KNOWN) == columns


def test_cells_are_trimmed_and_read_as_their_fields_are() -> None:
    said = row(email=" Ada@X.org ", firstname=" Ada ", born="31.01.1990", size="s").change
    assert said.fields == {"email": "ada@x.org", "firstname": "Ada", "born": "1990-01-31", "size": "s"}


@pytest.mark.parametrize("alias", [alias for alias in KNOWN.fields if alias != "size"])
@pytest.mark.parametrize(
    "text", [" a b ", "a\0b\tc", "\u00a0é\u2028", "'+49 30", " '=1", "'a'", "NU\0LL", "x" * 191, "x" * 192, "1", "en"]
)
def test_every_column_is_read_as_its_field_is(alias: str, text: str) -> None:
    try:
        expected = read_value(KNOWN.fields[alias], told(text), NOW_US)
    except ValueError as error:
        with pytest.raises(RowError, match=re.escape(f"{alias}: {error}")):
            row(**{alias: text})
    else:
        assert row(**{alias: text}).change.fields == {alias: expected}


def test_a_row_may_end_before_the_last_column() -> None:
    reader = RowReader(["", "email", "tags", "city", "phone"], KNOWN, NONE)
    assert reader.read(["x", "ada@x.org", "a"], NAMES, NOW_US).change.fields == {"email": "ada@x.org"}
    assert reader.read(["x", "", "a", "Rome", "1", "more"], NAMES, NOW_US).change.fields == {
        "city": "Rome",
        "phone": "1",
    }


def test_a_blank_cell_says_nothing_and_null_clears() -> None:
    said = row(firstname="  ", lastname="NULL", city=" NULL ", phone="1").change
    assert said.fields == {"lastname": "", "city": "", "phone": "1"}


@pytest.mark.parametrize(
    "cells", [{"firstname": "\0"}, {"firstname": "NULL", "city": " "}, {"tags": "", "city": "\x01"}]
)
def test_a_row_that_says_nothing_of_anybody_has_no_data(cells: dict[str, str]) -> None:
    with pytest.raises(RowError, match="No data found"):
        row(**cells)
    assert row(id="7", firstname="NULL").change.fields == {"firstname": ""}


def test_all_that_is_wrong_is_told_by_column() -> None:
    with pytest.raises(RowError) as wrong:
        row(email="nobody", born="31/31/31", size="xl", points="many", id="x")
    text = str(wrong.value)
    assert all(f"{name}: " in text for name in ("email", "born", "size", "points", "id"))


def test_defaults_of_fields_are_for_columns_that_are_not_there() -> None:
    assert row(firstname="Ada").change.defaults == {"size": "l"}
    assert row(firstname="Ada", size="").change.defaults == {}


def test_what_an_export_made_harmless_is_itself_again() -> None:
    assert row(phone="'+49 30 1234", firstname="'=x", lastname="'Neil").change.fields == {
        "phone": "+49 30 1234",
        "firstname": "=x",
        "lastname": "'Neil",
    }
    assert told("''=x") == "''=x"


def test_tags_are_parted_by_bars_or_commas_and_minus_removes() -> None:
    assert row(tags="vip|-old| x ").change.tags == {"vip": True, "old": False, "x": True}
    assert row(Constants(tags=["fair", "vip"]), tags="-vip,new").change.tags == {
        "fair": True, "vip": False, "new": True
    }  # fmt: skip


def test_points_are_for_new_contacts() -> None:
    said = row(points="12").change
    assert (said.points, said.new_points) == (None, 12)


def test_people_and_stages_are_named() -> None:
    said = row(ownerusername="Ada", createdByUser="BOB@x.org", stage="Lead").change
    assert (said.owner_id, said.stage_id, said.origin) == (7, 3, Origin(created_by_id=8, created_by="bob"))
    with pytest.raises(RowError, match=r"ownerusername: User with ID or name 'eve' was not found\."):
        row(ownerusername="eve")


def test_a_row_says_more_than_what_holds_for_all() -> None:
    assert row(Constants(owner_id=9), ownerusername="ada").change.owner_id == 7
    assert row(Constants(owner_id=9), ownerusername="", city="Rome").change.owner_id == 9
    assert row(Constants(segments={4: "Fair"}), city="Rome").change.segments == {4: True}


def test_times_come_from_where_the_contact_was() -> None:
    said = row(dateAdded="2020-01-31 10:00:00", dateIdentified="2020-02-01", lastActive="2021-03-04 05:06:07").change
    assert said.origin == Origin(added_us=1_580_464_800_000_000, identified_us=1_580_515_200_000_000)
    assert said.fields == {"last_active": "2021-03-04 05:06:07"}


@pytest.mark.parametrize(("cell", "reason"), [("yes", MANUAL), ("0", CONTACTABLE), ("True", MANUAL)])
def test_do_not_email(cell: str, reason: int) -> None:
    assert row(doNotEmail=cell).change.dnc["email"].reason == reason


def test_addresses_are_added() -> None:
    assert row(ip="192.0.2.1, 2001:DB8::1,192.0.2.1").change.ips == ("192.0.2.1", "2001:db8::1")
    with pytest.raises(RowError, match="ip: These must be IP addresses"):
        row(ip="192.0.2.1,nowhere")


def test_what_is_said_of_a_company_goes_to_it() -> None:
    said = row(companyname="Acme", companycity="Rome", companynumber_of_employees="7")
    assert said.company == {"companyname": "Acme", "companycity": "Rome", "companynumber_of_employees": 7}
    assert said.change.fields == {"company": "Acme"}


@pytest.mark.parametrize("cell", ["0", "-1", "1.5", "x", str(1 << 60)])
def test_what_is_no_id_fails(cell: str) -> None:
    with pytest.raises(RowError, match="id: This is no id of a contact"):
        row(id=cell)
