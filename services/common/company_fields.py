"""The fields of a company: alias, label, type and group of each, in the order in which they are shown. Pure."""

from __future__ import annotations

from services.common.contact_fields import Field

NAME = "companyname"

_CORE = (
    (NAME, "Company Name", "text"),
    ("companyemail", "Company Email", "email"),
    ("companyphone", "Company Phone", "tel"),
    ("companyaddress1", "Address 1", "text"),
    ("companyaddress2", "Address 2", "text"),
    ("companycity", "City", "text"),
    ("companystate", "State", "region"),
    ("companyzipcode", "Zip Code", "text"),
    ("companycountry", "Country", "country"),
    ("companywebsite", "Website", "url"),
)
_PROFESSIONAL = (
    ("companynumber_of_employees", "Number of Employees", "number"),
    ("companyfax", "Fax", "tel"),
    ("companyannual_revenue", "Annual Revenue", "number"),
    ("companyindustry", "Industry", "select"),
    ("companydescription", "Description", "text"),
)


def _registry() -> dict[str, Field]:
    rows = [(*row, "core") for row in _CORE] + [(*row, "professional") for row in _PROFESSIONAL]
    return {
        alias: Field(number, alias, label, kind, group, is_unique=alias == NAME)
        for number, (alias, label, kind, group) in enumerate(rows, 1)
    }


COMPANY_FIELDS: dict[str, Field] = _registry()
