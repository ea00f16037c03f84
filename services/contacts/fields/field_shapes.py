"""A field as it is described: what the API shows of one, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from services.common.operation import part_of
from services.contacts.fields.custom_field import TYPES
from services.contacts.shapes import GoneId, Said, Shown, Time, User, UserId

Alias = Annotated[str, Meta(examples=["shoe_size"])]


class Field(Shown, kw_only=True):
    """A field of contacts or of companies. Who made it when is told of those that people made."""

    is_published: bool
    date_added: Time | UnsetType = UNSET
    date_modified: Time | UnsetType = UNSET
    created_by: UserId | UnsetType = UNSET
    created_by_user: User | UnsetType = UNSET
    modified_by: UserId | UnsetType = UNSET
    modified_by_user: User | UnsetType = UNSET
    id: GoneId
    label: Annotated[str, Meta(examples=["Shoe size"])]
    alias: Alias
    type: Annotated[str, Meta(examples=["number"])]
    group: Annotated[str, Meta(examples=["core"])]
    order: int
    object: Annotated[str, Meta(description="lead or company", examples=["lead"])]
    default_value: str | None
    is_required: bool
    is_fixed: Annotated[bool, Meta(description="It is there from the start")]
    is_listable: bool
    is_visible: bool
    is_short_visible: bool
    is_unique_identifier: Annotated[bool, Meta(description="A value belongs to one contact")]
    is_unique_identifer: Annotated[bool, Meta(description="The same, as older clients spell it")]
    is_publicly_updatable: Annotated[bool, Meta(description="A hit may set it")]
    properties: Annotated[
        dict[str, Any] | list[Any],
        Meta(
            description="list of label and value; yes and no; scale; allowHtml",
            examples=[{"roundmode": "3", "scale": "1"}],
        ),
    ]


FieldPart = part_of(Field)


class FieldChange(Said):
    """A field to be made or changed. Alias and type never change."""

    label: Annotated[str, Meta(max_length=191, examples=["Shoe size"])] | UnsetType = UNSET
    alias: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,24}$", examples=["shoe_size"])] | UnsetType = UNSET
    type: Annotated[Literal[TYPES], Meta(examples=["number"])] | UnsetType = UNSET  # type: ignore[valid-type]
    group: Annotated[Literal["core", "social", "personal", "professional"], Meta(examples=["core"])] | UnsetType = UNSET
    order: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    default_value: str | UnsetType = UNSET
    properties: (
        Annotated[
            dict[str, Any], Meta(description="list, yes and no, scale or allowHtml, by type", examples=[{"scale": 1}])
        ]
        | UnsetType
    ) = UNSET
    is_published: bool | UnsetType = UNSET
    is_required: bool | UnsetType = UNSET
    is_listable: bool | UnsetType = UNSET
    is_visible: bool | UnsetType = UNSET
    is_short_visible: bool | UnsetType = UNSET
    is_unique_identifier: bool | UnsetType = UNSET
    is_publicly_updatable: bool | UnsetType = UNSET


class ListedField(Shown):
    """A published field, as /contacts/list/fields tells it."""

    id: Annotated[int, Meta(examples=[2])]
    label: Annotated[str, Meta(examples=["First Name"])]
    alias: Annotated[str, Meta(examples=["firstname"])]
    type: Annotated[str, Meta(examples=["text"])]
    group: Annotated[str, Meta(examples=["core"])]
    object: Annotated[str, Meta(examples=["lead"])]
    order: int = field()
