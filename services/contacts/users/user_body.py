"""Users and roles as the API reads and writes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from services.common.documents import ROLE, USER, Role, User
from services.common.passwords import MAX_LENGTH, MIN_LENGTH
from services.common.rights import CATALOG, implied
from services.common.values import normalise_email
from services.contacts.objects import Json
from services.contacts.people.change import InvalidChangeError
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody
from services.contacts.users import user_shapes

HASH = "passwordHash"  # under which a body holds the hash of its password; whatever a client says there is replaced
_NAME = re.compile(r"[^\s:/\\]{1,100}")


def read_password(said: Mapping[str, Any]) -> str:
    """`password`, or `plainPassword` as text or as password and confirm; '' when there is none. Raises
    `InvalidChangeError`."""
    given: Any = said.get("plainPassword", said.get("password"))
    confirm: Any = None
    if isinstance(given, dict):
        given, confirm = given.get("password"), given.get("confirm")
    if given in (None, ""):
        return ""
    if not isinstance(given, str) or not MIN_LENGTH <= len(given) <= MAX_LENGTH:
        raise InvalidChangeError({"plainPassword": [f"From {MIN_LENGTH} to {MAX_LENGTH} characters are needed."]})
    if confirm is not None and confirm != given:
        raise InvalidChangeError({"plainPassword": ["The passwords are not the same."]})
    return given


def read_user(said: Mapping[str, Any], old: User | None, password_hash: str) -> User:
    """A blank `password_hash` keeps the old one. Raises `InvalidChangeError`."""
    body = RecordBody(said)
    user = User(
        username=body.text("username", old.username if old else "", is_required=True),
        first_name=body.text("firstName", old.first_name if old else "", is_required=not old),
        last_name=body.text("lastName", old.last_name if old else ""),
        email=body.text("email", old.email if old else "", is_required=not old),
        role_id=_role(body, old.role_id if old else 0),
        password_hash=password_hash or (old.password_hash if old else ""),
        position=body.text("position", old.position if old else ""),
        signature=body.text("signature", old.signature if old else "", most=MAX_LONG_TEXT),
        timezone=body.text("timezone", old.timezone if old else ""),
        locale=body.text("locale", old.locale if old else ""),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    if user.username and not _NAME.fullmatch(user.username):
        body.wrong["username"] = ["At most 100 characters, without white space, colon and slash."]
    if user.email and normalise_email(user.email) is None:
        body.wrong["email"] = ["This value is not a valid email address."]
    if not old and not password_hash:
        body.wrong["plainPassword"] = ["This value should not be blank."]
    if not user.role_id:
        body.wrong.setdefault("role", ["This value should not be blank."])
    body.check()
    return user


def _role(body: RecordBody, old: int) -> int:
    if not body.has("role"):
        return old
    said = body.raw("role")
    text = str(said.get("id", "") if isinstance(said, dict) else said).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        body.wrong["role"] = ["This value must be an id."]
        return 0
    return int(text)


def show_user(user: User) -> Json:
    """Without its role, which is another record; and never its password."""
    return {
        "username": user.username,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email or None,
        "position": user.position or None,
        "role": {"id": user.role_id},
        "signature": user.signature or None,
        "timezone": user.timezone or None,
        "locale": user.locale or None,
    }


def _read_role(said: dict[str, Any], old: Role | None) -> Role:
    body = RecordBody(said)
    role = Role(
        name=body.text("name", old.name if old else "", is_required=True),
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        is_admin=body.flag("isAdmin", old=old.is_admin if old else False),
        permissions=_permissions(body, old.permissions if old else {}),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    return role


def _permissions(body: RecordBody, old: dict[str, list[str]]) -> dict[str, list[str]]:
    """`rawPermissions`: names by level, as lead:leads: [viewown, create]; all of them, not what is to be added."""
    said = body.raw("rawPermissions")
    if said is None:
        return old
    if said == []:
        return {}  # how PHP writes an empty object
    if not isinstance(said, dict):
        body.wrong["rawPermissions"] = ["This value is not valid."]
        return {}
    levels = {str(level): _names(names) for level, names in said.items()}
    unknown = [f"{level}:{name}" for level, names in levels.items() for name in names
               if name not in CATALOG.get(level, ())]  # fmt: skip
    unknown += [level for level in levels if level not in CATALOG]
    if unknown:
        body.wrong["rawPermissions"] = [f"There is no right {unknown[0][:60]}."]
    return implied(levels)


def _names(said: Any) -> list[str]:
    found = list(said.values()) if isinstance(said, dict) else said if isinstance(said, list) else [said]
    return [str(one) for one in found]


def _show_role(_: str, role: Role) -> Json:
    return {
        "name": role.name,
        "description": role.description or None,
        "isAdmin": role.is_admin,
        "rawPermissions": role.permissions,
    }


USERS = Resource(
    USER,
    "user",
    "users",
    User,
    None,
    lambda _, user: show_user(user),
    shown=user_shapes.User,
    said=user_shapes.UserChange,
    needs=("username", "firstName", "email", "plainPassword", "role"),
)
ROLES = Resource(
    ROLE,
    "role",
    "roles",
    Role,
    _read_role,
    _show_role,
    shown=user_shapes.Role,
    said=user_shapes.RoleChange,
    needs=("name",),
)
