"""Changes of companies: read from bodies, applied to documents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.common.company import Company
from services.common.company_fields import COMPANY_FIELDS
from services.common.profile import Stamped
from services.contacts.companies.company_change import apply_company_change, read_company_change
from services.contacts.people.change import InvalidChangeError

NOW = 1_800_000_000_000_000


def company(**fields: str) -> Company:
    return Company(7, added_us=1, fields={alias: Stamped(value, 2) for alias, value in fields.items()}, version=3)


def applied(before: Company, now_us: int = NOW, *, replaces: bool = False, **body: Any) -> Company:
    return apply_company_change(before, read_company_change(body, replaces=replaces), now_us, "admin")


def test_blank_values_change_nothing_unless_told() -> None:
    acme = company(companyname="Acme", companycity="Rome")
    assert applied(acme, companycity=" ", companyname="") is acme
    assert applied(acme, companycity=None, overwriteWithBlank="1").value("companycity") == ""


def test_put_blanks_what_it_does_not_name_but_keeps_score_and_owner() -> None:
    acme = applied(company(companyname="Acme", companycity="Rome"), score="5", owner=1)
    after = applied(acme, replaces=True, companyname="Acme")
    assert (after.value("companycity"), after.score, after.owner_id) == ("", 5, 1)
    assert applied(after, owner=None).owner_id == 0


def test_an_api_write_is_newer_than_whatever_is_stored() -> None:
    acme = Company(7, fields={"companyname": Stamped("Acme", NOW + 9), "companycity": Stamped("Rome", NOW + 9)})
    assert applied(acme, companycity="Oslo").fields["companycity"] == Stamped("Oslo", NOW + 10)


def test_zero_is_a_value() -> None:
    assert applied(company(companyname="Acme"), companynumber_of_employees=0).value("companynumber_of_employees") == 0


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
keys = st.sampled_from([*COMPANY_FIELDS, "owner", "score", "force", "overwriteWithBlank"])


@given(st.dictionaries(keys, json), st.booleans())
def test_any_body_is_a_change_or_refused_and_never_takes_the_name(body: dict[str, Any], replaces: bool) -> None:
    try:
        change = read_company_change(body, replaces=replaces)
    except InvalidChangeError:
        return
    after = apply_company_change(company(companyname="Acme"), change, NOW, "admin")
    assert after.name
    assert apply_company_change(after, change, NOW + 1, "admin") is after
