"""What is done to one contact at once: do not contact, tags, the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.channels import CHANNELS
from services.contacts.ui.contact.calls import PATH, api_of, done
from services.contacts.ui.desk import Desk, Handler

REASONS = {3: "by hand", 1: "unsubscribed", 2: "bounced"}


class ContactDialogs:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            f"{PATH}/dnc": {"GET": self.ask_refusal, "POST": self.refuse},
            f"{PATH}/dnc/{{channel}}/remove": {"POST": self.accept},
            f"{PATH}/tags": {"POST": self.tag},
            f"{PATH}/delete": {"GET": self.ask_delete, "POST": self.delete},
        }

    async def ask_refusal(self, request: Request) -> Response:
        return self._refusal(request, {"channel": "email", "reason": 3, "comments": ""})

    async def refuse(self, request: Request) -> Response:
        form = await self._desk.form(request)
        channel, reason = form.text("channel"), form.text("reason", "3")
        body = {"reason": int(reason) if reason in ("1", "2", "3") else 3, "comments": form.text("comments")}
        try:
            await self._desk.api.send("POST", api_of(request, f"/dnc/{quote(channel, safe='')}/add"), body)
        except ApiError as error:
            if error.status not in (400, 404):
                raise
            return self._refusal(request, {"channel": channel, **body}, error.message)
        return done(self._desk, request, "No more of these.")

    async def accept(self, request: Request) -> Response:
        channel = quote(request.path_params["channel"], safe="")
        await self._desk.api.send("POST", api_of(request, f"/dnc/{channel}/remove"))
        return done(self._desk, request, "May be contacted again.")

    async def tag(self, request: Request) -> Response:
        form = await self._desk.form(request)
        added, removed = form.words("add"), form.text("remove")
        words = added + ([f"-{removed}"] if removed else [])
        await self._desk.api.send("PATCH", api_of(request, "/edit"), {"tags": words})
        return done(self._desk, request, "Tagged." if added else "The tag is gone.")

    async def ask_delete(self, request: Request) -> Response:
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        return self._desk.page(
            request, "contact/delete.html", block="dialog", contact=contact, contact_id=contact["id"]
        )

    async def delete(self, request: Request) -> Response:
        await self._desk.api.send("DELETE", api_of(request, "/delete"))
        return self._desk.go(request, "/ui/contacts", "The contact is deleted.")

    def _refusal(self, request: Request, said: dict[str, Any], problem: str = "") -> Response:
        return self._desk.page(
            request, "contact/dnc.html", 422 if problem else 200, block="dialog", refusal=said, channels=CHANNELS,
            reasons=REASONS, problem=problem, contact_id=request.path_params["id"],
        )  # fmt: skip
