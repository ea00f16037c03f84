"""Users, roles and credentials as they are described: what the API shows of them, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from services.common.operation import OneOf
from services.common.passwords import MAX_LENGTH, MIN_LENGTH
from services.contacts.records.record_shapes import LongText, Record, Text
from services.contacts.shapes import Id, Nothing, Said, Shown

Permissions = Annotated[
    dict[str, list[str]], Meta(description="Rights by level", examples=[{"lead:leads": ["viewown", "create"]}])
]
RoleId = Annotated[int, Meta(ge=1, le=999_999_999, description="The id of a role", examples=[1])]
Password = Annotated[str, Meta(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]


class RoleName(Shown):
    id: Id
    name: Annotated[str, Meta(examples=["Sales"])]


class RoleOfUser(RoleName):
    is_admin: bool


class User(Record):
    """Who may log in; the password is never shown."""

    username: Annotated[str, Meta(examples=["ada"])]
    first_name: Annotated[str, Meta(examples=["Ada"])]
    last_name: Annotated[str, Meta(examples=["Lovelace"])]
    email: Annotated[str | None, Meta(examples=["ada@shop.example"])]
    position: str | None
    role: RoleOfUser
    signature: str | None
    timezone: Annotated[str | None, Meta(examples=["Europe/Berlin"])]
    locale: Annotated[str | None, Meta(examples=["en_US"])]


class Application(Shown):
    """Who asks with a login that is no user."""

    id: Nothing
    is_published: bool
    username: str | None


class OwnerChoice(Shown):
    """A user who may own contacts."""

    id: Id
    first_name: Annotated[str, Meta(examples=["Ada"])]
    last_name: Annotated[str, Meta(examples=["Lovelace"])]


class _Names(Said):
    first_name: Annotated[str, Meta(max_length=191, examples=["Ada"])] | UnsetType = UNSET
    last_name: Annotated[str, Meta(max_length=191, examples=["Lovelace"])] | UnsetType = UNSET
    position: Text = UNSET
    signature: LongText = UNSET
    timezone: Text = UNSET
    locale: Text = UNSET


class UserChange(_Names):
    username: (
        Annotated[str, Meta(max_length=100, description="Without white space, colon and slash", examples=["ada"])]
        | UnsetType
    ) = UNSET
    email: Annotated[str, Meta(max_length=191, examples=["ada@shop.example"])] | UnsetType = UNSET
    plain_password: Annotated[Password, Meta(examples=["correct-horse-battery"])] | UnsetType = UNSET
    role: RoleId | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class OwnChange(_Names):
    """What users may change of themselves."""

    plain_password: Password | UnsetType = UNSET
    current_password: Annotated[str, Meta(description="Needed for another password")] | UnsetType = UNSET


class Asked(Said):
    permissions: Annotated[
        list[str], Meta(max_length=1_000, description="Names of rights", examples=[["lead:leads:viewown"]])
    ]


class Role(Record):
    """What its users may do."""

    name: Annotated[str, Meta(examples=["Sales"])]
    description: str | None
    is_admin: Annotated[bool, Meta(description="They may do everything")]
    raw_permissions: Permissions


class RoleChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Sales"])] | UnsetType = UNSET
    raw_permissions: (
        Annotated[
            dict[str, list[str]],
            Meta(description="All of them, not what is to be added", examples=[{"lead:leads": ["viewown", "create"]}]),
        ]
        | UnsetType
    ) = UNSET
    is_admin: bool | UnsetType = UNSET
    description: LongText = UNSET
    is_published: bool | UnsetType = UNSET


class Credential(Record):
    """What an application gets its tokens with."""

    name: Annotated[str, Meta(examples=["Shop"])]
    client_id: Annotated[str, Meta(examples=["7_0123456789abcdef0123456789abcdef"])]
    role: Annotated[int | None, Meta(description="What it may do by itself; null: nothing", examples=[1])]
    redirect_uris: Annotated[list[str], Meta(examples=[["https://shop.example/oauth"]])]


class NewCredential(Credential):
    """A credential when it is made."""

    client_secret: Annotated[str, Meta(description="Shown this once", examples=["0123456789abcdef"])]


class CredentialChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Shop"])] | UnsetType = UNSET
    role: RoleId | UnsetType = UNSET
    redirect_uris: (
        Annotated[
            list[Annotated[str, Meta(max_length=2_047)]],
            Meta(max_length=20, examples=[["https://shop.example/oauth"]]),
        ]
        | UnsetType
    ) = UNSET
    is_published: bool | UnsetType = UNSET


ME = OneOf((User, Application))
