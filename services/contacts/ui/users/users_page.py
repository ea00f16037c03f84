"""Users: who may log in, under which role."""

from __future__ import annotations

from collections.abc import Sequence

from services.contacts.ui.desk import Desk
from services.contacts.ui.form import Form
from services.contacts.ui.inner_api import InnerApi
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import Choices, Column, FormField, Json, Kept, rights_of

LIST = "users/list.html"  # with the tabs of users, roles and credentials
_PASSWORD = "plainPassword"  # as the API names it


async def roles(api: InnerApi) -> Choices:
    return [(str(one["id"]), one["name"]) for one in await api.get("/api/users/list/roles")]


USERS = Kept(
    path="/ui/users",
    api="/api/users",
    singular="user",
    plural="users",
    one="user",
    many="users",
    columns=(
        Column("username", "User", order="name"),
        Column("fullName", "Name", show=lambda user: f"{user['firstName']} {user['lastName']}".strip()),
        Column("email", "Email"),
        Column("role", "Role", show=lambda user: user["role"].get("name", "")),
        Column("isPublished", "May log in", order="is_published", kind="flag"),
    ),
    fields=(
        FormField("username", "User name", help="Without white space, colon and slash.", is_required=True),
        FormField("firstName", "First name", is_required=True),
        FormField("lastName", "Last name"),
        FormField("email", "Email", "email", help="Who logs in may also say this.", is_required=True),
        FormField("role", "Role", "choice", loads=roles, blank="Choose one", is_required=True),
        FormField(_PASSWORD, "Password", "password", is_required=True, is_for="new"),
        FormField(_PASSWORD, "New password", "password", help="Blank: it stays.", is_for="edit"),
        FormField("position", "Position"),
        FormField("timezone", "Time zone", help="Such as Europe/Berlin."),
        FormField("locale", "Locale", help="Such as en_US."),
        FormField("signature", "Signature", "textarea"),
        FormField("isPublished", "May log in", "flag", usual=True),
    ),
    rights=rights_of("user:users"),
    name=lambda user: str(user["username"]),
    about="A user logs in by name or address, and may do what the role says.",
    gone="They are out within two seconds, and their tokens let in nobody. What they made stays.",
)


class UsersPage(KeepingPage):
    list_template = LIST

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, USERS)

    async def said(self, form: Form, fields: Sequence[FormField]) -> Json:
        """The password as it was typed."""
        return {**(await super().said(form, fields)), _PASSWORD: form.raw(_PASSWORD)}
