"""A company as it is described: what the API shows of one, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.common.company_fields import COMPANY_FIELDS
from services.common.operation import part_of
from services.contacts.shapes import FieldGroups, GoneId, Owner, Published, Said, SqlTime


class Company(Published):
    """What contacts are members of."""

    id: GoneId
    score: int
    fields: FieldGroups
    owner: Owner | None


CompanyPart = part_of(Company)


class _Actions(Said):
    score: Annotated[int, Meta(ge=-2_000_000_000, le=2_000_000_000)] | UnsetType = UNSET
    owner: Annotated[int | None, Meta(description="The id of a user; null for nobody")] | UnsetType = UNSET
    is_published: Annotated[bool, Meta(description="false is refused", examples=[True])] | UnsetType = UNSET
    force: Annotated[bool, Meta(description="POST: a new one even where the name is known")] | UnsetType = UNSET
    overwrite_with_blank: Annotated[bool, Meta(description="POST and PATCH: blanks count too")] | UnsetType = UNSET


_EXAMPLES = {"companyname": "Analytical Engines", "companycity": "London", "companywebsite": "https://engines.example"}
_Text = str | float | None | UnsetType


def _field(alias: str) -> Any:
    return Annotated[_Text, Meta(examples=[_EXAMPLES[alias]])] if alias in _EXAMPLES else _Text


CompanyChange: Any = msgspec.defstruct(
    "CompanyChange",
    [(alias, _field(alias), UNSET) for alias in COMPANY_FIELDS],
    bases=(_Actions,),
    kw_only=True,
    namespace={"__doc__": "Every field by its alias, also those that people made, and what is done to the company."},
)
Membership: Any = msgspec.defstruct(
    "Membership",
    [
        ("company_id", Annotated[str, Meta(examples=["17"])]),
        ("date_associated", SqlTime),
        ("is_primary", Annotated[str, Meta(description="1 or 0", examples=["1"])]),
        ("id", Annotated[str, Meta(examples=["17"])]),
        ("date_added", str),
        ("score", Annotated[str, Meta(examples=["0"])]),
        ("owner_id", str | None),
        *((alias, str | None) for alias in COMPANY_FIELDS),
    ],
    namespace={
        "__doc__": "A company of a contact, as a row of a database: all text. Fields that people made come too."
    },
)
