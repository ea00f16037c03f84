"""A company as the API writes it, property by property in the order that clients know. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from services.common.company import Company
from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import GROUPS, Field
from services.common.documents import User
from services.common.folding import View
from services.common.profile import Value
from services.common.tables import as_text
from services.contacts.objects import Json, field_group, owner_object, publishing, sql_time


def company_object(
    company: Company, user: str, registry: Mapping[str, Field] = COMPANY_FIELDS, owner: User | None = None
) -> Json:
    """`user` is the name of the admin, who is no record."""
    values: dict[str, Value] = {alias: _shown(company.value(alias)) for alias in registry}
    return {
        **publishing(
            company.added_us,
            company.modified_us,
            company.created_by,
            company.modified_by,
            created_by_id=company.created_by_id,
            modified_by_id=company.modified_by_id,
        ),
        "id": company.id,
        "score": company.score,
        "fields": {
            **{group: field_group("company", group, values, registry) for group in GROUPS},
            "all": {"id": company.id, **values},
        },
        "owner": owner_object(company.owner_id, owner, user),
    }


def membership_objects(
    view: View, companies: Mapping[int, Company], registry: Mapping[str, Field] = COMPANY_FIELDS
) -> list[Json]:
    """A contact's companies as rows of a database, all text: those that there still are."""
    members = [company_id for company_id in view.companies if company_id in companies]
    primary = view.company_id if view.company_id in members else next(iter(members), 0)
    return [
        {
            "company_id": str(company_id),
            "date_associated": sql_time(view.companies[company_id]),
            "is_primary": "1" if company_id == primary else "0",
            "id": str(company_id),
            "date_added": sql_time(companies[company_id].added_us),
            "score": str(companies[company_id].score),
            "owner_id": str(companies[company_id].owner_id) if companies[company_id].owner_id else None,
            **{alias: as_text(companies[company_id].value(alias)) or None for alias in registry},
        }
        for company_id in members
    ]


def _shown(value: Value) -> Value:
    return None if value == "" else value
