"""A mail to one contact: a text of one's own, or a template."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.contact.calls import PATH, api_of, done
from services.contacts.ui.contact.contact_dialogs import REASONS
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.keeping.choices import MOST
from services.contacts.ui.people_names import values_of

NO_SERVER = "Mails are not sent here: SPOOR_SMTP_URL says no server."
TEXTS = ("subject", "body", "fromName", "fromAddress", "template")


class MailDialog:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {f"{PATH}/email": {"GET": self.show, "POST": self.send}}

    async def show(self, request: Request) -> Response:
        me = await self._desk.api.get("/api/users/self")
        name = f"{me.get('firstName') or ''} {me.get('lastName') or ''}".strip()
        said = {**dict.fromkeys(TEXTS, ""), "fromName": name, "fromAddress": me.get("email") or ""}
        return await self._form(request, said)

    async def send(self, request: Request) -> Response:
        form = await self._desk.form(request)
        said = {name: form.text(name) for name in TEXTS}
        body: dict[str, Any] = {name: text for name, text in said.items() if text}
        if said["template"]:
            body["template"] = form.number("template")
        try:
            answer = await self._desk.api.send("POST", api_of(request, "/email"), body)
        except ApiError as error:
            if error.status not in (400, 404, 409):
                raise
            return await self._form(request, said, error)
        if not answer["success"]:
            return await self._form(request, said, ApiError(409, answer["failed"]))
        return done(self._desk, request, "The mail is on its way.")

    async def _form(self, request: Request, said: Mapping[str, Any], error: ApiError | None = None) -> Response:
        found, templates = await asyncio.gather(self._desk.api.get(api_of(request)), self._templates())
        contact = found["contact"]
        return self._desk.page(
            request, "contact/email.html", 422 if error else 200, block="dialog", contact=contact, mail=said,
            contact_id=request.path_params["id"], templates=templates, problem=error.message if error else "",
            wrong=error.details or {} if error else {}, obstacle=obstacle(contact, self._desk.settings.smtp_url),
        )  # fmt: skip

    async def _templates(self) -> list[Any]:
        """Those that the caller may see."""
        query = {"limit": MOST, "published": 1, "orderBy": "name"}
        return await self._desk.api.things_seen("/api/emails", "emails", query)


def obstacle(contact: Mapping[str, Any], server: str) -> str:
    """Why no mail can go there now, '' where one can."""
    refusal = next((one for one in contact["doNotContact"] if one["channel"] == "email"), None)
    if refusal:
        return f"The contact does not want mails: {REASONS.get(refusal['reason'], 'do not contact')}."
    if not values_of(contact).get("email"):
        return "The contact has no email address."
    return "" if server else NO_SERVER
