"""What the objects of the API have in common, as they are described: ids, times, who made and changed them. Pure."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Id = Annotated[int, Meta(ge=1, examples=[4711])]
OtherId = Annotated[int, Meta(ge=1, description="The id of another object")]
GoneId = Annotated[int | None, Meta(description="null in the answer to DELETE", examples=[4711])]
Time = Annotated[
    str | None, Meta(description="ISO 8601 in UTC; null for never", examples=["2026-01-31T12:00:00+00:00"])
]
SqlTime = Annotated[str, Meta(description="In UTC", examples=["2026-01-31 12:00:00"])]
User = Annotated[str | None, Meta(description="The name of the user; null for hits", examples=["admin"])]
UserId = Annotated[int | None, Meta(examples=[1])]
Nothing = Annotated[None, Meta(description="Always null: kept for clients that expect it")]
NoItems = Annotated[list[Any], Meta(max_length=0, description="An empty list: as PHP writes an empty object")]
Success = Annotated[int, Meta(ge=1, le=1, examples=[1])]
DONE = {"success": Success}


class Shown(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An object as the API shows it: exactly these properties."""


class Said(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """A body as a client sends it: other keys are ignored."""


class Published(Shown):
    """What every object begins with."""

    is_published: bool
    date_added: Time
    date_modified: Time
    created_by: UserId
    created_by_user: User
    modified_by: UserId
    modified_by_user: User


class Ref(Shown):
    """Another object, by its id."""

    id: Id


class Owner(Shown):
    """The user who owns it."""

    created_by_user: Nothing
    modified_by_user: Nothing
    id: Id
    username: Annotated[str, Meta(examples=["admin"])]
    first_name: str
    last_name: str


class FieldValue(Shown, rename=None):
    """A field with its value."""

    id: Annotated[str, Meta(description="A number as text", examples=["2"])]
    label: Annotated[str, Meta(examples=["First Name"])]
    alias: Annotated[str, Meta(examples=["firstname"])]
    type: Annotated[str, Meta(examples=["text"])]
    group: Annotated[str, Meta(examples=["core"])]
    object: Annotated[str, Meta(description="lead or company", examples=["lead"])]
    is_fixed: Annotated[str, Meta(description="1: it is there from the start", examples=["1"])]
    properties: Annotated[str | dict[str, Any] | list[Any], Meta(examples=["a:0:{}"])]
    default_value: str | None
    value: Annotated[str | float | bool | None, Meta(examples=["Ada"])]
    normalized_value: Annotated[
        str | float | bool | None,
        Meta(description="The label of a choice, else the value", examples=["Ada"]),
    ] = msgspec.field(name="normalizedValue")


_ADA = {
    "id": "2", "label": "First Name", "alias": "firstname", "type": "text", "group": "core", "object": "lead",
    "is_fixed": "1", "properties": "a:0:{}", "default_value": None, "value": "Ada", "normalizedValue": "Ada",
}  # fmt: skip
_BY_ALIAS = "Fields by alias; an empty group is an empty list"
Group = Annotated[dict[str, FieldValue] | list[Any], Meta(description=_BY_ALIAS, examples=[{"firstname": _ADA}])]
OtherGroup = Annotated[dict[str, FieldValue] | list[Any], Meta(description=_BY_ALIAS, examples=[[]])]
Values = Annotated[
    dict[str, str | float | bool | None],
    Meta(
        description="The id, and the value of every field by alias",
        examples=[{"id": 4711, "firstname": "Ada", "email": "ada@example.com"}],
    ),
]


class FieldGroups(Shown):
    """Every field, once with its description by group and once as a mere value."""

    core: Group
    social: OtherGroup
    personal: OtherGroup
    professional: OtherGroup
    all: Values
