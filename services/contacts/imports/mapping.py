"""What the columns of a file become of a contact: all that they can be, and what their headers propose. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.common.company_fields import COMPANY_FIELDS, NAME
from services.common.contact_fields import Field

ID, TAGS, IP, STAGE, POINTS, OWNER = "id", "tags", "ip", "stage", "points", "ownerusername"
NO_EMAIL, NO_CONTACT = "doNotEmail", "doNotContact"
DATE_ADDED, DATE_MODIFIED, DATE_IDENTIFIED = "dateAdded", "dateModified", "dateIdentified"
LAST_ACTIVE, CREATED_BY, MODIFIED_BY = "lastActive", "createdByUser", "modifiedByUser"
SPECIAL = {
    ID: "Contact ID", TAGS: "Tags", STAGE: "Stage", POINTS: "Points", OWNER: "Owner (user name)", IP: "IP addresses",
    NO_EMAIL: "Do not email", NO_CONTACT: "Do not contact (channel:reason)", DATE_ADDED: "Date added",
    DATE_MODIFIED: "Date modified", DATE_IDENTIFIED: "Date identified",
    LAST_ACTIVE: "Date last active", CREATED_BY: "Created by (user)",
    MODIFIED_BY: "Modified by (user)",
}  # fmt: skip
# How else people, and the exports of this and of other products, head these columns.
_ALSO = {
    "mail": "email", "emailaddress": "email", "givenname": "firstname", "forename": "firstname",
    "surname": "lastname", "familyname": "lastname", "organisation": "company", "organization": "company",
    "companyname": "company", "jobtitle": "position", "job": "position", "cell": "mobile", "cellphone": "mobile",
    "mobilephone": "mobile", "telephone": "phone", "phonenumber": "phone", "address": "address1",
    "street": "address1", "postcode": "zipcode", "postalcode": "zipcode", "zip": "zipcode", "town": "city",
    "province": "state", "region": "state", "language": "preferred_locale", "locale": "preferred_locale",
    "contactid": ID, "tag": TAGS, "ips": IP, "ipaddress": IP, "ipaddresses": IP, "owner": OWNER,
    "datelastactive": LAST_ACTIVE, "donotemail": NO_EMAIL, "donotcontact": NO_CONTACT, "dnc": NO_CONTACT,
    "ownerid": OWNER, "createdby": CREATED_BY, "modifiedby": MODIFIED_BY,
}  # fmt: skip


class Targets(NamedTuple):
    """All that a column can become, with what people call it; which fields and companies' fields are among it."""

    labels: Mapping[str, str]
    fields: Mapping[str, Field]
    companies: Mapping[str, Field]


def targets(fields: Mapping[str, Field], companies: Mapping[str, Field] = COMPANY_FIELDS) -> Targets:
    """`fields` are the published ones of contacts, `companies` those of companies."""
    told = {alias: field for alias, field in fields.items() if alias not in (POINTS, "last_active")}
    return Targets(
        {
            **{alias: field.label for alias, field in told.items()},
            **SPECIAL,
            **{alias: f"Company: {field.label}" for alias, field in companies.items()},
        },
        told,
        companies,
    )


def propose(headers: Sequence[str], known: Targets) -> list[str]:
    """What each column becomes, '' for nothing; none becomes what one before it does."""
    named: dict[str, str] = {}
    for target, label in known.labels.items():
        for name in (target, label):
            named.setdefault(_plain(name), target)
    proposed: list[str] = []
    for header in headers:
        plain = _plain(header)
        target = named.get(plain) or _ALSO.get(plain, "")
        if target == NAME and "company" not in proposed:
            target = "company" if not _is_about_companies(headers, known) else NAME
        proposed.append(target if target in known.labels and target not in proposed else "")
    return proposed


def _is_about_companies(headers: Iterable[str], known: Targets) -> bool:
    plain = {_plain(header) for header in headers}
    return any(_plain(alias) in plain for alias in known.companies if alias != NAME)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
