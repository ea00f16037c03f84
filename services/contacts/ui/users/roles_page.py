"""Roles: what their users may do, as a table of rights by level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.common.rights import CATALOG, is_right
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.form import Form
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import Column, FormField, Json, Kept, rights_of
from services.contacts.ui.users.users_page import LIST

RIGHTS = "rawPermissions"  # as the API names them
LEVELS = {
    "api:access": "The API", "asset:assets": "Assets", "audit:log": "Audit log", "campaign:campaigns": "Campaigns",
    "category:categories": "Categories", "email:emails": "Templates of mails", "form:forms": "Forms",
    "lead:export": "Exports", "lead:fields": "Fields", "lead:imports": "Imports", "lead:leads": "Contacts, companies",
    "lead:lists": "Segments", "page:pages": "Tracked links", "point:groups": "Groups of points",
    "point:points": "Rules for points", "point:triggers": "Triggers", "report:export": "Reports",
    "sms:smses": "Text messages", "stage:stages": "Stages", "tagManager:tagManager": "Tags", "user:roles": "Roles",
    "user:users": "Users", "webhook:webhooks": "Webhooks",
}  # fmt: skip
WORDS = {
    "viewown": "see own", "viewother": "see others'", "editown": "edit own", "editother": "edit others'",
    "deleteown": "delete own", "deleteother": "delete others'", "publishown": "publish own",
    "publishother": "publish others'", "view": "see", "full": "everything", "enable": "make",
}  # fmt: skip
ROLES = Kept(
    path="/ui/users/roles",
    api="/api/roles",
    singular="role",
    plural="roles",
    one="role",
    many="roles",
    columns=(
        Column("name", "Name", order="name"),
        Column("description", "Description"),
        Column("isAdmin", "May do everything", kind="flag"),
        Column("rights", "Rights", show=lambda role: f"{sum(map(len, role[RIGHTS].values()))}"),
    ),
    fields=(
        FormField("name", "Name", is_required=True),
        FormField("description", "Description", "textarea"),
        FormField("isAdmin", "They may do everything, whatever is chosen below", "flag"),
        FormField("isPublished", "Published", "flag", usual=True),
    ),
    rights=rights_of("user:roles"),
    about="A role says what its users may do.",
    has_page=True,  # its form: the table of rights is too large for a dialog
)


class RolesPage(KeepingPage):
    list_template, form_template = LIST, "users/role_form.html"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, ROLES)

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {**super().handlers(), f"{ROLES.path}/{{id:id}}": {"GET": self.ask_edit}}

    def leads_to(self, thing: Json) -> str:
        return ROLES.path

    def values(self, thing: Json | None, fields: Sequence[FormField]) -> Json:
        return {**super().values(thing, fields), **_table(thing[RIGHTS] if thing else {})}

    async def said(self, form: Form, fields: Sequence[FormField]) -> Json:
        chosen: dict[str, list[str]] = {}
        for right in filter(is_right, form.all("right")):
            level, _, name = right.rpartition(":")
            chosen.setdefault(level, []).append(name)
        return {**(await super().said(form, fields)), **_table(chosen)}

    async def body(self, said: Json, thing: Json | None) -> Json:
        return {name: value for name, value in said.items() if name not in ("catalog", "levels", "words")}


def _table(chosen: Mapping[str, Sequence[str]]) -> Json:
    """The rights of a role, and what its form shows them with."""
    return {RIGHTS: chosen, "catalog": CATALOG, "levels": LEVELS, "words": WORDS}
