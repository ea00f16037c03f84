"""OAuth2 credentials: what applications get their tokens with. The admin's alone."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import Column, FormField, Json, KeepRights, Kept
from services.contacts.ui.users.users_page import LIST, roles

URIS = "redirectUris"
CREDENTIALS = Kept(
    path="/ui/users/credentials",
    api="/api/credentials",
    singular="credential",
    plural="credentials",
    one="credential",
    many="OAuth2 credentials",
    columns=(
        Column("name", "Name", order="name"),
        Column("clientId", "Client id"),
        Column("isPublished", "Lets in", order="is_published", kind="flag"),
        Column("dateAdded", "Made", order="date_added", kind="moment"),
    ),
    fields=(
        FormField("name", "Name of the application", is_required=True),
        FormField("role", "What it may do by itself", "choice", loads=roles, blank="Nothing: users let it in"),
        FormField(URIS, "Addresses that it leads users back to", "textarea", help="One a line."),
        FormField("isPublished", "It is let in", "flag", usual=True),
    ),
    rights=KeepRights("admin", "admin", "admin"),  # a right that nobody has but the admin
    about="With one an application calls the API, by its own role or in the name of users who let it in.",
    gone="What was granted by it counts no longer, within a second.",
)


class CredentialsPage(KeepingPage):
    list_template = LIST

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, CREDENTIALS)

    def values(self, thing: Json | None, fields: Sequence[FormField]) -> Json:
        return {**super().values(thing, fields), URIS: "\n".join(thing[URIS]) if thing else ""}

    async def body(self, said: Json, thing: Json | None) -> Json:
        return {**said, "role": said["role"] or 0, URIS: said[URIS].splitlines()}

    def done(self, request: Request, saved: Json) -> Response:
        """A new one is shown with its secret, this once."""
        if "clientSecret" not in saved:
            return super().done(request, saved)
        return self._desk.page(request, "users/credential.html", block="dialog", credential=saved)
